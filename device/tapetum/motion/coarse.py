"""Connected parts of a mask, looked for at a quarter of its size, where fewer specks are left to be looked at."""

from collections.abc import Iterator

import cv2
import numpy as np

from tapetum.motion.stage import Slices
from tapetum.scene import Plane

CELL = 4  # pixels each way: what is set in one of them sets a cell, and cells that touch are one part
_FOUR = np.uint32  # as many pixels of a row at once


class Coarse:
    """What is needed to look at masks of one shape (h, w). Its memory is three quarters of a byte for each pixel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        height, width = shape
        rows, columns = -(-height // CELL), -(-width // CELL)  # of cells
        self._halves: Plane = np.zeros((2 * rows, columns * CELL), np.uint8)  # what is set in either of two rows
        self._cells: Plane = np.zeros((rows, columns * CELL), np.uint8)  # and of four

    def parts(self, mask: Plane, rows: slice) -> Iterator[Slices]:
        """Yield the box of each part of `mask` in these `rows`, by its outer outline; a cell begins with the first."""
        first, last = rows.start // CELL, -(-rows.stop // CELL)
        halves = _either(mask[rows], self._halves[2 * first : 2 * last])
        cells = _either(halves, self._cells[first:last]).view(_FOUR) != 0
        contours, _ = cv2.findContours(cells.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            left, top, columns, height = cv2.boundingRect(contour)
            top += first
            yield slice(CELL * top, CELL * (top + height)), slice(CELL * left, CELL * (left + columns))


def _either(plane: Plane, out: Plane) -> Plane:
    """Fill `out`, at least (h + 1) / 2 x w, with the greater of each two rows of `plane` (h, w) and an odd last one."""
    height, width = plane.shape
    both = height // 2
    cv2.max(plane[: 2 * both : 2], plane[1::2], dst=out[:both, :width])
    if both < len(out):
        out[both:, :width] = plane[2 * both :] if height % 2 else 0
    return out
