"""CamShift, told by the tracker where to look and what to learn."""

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.scene import Box, Frame
from tapetum.tracking.camshift import CamShift
from tests.scenes import FPS, Play, Player, standing, walking

SIZE = (0.08, 0.25)
RED, BLUE, GRAY = {"y": 90, "u": 100, "v": 190}, {"y": 90, "u": 190, "v": 100}, {"y": 250}
CLUTTER = (
    Player(standing(Box(0.05, 0.1, 0.2, 0.3)), y=160, u=150, v=120),
    Player(standing(Box(0.3, 0.65, 0.45, 0.95)), y=70, u=120, v=150),
    Player(standing(Box(0.75, 0.1, 0.95, 0.35)), y=200, u=128, v=128),
    Player(standing(Box(0.6, 0.7, 0.7, 0.9)), **BLUE),
)


@pytest.fixture
def method() -> CamShift:
    """Return the settings at their defaults."""
    return CamShift()


def own(frame: Frame, box: Box) -> np.ndarray:
    """Return the mask that motion detection would give of what is in `box`."""
    mask = np.zeros_like(frame.luma)
    mask[box.slices(mask)] = 255
    return mask


def followed(method: Any, play: Play, box: Box | None = None) -> Iterator[tuple[float, Any, Box | None]]:
    """Follow the first player, each time around where they were last seen; yield (time s, found, where they are)."""
    follower, near = None, Box(0, 0, 0, 0)
    for t_s, frame, _ in play.frames():
        there = play.players[0].way(t_s)
        if follower is None:
            assert there is not None
            near = box or there
            follower = method.start(frame, near, own(frame, near))
            continue
        found = follower.update(frame, near)
        near = found.box if found.visible else near
        yield t_s, found, there


@pytest.mark.parametrize("colours", [RED, BLUE, GRAY], ids=["red", "blue", "gray"])
@pytest.mark.parametrize("scene", ["day", "night"])
def test_a_thing_is_followed_among_others_that_stand_around(method: Any, scene: str, colours: dict[str, int]) -> None:
    walker = Player(walking(SIZE, (0, 0.15, 0.45), (6, 0.85, 0.55), (10, 0.4, 0.4)), **colours)
    fits = []
    for t_s, found, there in followed(method, Play([walker, *CLUTTER], seconds=10, scene=scene)):
        assert found.visible, t_s
        assert 0 <= found.confidence <= 1
        fits.append(found.box.iou(there))
    assert np.mean([fit > 0.4 for fit in fits]) > 0.95
    assert np.median(fits) > 0.6


@pytest.mark.parametrize("colours", [RED, GRAY], ids=["red", "gray"])
@pytest.mark.parametrize("scene", ["day", "night"])
def test_a_thing_that_is_gone_is_not_seen(method: Any, scene: str, colours: dict[str, int]) -> None:
    guest = Player(standing(Box(0.46, 0.35, 0.54, 0.6), until_s=2), **colours)
    for t_s, found, _ in followed(method, Play([guest, *CLUTTER], seconds=6, scene=scene)):
        assert found.visible is (t_s < 2), t_s


@pytest.mark.parametrize("scene", ["day", "night"])
def test_what_was_lost_is_found_again_wherever_it_comes_back_and_not_before(method: Any, scene: str) -> None:
    away = (4.0, 7.0)

    def way(t_s: float) -> Box | None:
        if away[0] <= t_s < away[1]:
            return None
        return walking(SIZE, (0, 0.15, 0.45), (4, 0.35, 0.5))(t_s) if t_s < away[0] else Box(0.8, 0.45, 0.88, 0.7)

    follower, found = None, []
    for t_s, frame, _ in Play([Player(way, **RED), *CLUTTER], seconds=9, scene=scene).frames():
        follower = follower or method.start(frame, way(t_s), own(frame, way(t_s)))
        found.append((t_s, follower.update(frame), way(t_s)))
    assert not [t_s for t_s, one, there in found if one.visible != (there is not None)]
    assert min(one.box.iou(there) for _, one, there in found if there is not None) > 0.5


def test_another_in_its_place_is_not_taken_for_it(method: Any) -> None:
    place = Box(0.46, 0.35, 0.54, 0.6)
    red, blue = Player(standing(place, until_s=2), **RED), Player(standing(place, since_s=2), **BLUE)
    for t_s, found, _ in followed(method, Play([red, blue], seconds=15)):
        assert found.visible is (t_s < 2), t_s


def test_of_two_that_pass_each_keeps_its_own(method: Any) -> None:
    red = Player(walking(SIZE, (0, 0.2, 0.5), (6, 0.8, 0.5)), **RED)
    blue = Player(walking(SIZE, (0, 0.8, 0.5), (6, 0.2, 0.5)), **BLUE)
    for players in ([red, blue], [blue, red]):  # the second is in front where they meet
        apart = [
            found.box.iou(there)
            for t_s, found, there in followed(method, Play(players, seconds=6))
            if there is not None and abs(t_s - 3) > 1
        ]
        assert np.median(apart) > 0.5
        assert np.mean([fit > 0.3 for fit in apart]) > 0.9


