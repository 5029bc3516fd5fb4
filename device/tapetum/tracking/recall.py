"""Who has just begun may be who was lost: somebody comes out again behind a tree, and goes on under their name.

They must have their height, be no farther from where they were lost than somebody runs meanwhile, and look alike. Where
another is within that reach nobody is recalled, since nobody can tell who of a crowd it is. What is believed already
has a name of its own, and keeps it.
"""

import math
from collections.abc import Iterator, Sequence

from tapetum.scene import Box, Frame
from tapetum.tracking.thing import Thing

_FIRST_HITS = (2, 3, 4, 5)  # of a new thing, at which it is compared
_HEIGHT = 0.6  # of the larger's height that the smaller has
_NEAR, _FAST = 0.5, 1.2  # of their height: how far they may be at once, and more for each second


def recalled(things: Sequence[Thing], frame: Frame) -> Iterator[tuple[int, int]]:
    """Yield (row of who was lost, row of what they are now), nobody twice."""
    lost = {row for row, thing in enumerate(things) if thing.confirmed and not thing.seen and thing.hold}
    there = [thing.box for thing in things if thing.confirmed and thing.seen]
    for young, thing in enumerate(things):
        if not lost or thing.confirmed or not thing.seen or thing.hits not in _FIRST_HITS:
            continue
        found = next((row for row in sorted(lost) if _is_again(things[row], thing.box, there, frame)), None)
        if found is not None:
            lost.remove(found)
            yield found, young


def _is_again(lost: Thing, box: Box, there: Sequence[Box], frame: Frame) -> bool:
    if min(lost.box.height, box.height) < _HEIGHT * max(lost.box.height, box.height):
        return False
    reach = (_NEAR + _FAST * (frame.t_ns - lost.last_ns) / 1e9) * lost.box.height * frame.luma.shape[0]
    within = [_distance(lost.box, one, frame) <= reach for one in (box, *there)]
    return within[0] and not any(within[1:]) and lost.hold is not None and lost.hold.knows(frame, box)


def _distance(one: Box, other: Box, frame: Frame) -> float:
    """Return the distance of the middles, pixels of the luma."""
    rows, columns = frame.luma.shape
    (x, y), (other_x, other_y) = one.centre, other.centre
    return math.hypot((x - other_x) * columns, (y - other_y) * rows)
