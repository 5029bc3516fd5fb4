"""Connected parts of a mask, looked at in half its size: which of them something else touches, and how much of it.

All parts are dealt with at once, by their labels, so that many cost little more than one.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane

_HALF = 127  # of 255: where half of the pixels are set

Counts = NDArray[np.intp]
"""(parts + 1,) pixels in each part, of half the size; first of what is in none."""


class Halves:
    """Planes of half the size of (h, w): `any_of` and `most_of` masks, 0 or 1, and the parts of one of them.

    Its memory is 2 bytes a pixel of the whole, and up to 3 more, as much of it as is in a part.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = tuple((side + 1) // 2 for side in shape)
        self._labels: NDArray[np.int32] = np.zeros(self.shape, np.int32)
        self._small: Plane = np.zeros(self.shape, np.uint8)
        self._wide: Plane = np.zeros((*self.shape, 2), np.uint8)
        self._shown: Plane = np.zeros(self.shape, np.uint8)
        self._places = np.zeros(0, np.intp)  # flat, of all that is in a part
        self._parts = np.zeros(0, np.int32)  # the label of each of them
        self._which: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def plane(self) -> Plane:
        """Return a new plane (h / 2, w / 2), all zero."""
        return np.zeros(self.shape, np.uint8)

    def any_of(self, mask: Plane, out: Plane) -> Plane:
        """Fill `out` with 1 where any pixel of `mask`, 0 or 255, is set."""
        return self._reduced(mask, 0, out)

    def most_of(self, mask: Plane, out: Plane) -> Plane:
        """Fill `out` with 1 where half of the pixels of `mask`, 0 or 255, are set."""
        return self._reduced(mask, _HALF, out)

    def enlarged(self, small: Plane, out: Plane) -> None:
        """Fill `out`, (h, w), with 255 where `small`, 0 or 1 and of half the size, is 1.

        Rows doubled by `merge` and copied twice take a third of the time of `resize`.
        """
        cv2.threshold(small, 0, 255, cv2.THRESH_BINARY, dst=self._small)
        cv2.merge([self._small, self._small], dst=self._wide)
        rows = self._wide.reshape(self.shape[0], -1)[:, : out.shape[1]]
        out[::2] = rows
        out[1::2] = rows[: out.shape[0] // 2]

    def label(self, mask: Plane) -> Counts:
        """Find the parts of `mask`, 0 or 1, of half the size; return how large each is, that of none as 0."""
        count, _ = cv2.connectedComponents(mask, labels=self._labels)
        self._places = np.flatnonzero(mask.view(np.bool_))
        self._parts = self._labels.ravel().take(self._places)
        self._which = np.zeros(0, np.bool_)
        return np.bincount(self._parts, minlength=count)

    def inside(self, mask: Plane, parts: int) -> Counts:
        """Return how many pixels of `mask`, 0 or 1, of half the size, each of the parts has."""
        own = self._parts[mask.ravel().take(self._places).view(np.bool_)]
        return np.bincount(own, minlength=parts)

    def shown(self, which: NDArray[np.bool_]) -> Plane:
        """Return 1 in the parts of which `which` (parts + 1,) is true, else 0, of half the size.

        It may not be written, and is valid until another is asked for.
        """
        if not np.array_equal(which, self._which):
            self._shown[:] = 0
            self._shown.ravel()[self._places] = which.take(self._parts)
            self._which = which
        return self._shown

    def _reduced(self, mask: Plane, more_than: int, out: Plane) -> Plane:
        cv2.resize(mask, self.shape[::-1], dst=self._small, interpolation=cv2.INTER_AREA)
        cv2.threshold(self._small, more_than, 1, cv2.THRESH_BINARY, dst=out)
        return out