@pytest.mark.parametrize("scene", ["day", "night"])
@pytest.mark.parametrize("factor", [0.7, 1.0, 1.3])
def test_the_size_does_not_run_away_in_500_frames(method: Any, scene: str, factor: float) -> None:
    place = Box(0.42, 0.3, 0.52, 0.6)
    guest = Player(standing(place), **RED)
    start = place.grown((factor - 1) / 2)  # nobody knows the size exactly
    (*_, (_, last, _)) = followed(method, Play([guest, *CLUTTER], seconds=500 / FPS, scene=scene), start)
    assert last.visible
    assert last.box.iou(place) > 0.35
    assert 0.3 < last.box.area / start.area < 3


def test_a_curtain_of_its_own_colour_falls_around_it_and_it_does_not_become_the_curtain(method: Any) -> None:
    place = Box(0.45, 0.35, 0.55, 0.6)
    guest, curtain = Player(standing(place), **RED), Player(standing(Box(0.1, 0.05, 0.9, 0.95), since_s=1), **RED)
    for _, found, _ in followed(method, Play([guest, curtain], seconds=15)):
        assert found.box.width < 2.1 * place.width
        assert found.box.height < 2.1 * place.height


def test_it_weighs_no_more_after_500_frames(method: Any) -> None:
    walker = Player(walking(SIZE, (0, 0.2, 0.5), (25, 0.8, 0.5), (50, 0.2, 0.5)), **RED)
    follower, weights = None, []
    for t_s, frame, there in Play([walker], seconds=50).frames():
        if follower is None:
            follower = method.start(frame, there[0], own(frame, there[0]))
        follower.update(frame, there[0])
        if round(t_s * FPS) % 20 == 0:
            follower.learn(frame, there[0], own(frame, there[0]))
        weights.append(len(pickle.dumps(follower)))
    assert max(weights) <= weights[10] * 1.01


def test_it_learns_what_it_is_shown(method: Any) -> None:
    place = Box(0.46, 0.35, 0.54, 0.6)
    red, blue = Player(standing(place, until_s=1), **RED), Player(standing(place, since_s=1), **BLUE)
    follower = None
    seen = []
    for t_s, frame, _ in Play([red, blue], seconds=12).frames():
        if follower is None:
            follower = method.start(frame, place, own(frame, place))
        seen.append(follower.update(frame, place).visible)
        if t_s >= 1:
            follower.learn(frame, place, own(frame, place))
    assert seen[5]
    assert not seen[10]
    assert seen[-1]


def test_the_frame_is_not_written_to(method: Any) -> None:
    place = Box(0.4, 0.3, 0.5, 0.6)
    for _, frame, _ in Play([Player(standing(place), **RED)], seconds=0.5).frames():
        before = [plane.copy() for plane in (frame.y, frame.u, frame.v, frame.luma)]
        follower = method.start(frame, place, own(frame, place))
        follower.update(frame, place)
        follower.learn(frame, place, own(frame, place))
        for plane, copy in zip((frame.y, frame.u, frame.v, frame.luma), before, strict=True):
            assert np.array_equal(plane, copy)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Frames of any size, with anything in them."""
    width, height = draw(st.integers(1, 64)), draw(st.integers(1, 64))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    even = draw(st.booleans())

    def plane(rows: int, columns: int) -> np.ndarray:
        shape = (rows, columns)
        return np.full(shape, 128, np.uint8) if even else random.integers(0, 256, shape).astype(np.uint8)

    half = ((height + 1) // 2, (width + 1) // 2)
    return Frame("front", 1, 0, plane(height, width), plane(*half), plane(*half), plane(height, width))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Boxes with an inside, within the frame."""
    left, top = draw(st.floats(0, 0.99)), draw(st.floats(0, 0.99))
    return Box(left, top, draw(st.floats(left + 0.01, 1)), draw(st.floats(top + 0.01, 1)))


def is_sound(found: Any) -> bool:
    box = found.box
    return bool(np.isfinite([box.left, box.top, box.right, box.bottom]).all() and 0 <= found.confidence <= 1)


@given(frames(), frames(), boxes(), boxes(), st.booleans())
def test_whatever_is_shown_it_answers_with_a_box(first: Frame, other: Frame, box: Box, near: Box, known: bool) -> None:
    mask = own(first, box) if known else np.zeros_like(first.luma)
    follower = CamShift().start(first, box, mask)
    for frame in (first, other):
        assert is_sound(follower.update(frame, near))
    follower.learn(first, box, mask)
    assert is_sound(follower.update(first, box))


nowhere = pytest.mark.parametrize(
    "near", [Box(1.5, 0.2, 1.7, 0.4), Box(-1, 0, -0.5, 0.3), Box(0, 2, 1, 3), Box(0.5, 0.5, 0.5, 0.5)]
)


@nowhere
def test_what_is_looked_for_where_nothing_can_be_seen_is_answered_too(method: Any, near: Box) -> None:
    (_, frame, _), *_ = Play(seconds=0.1).frames()
    follower = method.start(frame, Box(0.4, 0.4, 0.5, 0.6), own(frame, Box(0.4, 0.4, 0.5, 0.6)))
    assert is_sound(follower.update(frame, near))


@nowhere
def test_what_begins_or_is_learned_where_nothing_can_be_seen_is_answered_too(method: Any, near: Box) -> None:
    (_, frame, _), *_ = Play(seconds=0.1).frames()
    follower = method.start(frame, near, np.zeros_like(frame.luma))
    assert is_sound(follower.update(frame, near))
    follower.learn(frame, near, np.zeros_like(frame.luma))
    assert is_sound(follower.update(frame, near))
