"""Connected parts of a mask, looked for at a quarter of its size, where few specks of noise are left to be looked at.

Two of four rows are enough for that: what is a few pixels high is in one of them.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from tapetum.motion.stage import Slices
from tapetum.scene import Plane

CELL = 4  # pixels each way: what is set in one of them sets a cell, and cells that touch are one part
_LOWER = 2  # the row of a cell that is looked at beside its first
_FOUR = np.uint32  # as many pixels of a row at once


class Coarse:
    """What is needed to look at masks of one shape (h, w). Its memory is a quarter of a byte for each pixel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        height, width = shape
        self._either = np.zeros((-(-height // CELL), -(-width // CELL) * CELL), np.uint8)  # of two rows

    def parts(self, mask: Plane, rows: slice) -> Iterator[Slices]:
        """Yield the box of each part of `mask` in these `rows`, by its outer outline; a cell begins with the first."""
        upper, lower = mask[rows][::CELL], mask[rows][_LOWER::CELL]
        first, width = rows.start // CELL, mask.shape[1]
        either = self._either[first : first + len(upper)]
        both = len(lower)  # the last cell may have one row alone
        cv2.max(upper[:both], lower, dst=either[:both, :width])
        if both < len(upper):
            either[both:, :width] = upper[both:]
        cells = (either.view(_FOUR) != 0).view(np.uint8)
        contours, _ = cv2.findContours(cells, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            left, top, columns, height = cv2.boundingRect(contour)
            top += first
            yield slice(CELL * top, CELL * (top + height)), slice(CELL * left, CELL * (left + columns))
