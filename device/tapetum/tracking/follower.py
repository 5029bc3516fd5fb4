"""What every follower of a thing's pixels promises, whatever its method."""

from dataclasses import dataclass
from typing import Protocol

from tapetum.scene import Box, Frame


@dataclass(frozen=True, slots=True)
class Followed:
    """Where a follower holds its thing to be. confidence: 0..1; visible: whether it believes that itself.

    box: within the frame and not empty; where it was last believed to be, or where it is looked for, while not visible.
    """

    box: Box
    confidence: float
    visible: bool


class PixelFollower(Protocol):
    """A running follower of one thing, made by `start(frame, box)` of its settings from the frame that shows it.

    It reads the luma and the colour planes of a frame around the thing, copies none of them whole, keeps none of them,
    and what it remembers does not grow. A picture of another size goes on at the same place in fractions of the frame.
    """

    def update(self, frame: Frame, near: Box | None = None) -> Followed:
        """Return where the thing is in `frame`, the next one in time, whatever was left out between.

        near: where somebody expects it who has seen more; without it, it is looked for where it was.
        """
        ...


def inside(box: Box) -> Box:
    """Return the part of `box` within the frame; where there is none, a sliver at the edge that it is beyond."""
    left, right = _span(box.left, box.right)
    top, bottom = _span(box.top, box.bottom)
    return Box(left, top, right, bottom)


_SLIVER = 1e-3  # of the frame


def _span(first: float, last: float) -> tuple[float, float]:
    first = min(1 - _SLIVER, max(0.0, first))
    return first, min(1.0, max(first + _SLIVER, last))
