"""Statistics of picture against background for each level of brightness, from some thousand pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane

LEVELS = 16  # of brightness, each 16 luma steps wide
CENTRES = np.arange(LEVELS) * 16 + 8
_STRIDE = 4  # pixels from one sample to the next, or more where that gives
_ENOUGH = 5000  # samples: a quartile good to 2 %
_FEWEST = 32  # samples of a level in one frame from which its quartiles are believed
_SHARES = np.array([[0.25], [0.5], [0.75]])
_ROWS = np.arange(LEVELS)

Samples = NDArray[np.int16]
"""Brightness of some pixels, flat: small enough to cost no memory worth naming, signed so that it may be subtracted."""


@dataclass(frozen=True, slots=True)
class Quartiles:
    """low, middle, high: (16,) quartiles of picture - background in luma steps; seen: (16,) where they are believed.

    counts: (16,) of how many samples each is.
    """

    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]
    seen: NDArray[np.bool_]
    counts: NDArray[np.intp]


def samples(plane: Plane) -> Samples:
    """Return one pixel in 16 of `plane`, or fewer, but thousands."""
    stride = max(_STRIDE, int((plane.size / _ENOUGH) ** 0.5))
    return plane[::stride, ::stride].ravel().astype(np.int16)


def quartiles(background: Samples, difference: Samples, most: int = 255) -> Quartiles:
    """Return the quartiles of `difference` (-most..most) at each level of `background`.

    One histogram of level and difference gives all levels at once. Differences are whole steps, so a step's share is
    taken as spread evenly over it, or the noise of a quiet camera would come out as 0.
    """
    steps = 2 * most + 1
    cell = (background >> 4) * steps + difference + most
    histogram = np.bincount(cell, minlength=LEVELS * steps).reshape(LEVELS, steps)
    below = np.cumsum(histogram, axis=1)
    low, middle, high = _quantiles(histogram, below) - most
    counts = below[:, -1]
    return Quartiles(low, middle, high, counts >= _FEWEST, counts)


def _quantiles(histogram: NDArray[np.intp], below: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (3, 16): where in each row a quarter, a half and three quarters of it lie below.

    In steps of the histogram, interpolated within the step.
    """
    wanted = _SHARES * below[:, -1]
    step = np.minimum((below <= wanted[:, :, None]).sum(axis=2), below.shape[1] - 1)
    inside = histogram[_ROWS, step]
    into: NDArray[np.float64] = (wanted - below[_ROWS, step] + inside) / np.maximum(inside, 1)
    return np.asarray(step - 0.5 + into, np.float64)
