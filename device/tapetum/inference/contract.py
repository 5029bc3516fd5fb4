"""What a model takes, how its answers are read, and all that is needed to run it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.inference.decode import AnyDecoder
from tapetum.settings import Fraction, Positive, Settings

Side = Annotated[int, Meta(ge=1, le=4096)]


class Input(Settings, frozen=True, kw_only=True):
    """The picture that a model takes: (1, height, width, channels).

    real = (pixel - mean) / std with pixel 0..255, channel by channel; stored = real / scale + zero_point.
    """

    width: Side
    height: Side
    channels: Literal[1, 3] = 3  # 1: brightness alone, 3: RGB
    dtype: Literal["uint8", "int8", "float32"] = "uint8"
    scale: Annotated[float, Meta(ge=0)] = 0.0  # 0: float32, the real number is stored
    zero_point: Annotated[int, Meta(ge=-128, le=255)] = 0
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    std: tuple[Positive, Positive, Positive] = (127.5, 127.5, 127.5)
    fit: Literal["stretch", "letterbox"] = "stretch"  # how a picture of another shape is brought to this one
    pad: Annotated[int, Meta(ge=0, le=255)] = 128  # gray beside a letterboxed picture

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one picture."""
        return self.height, self.width, self.channels


class Contract(Settings, frozen=True, kw_only=True):
    """What goes in, and how what comes out is read."""

    input: Input
    decoder: AnyDecoder


@dataclass(frozen=True, slots=True)
class Expected:
    """One detection that a probe's answer must hold. box: left, top, right, bottom, fractions of the input."""

    label: str
    score: Fraction
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Probe:
    """A question whose answer is known. pixels: (height, width, channels) uint8, of the model's input size.

    The answer must hold each of `expected` with its label, a score within `score_tolerance`, an IoU of at least
    `iou`, and, where `expected` is empty, nothing of min_score.
    """

    pixels: NDArray[np.uint8]
    expected: tuple[Expected, ...]
    score_tolerance: float = 0.1
    iou: float = 0.7


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model with all that is needed to run it, wherever it comes from.

    name: `name@version`. contract: None, and the worker recognises it by its tensors. min_score: by label, where it is
    not the one of the configuration. twins: accelerator's type -> the model compiled for it.
    """

    name: str
    content: bytes
    labels: tuple[str, ...]
    contract: Contract | None = None
    min_score: Mapping[str, float] = field(default_factory=dict)
    twins: Mapping[str, bytes] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()
