"""Which pixels have the colours of a thing and not those around it, and which boxes are full of such.

L. Bertinetto et al., "Staple: complementary learners for real-time tracking", CVPR 2016: colours do not mind how a
thing bends, where a filter of its shape does.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane
from tapetum.tracking.bins import BINS, bins_of

_PRIOR = 2e-3  # of a patch's pixels: colours that were hardly seen say nothing


class Colours:
    """The histograms of a thing and of what is around it, over the same bins."""

    def __init__(self, planes: tuple[Plane, Plane, Plane], inner: tuple[slice, slice]) -> None:
        self._own, self._other = _histograms(bins_of(*planes), inner)
        self._table = self._likelihood()

    def learn(self, planes: tuple[Plane, Plane, Plane], inner: tuple[slice, slice], rate: float) -> None:
        """Go `rate` of the way to what y, u, v, each (rows, columns), show of the thing `inner` and around it."""
        own, other = _histograms(bins_of(*planes), inner)
        self._own += rate * (own - self._own)
        self._other += rate * (other - self._other)
        self._table = self._likelihood()

    def likelihood(self, planes: tuple[Plane, Plane, Plane]) -> NDArray[np.float32]:
        """Return for each pixel of the planes (rows, columns) how likely it is the thing's, 0..1."""
        return self._table.take(bins_of(*planes))

    def _likelihood(self) -> NDArray[np.float32]:
        return ((self._own + _PRIOR / 2) / (self._own + self._other + _PRIOR)).astype(np.float32)


def boxes(likelihood: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return the mean of `likelihood` in a box of `size` (width, height) around each pixel."""
    return np.asarray(cv2.blur(likelihood, size, borderType=cv2.BORDER_REPLICATE), np.float32)


def _histograms(bins: NDArray[np.int32], inner: tuple[slice, slice]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    own = np.bincount(bins[inner].ravel(), minlength=BINS).astype(np.float64)
    other = np.bincount(bins.ravel(), minlength=BINS) - own
    return own / max(1.0, own.sum()), other / max(1.0, other.sum())
