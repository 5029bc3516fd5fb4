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

    share: (16,) of each level's samples that they are of; the others differ by more.
    """

    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]
    seen: NDArray[np.bool_]
    share: NDArray[np.float64]


def samples(plane: Plane) -> Samples:
    """Return one pixel in 16 of `plane`, or fewer, but thousands."""
    stride = max(_STRIDE, int((plane.size / _ENOUGH) ** 0.5))
    return plane[::stride, ::stride].ravel().astype(np.int16)


def quartiles(background: Samples, difference: Samples, most: int = 255) -> Quartiles:
    """Return the quartiles, at each level of `background`, of the `difference` that is no larger than `most`.

    One histogram of level and difference gives all levels at once; its last column holds what is larger. Differences
    are whole steps, so a step's share is taken as spread evenly over it, or the noise of a quiet camera would come out
    as 0.
    """
    steps = 2 * most + 1
    column = np.minimum((difference + most).astype(np.uint16), steps)  # what is below -most comes to be the largest
    cell = (background >> 4).astype(np.uint16) * np.uint16(steps + 1) + column
    every = np.bincount(cell, minlength=LEVELS * (steps + 1)).reshape(LEVELS, steps + 1)
    histogram = every[:, :steps]
    counts = histogram.sum(axis=1)
    low, middle, high = _quantiles(histogram, counts) - most
    return Quartiles(low, middle, high, counts >= _FEWEST, counts / np.maximum(1, counts + every[:, steps]))


def _quantiles(histogram: NDArray[np.intp], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (3, 16): where in each row of `histogram` a quarter, a half and three quarters of its `counts` lie below.

    In its steps, interpolated within the step.
    """
    steps = histogram.shape[1]
    below = np.cumsum(histogram)  # of all rows, one after another: one search finds all
    wanted = _SHARES * counts + (np.cumsum(counts) - counts)
    step = np.searchsorted(below, wanted, side="right")
    step = np.minimum(step, (_ROWS + 1) * steps - 1)
    inside = histogram.ravel()[step]
    into: NDArray[np.float64] = (wanted - below[step] + inside) / np.maximum(inside, 1)
    return np.asarray(step - _ROWS * steps - 0.5 + into, np.float64)
