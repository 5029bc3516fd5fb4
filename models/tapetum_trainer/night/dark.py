"""Dark pictures whose bright ones are known, to see how near a network brings them: never to train with.

For validation a picture that is packed is darkened by the recipe's own augmentation; for judging there are pairs that a
camera took, with little exposure and with enough.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.inference.preprocess import resize
from tapetum_trainer.augment.conditions import suffered
from tapetum_trainer.augment.settings import Augmentation
from tapetum_trainer.data.packed import Packed
from tapetum_trainer.data.pictures import pixels
from tapetum_trainer.errors import DataError, RecipeError
from tapetum_trainer.night.curve import raised
from tapetum_trainer.scaling import real
from tapetum_trainer.sides import Sides, size_of

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pair:
    """One picture twice, (h, w, 3) RGB."""

    name: str
    low: Picture
    high: Picture


def shrunk(picture: Picture, side: Sides) -> Picture:
    """Return `picture` stretched to `side` pixels, as a network sees it."""
    width, height = size_of(side)
    found = np.empty((height, width, 3), np.uint8)
    resize(picture, found)
    return found


def darkened(pictures: Packed, augmentation: Augmentation, most: int = 128) -> list[Pair]:
    """Return up to `most` of the pictures, spread over the set, at the network's size and darkened: always the same.

    Those that the lot leaves as they are are left out. Raises RecipeError when the recipe darkens none.
    """
    found = []
    for index in np.linspace(0, len(pictures) - 1, min(most, len(pictures))).round().astype(int).tolist():
        high = shrunk(pictures.picture(index), augmentation.side)
        random = np.random.default_rng((augmentation.seed, index))
        low = suffered(high, augmentation.conditions, random) if augmentation.conditions else high
        if not np.array_equal(low, high):
            found.append(Pair(pictures.origin(index), low, high))
    if not found:
        raise RecipeError("augmentation.conditions: they darken no picture; exposure and night are to be more")
    return found


def pairs(folder: Path) -> list[Pair]:
    """Return the pairs in `folder`: files of one name in `low` and in `high`; raises DataError when there are none."""
    names = sorted(path.name for path in (folder / "low").glob("*") if (folder / "high" / path.name).is_file())
    if not names:
        raise DataError("no pairs are here: files of one name in the folders low and high", folder)
    return [Pair(name, pixels(folder / "low" / name), pixels(folder / "high" / name)) for name in names]


class Validation:
    """How near a network brings darkened pictures to what they were: the mean PSNR, dB."""

    def __init__(self, given: Sequence[Pair]) -> None:
        """Judge by these, which are of the network's size."""
        self._pairs = given
        self._asked = real(np.stack([pair.low for pair in given]))

    def __call__(self, network: Any) -> float:
        """Return it."""
        curves = np.asarray(network.predict_on_batch(self._asked), np.float32)
        return float(np.mean(list(self._decibels(curves))))

    def _decibels(self, curves: NDArray[np.float32]) -> Iterator[float]:
        for pair, curve in zip(self._pairs, curves, strict=True):
            yield cv2.PSNR(raised(pair.low, curve), pair.high)
