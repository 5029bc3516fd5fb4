"""Statistics of picture against background for each level of brightness, from one pixel in sixteen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane

LEVELS = 16  # of brightness, each 16 luma steps wide
CENTRES = np.arange(LEVELS) * 16 + 8
_STRIDE = 4  # one sample in 16 pixels: 5,000 of a 384x216 luma, a quartile good to 2 %
_FEWEST = 32  # samples of a level in one frame from which its quartiles are believed

Samples = NDArray[np.int16]
"""Brightness of some pixels, flat: small enough to cost no memory worth naming, signed so that it may be subtracted."""


@dataclass(frozen=True, slots=True)
class Quartiles:
    """low, middle, high: (16,) quartiles of picture - background in luma steps; seen: (16,) where they are believed."""

    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]
    seen: NDArray[np.bool_]


def samples(plane: Plane) -> Samples:
    """Return one pixel in 16 of `plane`."""
    return plane[::_STRIDE, ::_STRIDE].ravel().astype(np.int16)


def quartiles(background: Samples, difference: Samples) -> Quartiles:
    """Return the quartiles of `difference` (-255..255) at each level of `background`.

    One histogram of level and difference gives all levels at once. Differences are whole steps, so a step's share is
    taken as spread evenly over it, or the noise of a quiet camera would come out as 0.
    """
    cell = (background >> 4) * 512 + difference + 256
    histogram = np.bincount(cell, minlength=LEVELS * 512).reshape(LEVELS, 512)
    below = np.cumsum(histogram, axis=1, dtype=np.int32)
    low, middle, high = (_quantile(histogram, below, share) for share in (0.25, 0.5, 0.75))
    return Quartiles(low, middle, high, below[:, -1] >= _FEWEST)


def _quantile(histogram: NDArray[np.intp], below: NDArray[np.int32], share: float) -> NDArray[np.float64]:
    """Return where `share` of each row lies below, in luma steps, interpolated within the step."""
    rows = np.arange(LEVELS)
    wanted = share * below[:, -1]
    step = np.minimum((below <= wanted[:, None]).sum(axis=1), 511)
    inside = histogram[rows, step]
    into: NDArray[np.float64] = np.divide(wanted - below[rows, step] + inside, np.maximum(inside, 1))
    return np.asarray(step - 256.5 + into, np.float64)
