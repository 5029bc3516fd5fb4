"""What a correlation filter sees of a frame: a patch around the thing, always of the same shape."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tapetum.scene import Box, Frame, Plane
from tapetum.tracking.correlation.channels import CELL, Channels, channels
from tapetum.tracking.patches import Pair, patch

_LEAST = 2.0  # pixels: nothing smaller is followed


@dataclass(frozen=True)
class Look:
    """A frame's part. centre, size: of the thing, pixels of the luma; window: width and height of what is seen."""

    frame: Frame
    centre: Pair
    size: Pair
    window: Pair
    shape: tuple[int, int]

    @classmethod
    def around(cls, frame: Frame, box: Box, share: float, shape: tuple[int, int] | int) -> "Look":
        """Return the look at `box` and `share` of its size beside it.

        shape: of the patch, or the side of a square of as many cells as it shall have, in the form that suits the box.
        """
        height, width = frame.luma.shape
        size = max(_LEAST, box.width * width), max(_LEAST, box.height * height)
        more = share * (size[0] + size[1]) / 2
        window = size[0] + more, size[1] + more
        x, y = box.centre
        return cls(
            frame, (x * width, y * height), size, window, _shape(window, shape) if isinstance(shape, int) else shape
        )

    @cached_property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Y, U and V, each of the patch's shape."""
        return self._cut(self.frame.luma), self._cut(self.frame.u), self._cut(self.frame.v)

    @cached_property
    def channels(self) -> Channels:
        """The channels of the patch."""
        luma, *chroma = self.planes
        return channels(luma, tuple(plane[CELL // 2 :: CELL, CELL // 2 :: CELL] for plane in chroma))

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height of the thing in the patch."""
        rows, columns = self.shape
        across, down = self.size[0] / self.window[0] * columns, self.size[1] / self.window[1] * rows
        return max(1, round(across)), max(1, round(down))

    @property
    def within(self) -> tuple[slice, slice]:
        """Rows and columns of the thing in the patch."""
        width, height = self.inner
        top, left = (self.shape[0] - height) // 2, (self.shape[1] - width) // 2
        return slice(top, top + height), slice(left, left + width)

    def at(self, row: float, column: float) -> Pair:
        """Return where in the luma the middle of a box is that lies in that cell, within the picture."""
        rows, columns = self.shape
        x = self.centre[0] + (column - columns // CELL // 2) * CELL * self.window[0] / columns
        y = self.centre[1] + (row - rows // CELL // 2) * CELL * self.window[1] / rows
        height, width = self.frame.luma.shape
        return min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)

    def _cut(self, plane: Plane) -> Plane:
        (height, width), (rows, columns) = self.frame.luma.shape, plane.shape
        across, down = columns / width, rows / height
        centre, window = (
            (self.centre[0] * across, self.centre[1] * down),
            (self.window[0] * across, self.window[1] * down),
        )
        return patch(plane, centre, window, self.shape)


def _shape(window: Pair, cells: int) -> tuple[int, int]:
    side = cells * CELL / float(np.sqrt(window[0] * window[1]))
    return _whole(window[1] * side, cells), _whole(window[0] * side, cells)


def _whole(side: float, cells: int) -> int:
    return CELL * min(4 * cells, max(4, round(side / CELL)))
