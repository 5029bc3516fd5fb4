"""Whether something is there: track before detect.

What is seen for a moment wakes no model and raises no alert. It must be seen in so many of five frames, have come far
enough, and have come that way: in as many of its steps the edge that came farthest must have gone on as it did in all,
and the box have kept its size by half. What is large, or stands in a zone that is marked for it, is believed as soon as
it is seen again: there is no time to lose with somebody who stands right before the camera.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from tapetum.scene import Box
from tapetum.zones import Zone

_STEPS = 5  # the last, that are judged
_KEPT = 0.5  # of the larger area the smaller of two in a row
_TALL = 3.0  # times the share of the frame's height that is large is that of its area: a person is upright


def came(first: Box, way: Sequence[Box], now: Box, hits: int, travel: float) -> bool:
    """Whether what began in `first`, went by the regions `way` and is in `now` has come by `travel` of the frame.

    It must have done so in `hits` of the last looks, each of which but the first is a step.
    """
    edges = [(_edges(first)[edge], _edges(now)[edge]) for edge in range(4)]
    farthest = max(range(4), key=lambda edge: abs(edges[edge][1] - edges[edge][0]))
    gone = edges[farthest][1] - edges[farthest][0]
    return abs(gone) >= travel and _steps_like(way, farthest, gone) >= hits - 1


def _steps_like(way: Sequence[Box], edge: int, gone: float) -> int:
    """Return in how many of the last steps `edge` has gone the way that it has `gone`, the area about the same."""
    steps = list(pairwise(way))[-_STEPS:]
    return sum(
        (_edges(after)[edge] - _edges(before)[edge]) * gone > 0
        and min(before.area, after.area) >= _KEPT * max(before.area, after.area)
        for before, after in steps
    )


def is_urgent(box: Box, large: float, zones: Iterable[Zone]) -> bool:
    """Whether what is in `box` is believed at the second sight: as large as that, near, or in a marked zone."""
    return box.area >= large or box.height >= _TALL * large or any(zone.at_once and zone.holds(box) for zone in zones)


def _edges(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom
