"""What the random sums are taken of: brightness, how it rises in four directions, and colour, in cells of a thing."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box, Frame, Plane
from tapetum.tracking.patches import patch

MARGIN = 9  # cells on each side of the thing: as far as it is looked for
GRAY_PLANES, COUNT = 5, 7  # the last two are U and V
_SIDE = 8  # cells: the width and height of a thing that is as wide as high, whatever its size
_NARROWEST = 1 / 1.8  # of that: cells are squares unless a thing is narrower or wider than this squared
_FINE = 2  # pixels of a cell, each way, at which brightness is looked at
_BESIDE = 1.1  # times its width and height is what is taken for the thing: its outline tells it from the rest
_LEAST = 2.0  # pixels: nothing smaller is followed
_FAINT = 6.0  # luma steps, added to the spread of brightness by which all is divided
_COLOUR = 16.0  # steps of U and V that are as much
_COLOURLESS = 0.25  # spread of U and V together, of 16 steps, below which they tell nothing
_THING = slice(_FINE * MARGIN, -_FINE * MARGIN)

Planes = NDArray[np.float32]
"""(5 or 7, down + 2 * MARGIN, across + 2 * MARGIN): brightness, its rise to the right, left, down, up, U, V."""


@dataclass(frozen=True, slots=True)
class Cells:
    """How many cells a thing is across and down."""

    across: int
    down: int

    @classmethod
    def of(cls, box: Box, shape: tuple[int, ...]) -> Self:
        """Return those of `box` in a picture of `shape` (height, width): as nearly squares as they can be."""
        height, width = shape[:2]
        wider = float(np.sqrt(box.width * width / (box.height * height)))
        wider = min(1 / _NARROWEST, max(_NARROWEST, wider))
        return cls(round(_SIDE * wider), round(_SIDE / wider))

    def planes(self, frame: Frame, box: Box, count: int, times: float = 1.0) -> Planes:
        """Return the first `count` planes around `box`, `times` as far."""
        found = np.empty((count, self.down + 2 * MARGIN, self.across + 2 * MARGIN), np.float32)
        down, across = found.shape[1:]
        fine = _bright(self._cut(frame.luma, frame, box, times, _FINE))
        cv2.resize(
            fine.reshape(-1, fine.shape[-1]),
            (across, GRAY_PLANES * down),
            dst=found[:GRAY_PLANES].reshape(-1, across),
            interpolation=cv2.INTER_AREA,
        )
        for own, plane in zip(found[GRAY_PLANES:], (frame.u, frame.v), strict=False):
            np.subtract(self._cut(plane, frame, box, times, 1), 128, out=own, dtype=np.float32)
        found[GRAY_PLANES:] /= _COLOUR
        return found

    def _cut(self, plane: Plane, frame: Frame, box: Box, times: float, fine: int) -> Plane:
        (height, width), (rows, columns), (x, y) = frame.luma.shape, plane.shape, box.centre
        across, down = self.across + 2 * MARGIN, self.down + 2 * MARGIN
        share_x = _BESIDE * times * max(_LEAST / width, box.width) * across / self.across
        share_y = _BESIDE * times * max(_LEAST / height, box.height) * down / self.down
        return patch(plane, (x * columns, y * rows), (share_x * columns, share_y * rows), (fine * down, fine * across))

    def moved(self, box: Box, x: float, y: float) -> Box:
        """Return `box`, `x` cells to the right and `y` down."""
        return box.shifted(_BESIDE * x / self.across * box.width, _BESIDE * y / self.down * box.height)


def telling(shown: Planes) -> int:
    """Return how many of all the planes tell something: where there is no colour, not those of it."""
    return COUNT if float(shown[GRAY_PLANES:].std(axis=(1, 2)).sum()) >= _COLOURLESS else GRAY_PLANES


def _bright(luma: Plane) -> Planes:
    """Return the planes of brightness, normalised by its spread in the thing, each pixel a pixel."""
    level = luma.astype(np.float32)
    spread = float(level[_THING, _THING].std()) + _FAINT
    found = np.empty((GRAY_PLANES, *luma.shape), np.float32)
    np.subtract(level, level.mean(), out=found[0])
    found[0] /= spread
    for axis in (0, 1):
        rise = cv2.Sobel(level, cv2.CV_32F, 1 - axis, axis, ksize=3, scale=1 / (4 * spread))
        np.maximum(rise, 0, out=found[1 + 2 * axis])
        np.maximum(-rise, 0, out=found[2 + 2 * axis])
    np.sqrt(found[1:], out=found[1:])
    return found
