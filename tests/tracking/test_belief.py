"""What wakes a model or an alert has been seen to come; what is large or in a marked zone need not."""

import pytest

from tapetum.scene import Box, State
from tapetum.tracking import Tracking
from tapetum.tracking.belief import came, is_urgent
from tapetum.zones import Zone
from tests.scenes import FPS
from tests.tracking.making import PINK, at, frame_at, motion_of

DOOR = ((0.4, 0.5), (0.6, 0.5), (0.6, 1.0), (0.4, 1.0))


def way(*xs: float, scale: float = 1.0) -> list[Box]:
    return [at(x).grown((scale**number - 1) / 2) for number, x in enumerate(xs)]


def told(boxes: list[Box], hits: int = 3) -> bool:
    return came(boxes[0], boxes[1:], boxes[-1], hits, 0.02)


def test_what_goes_on_and_on_has_come() -> None:
    assert told(way(0.2, 0.21, 0.22, 0.23, 0.24))
    assert told(way(0.8, 0.78, 0.76, 0.74))


def test_what_goes_to_and_fro_has_not_come_though_it_ends_elsewhere() -> None:
    assert not told(way(0.2, 0.26, 0.2, 0.2, 0.2, 0.23))


def test_what_comes_nearer_has_come_though_its_middle_stays() -> None:
    assert told(way(0.5, 0.5, 0.5, 0.5, 0.5, scale=1.1))


def test_what_is_now_large_now_small_has_not_come() -> None:
    boxes = [at(0.2 + 0.01 * number).grown(0.4 * (number % 2)) for number in range(6)]
    assert not told(boxes)
    assert told([at(0.2 + 0.01 * number).grown(0.05 * (number % 2)) for number in range(6)])


@pytest.mark.parametrize("hits", [1, 2, 3, 5])
def test_more_steps_are_wanted_where_more_looks_are(hits: int) -> None:
    steps = way(0.2, 0.22, 0.24, 0.26, 0.28, 0.3, 0.32)
    assert told(steps[:3], hits) == (hits <= 2)
    assert told(steps, hits)


def test_what_is_large_tall_or_in_a_marked_zone_is_urgent() -> None:
    marked = (Zone(name="door", points=DOOR, at_once=True),)
    assert is_urgent(Box(0.2, 0.2, 0.8, 0.8), 0.2, ())
    assert is_urgent(Box(0.45, 0.3, 0.6, 1.0), 0.2, ())
    assert is_urgent(at(0.5, 0.6), 0.2, marked)
    assert not is_urgent(at(0.2, 0.6), 0.2, marked)
    assert not is_urgent(at(0.5, 0.6), 0.2, (Zone(name="door", points=DOOR),))


def seen(box: Box, zones: tuple[Zone, ...] = (), frames: int = 3) -> list[State]:
    """Return what is held of something that stands in `box` from the first frame on."""
    tracker, states = Tracking().start(), []
    tracker.mark(zones)
    for number in range(frames):
        (track,) = tracker.update(motion_of(box), frame_at(number / FPS, (box, PINK)))
        states.append(track.state)
    return states


def test_who_stands_right_before_the_camera_is_believed_at_the_second_sight() -> None:
    assert seen(Box(0.3, 0.1, 0.8, 0.95)) == [State.TENTATIVE, State.CONFIRMED, State.CONFIRMED]


def test_who_stands_in_a_marked_zone_is_believed_at_the_second_sight_and_elsewhere_not() -> None:
    marked = (Zone(name="door", points=DOOR, at_once=True),)
    assert seen(at(0.5, 0.6), marked)[1] is State.CONFIRMED
    assert set(seen(at(0.2, 0.6), marked, frames=20)) == {State.TENTATIVE}
