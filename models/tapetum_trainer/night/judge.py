"""How near pictures taken with too little light are brought to the same ones taken with enough.

PSNR and SSIM (Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004), both
by TensorFlow, of each picture: as it is, by what the device does without a network (gamma), and by the network's curve.
The brightness of the result is not matched to the other picture's before, which would add 2 to 3 dB.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.enhance.night import Night
from tapetum.inference.contract import Input
from tapetum.inference.preprocess import Quantizer
from tapetum.inference.tensors import TensorSpec
from tapetum.inference.tflite import runtime
from tapetum_trainer.night.curve import raised
from tapetum_trainer.night.dark import Pair, Picture, shrunk

Way = Callable[[Picture], Picture]


class CurveModel:
    """A curve network as a .tflite, float or of whole numbers."""

    def __init__(self, content: bytes, picture: Input) -> None:
        self._interpreter: Any = runtime().Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._side = picture.width
        self._quantizer = Quantizer(picture)

    def curve(self, picture: Picture) -> NDArray[np.float32]:
        """Return the curves (g, g, 3), 0..1, for `picture` (h, w, 3) RGB of any size."""
        place = self._interpreter.get_input_details()[0]["index"]
        self._quantizer.into(shrunk(picture, self._side), self._interpreter.tensor(place)()[0])
        self._interpreter.invoke()
        details = self._interpreter.get_output_details()[0]
        found = TensorSpec.of(details).real(self._interpreter.get_tensor(details["index"]))
        return np.asarray(found[0], np.float32)

    def raised(self, picture: Picture) -> Picture:
        """Return `picture` raised by its curve."""
        return raised(picture, self.curve(picture))


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one picture, or the mean of several."""

    psnr: float  # dB
    ssim: float  # 0..1


def by_gamma(picture: Picture) -> Picture:
    """Return what the device makes of a crop in a scene as dark as it."""
    vision = Night().start()
    vision.observe(np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8))
    return vision.enhance(picture)


def ways(models: Mapping[str, CurveModel]) -> dict[str, Way]:
    """Return all that is compared, by name."""
    found: dict[str, Way] = {"as it is": np.copy, "gamma": by_gamma}
    return found | {name: model.raised for name, model in models.items()}


def judged(given: Sequence[Pair], compared: Mapping[str, Way]) -> dict[str, list[Figures]]:
    """Return the figures of each way, one for each pair."""
    return {name: [figures(way(pair.low), pair.high) for pair in given] for name, way in compared.items()}


def figures(one: Picture, other: Picture) -> Figures:
    """Return how alike two pictures of one size are."""
    import tensorflow  # noqa: PLC0415  it takes seconds

    psnr = tensorflow.image.psnr(one, other, 255)
    return Figures(float(psnr), float(tensorflow.image.ssim(one, other, 255)))


def means(found: Mapping[str, Sequence[Figures]]) -> dict[str, Figures]:
    """Return the mean over the pairs, of each way."""
    return {
        name: Figures(mean(one.psnr for one in seen), mean(one.ssim for one in seen)) for name, seen in found.items()
    }


def rows(given: Sequence[Pair], found: Mapping[str, Sequence[Figures]]) -> list[tuple[str, ...]]:
    """Return a table: a line of titles, one for each pair, and the means; each cell PSNR and SSIM."""
    lines = [(pair.name, *(_told(seen[place]) for seen in found.values())) for place, pair in enumerate(given)]
    return [("PSNR dB, SSIM", *found), *lines, ("mean", *(_told(one) for one in means(found).values()))]


def _told(one: Figures) -> str:
    return f"{one.psnr:.2f}, {one.ssim:.3f}"
