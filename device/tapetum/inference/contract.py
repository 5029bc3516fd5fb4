"""What a model takes, how its answers are read, and all that is needed to run it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.errors import Unsuitable
from tapetum.inference.decode import AnyDecoder, recognise
from tapetum.inference.tensors import TensorSpec
from tapetum.settings import Fraction, Positive, Settings

MOST_CLASSES = 100_000
"""A class is a number below this: ten times the labels that a bundle may have."""
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
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of one picture."""
        return self.height, self.width, self.channels


class Contract(Settings, frozen=True, kw_only=True):
    """What goes in, and how what comes out is read."""

    input: Input
    decoder: AnyDecoder

    @classmethod
    def recognised(cls, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> "Contract":
        """Return the contract of a model that brings none, by its tensors.

        A quantized input takes the pixels as they are, shifted by 128 for int8: the range that its numbers can stand
        for is that of the pixels it was calibrated with. What a float input holds is the convention of its family.

        Raises Unsuitable, with what would be right, when the model takes no picture or its outputs cannot be read.
        """
        picture = _picture(inputs)
        decoder = recognise(inputs, outputs)
        return cls(input=_input(picture, decoder), decoder=decoder)

    def check(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        """Raise Unsuitable when this is not the contract of a model with these tensors."""
        found, wanted = _picture(inputs), self.input
        if (found.shape[1:], found.dtype) != (wanted.shape, wanted.dtype):
            raise Unsuitable(
                f"its input is {found.shape[1:]} {found.dtype}; its contract says {wanted.shape} {wanted.dtype}"
            )
        if (found.quantized and not np.isclose(found.scale, wanted.scale)) or found.zero_point != wanted.zero_point:
            raise Unsuitable(
                f"its input has scale {found.scale:g} and zero point {found.zero_point}; "
                f"its contract says {wanted.scale:g} and {wanted.zero_point}"
            )
        if not self.decoder.fits(outputs):
            shapes = ", ".join(str(output.shape) for output in outputs)
            raise Unsuitable(f"its outputs are {shapes}; its contract's decoder reads {self.decoder.WANTED}")


def _picture(inputs: Sequence[TensorSpec]) -> TensorSpec:
    """Return the one input; raises Unsuitable when it is not one picture of a type that is known."""
    if len(inputs) != 1:
        raise Unsuitable(f"it takes {len(inputs)} inputs; one picture is wanted")
    shape, dtype = inputs[0].shape, inputs[0].dtype
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3) or not 1 <= min(shape) <= max(shape) <= 4096:
        raise Unsuitable(
            f"its input is {shape}; one picture (1, height, width, channels) is wanted, RGB with 3 or gray with 1"
        )
    if dtype not in ("uint8", "int8", "float32"):
        raise Unsuitable(f"its input is {dtype}; uint8, int8 or float32 is wanted")
    return inputs[0]


def _input(picture: TensorSpec, decoder: AnyDecoder) -> Input:
    """Return what the tensor `picture` takes, as `Contract.recognised` says."""
    mean, std = decoder.MEAN_STD
    if picture.quantized:
        mean = picture.zero_point - float(np.iinfo(picture.dtype).min)
        std = 1 / picture.scale
    _, height, width, channels = picture.shape
    found = {"width": width, "height": height, "channels": channels, "dtype": picture.dtype, "scale": picture.scale}
    found |= {"zero_point": picture.zero_point, "mean": [mean] * 3, "std": [std] * 3}
    try:
        return msgspec.convert(found | {"fit": decoder.FIT, "pad": decoder.PAD}, Input)
    except msgspec.ValidationError as error:
        raise Unsuitable(f"its input cannot be filled: {error}") from None


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
