"""Which model is asked, and within which bounds."""

from typing import Annotated

from msgspec import Meta

from tapetum.inference.accelerators import Accelerator, Cpu
from tapetum.settings import Fraction, Seconds, Settings


class Inference(Settings, frozen=True):
    """The model and its worker."""

    model: str = ""  # path of a .tflite; "": motion alone
    labels: str = ""  # path of its labels, a line each; "": those in the model, else in a file beside it
    min_score: Fraction = 0.3  # detections below are not even reported
    accelerators: Annotated[tuple[Accelerator, ...], Meta(min_length=1, max_length=8)] = (Cpu(),)  # in the order tried
    deadline_s: Seconds = 5.0  # without an answer for so long, the worker is taken for hung and replaced
    load_s: Seconds = 30.0  # the same while it loads the model
    memory_mb: Annotated[int, Meta(ge=128, le=65536)] = 2048  # address space the worker may take
    spare: bool = True  # keep a second worker without a model, which takes the place of one that fails
