"""Every follower of a thing's pixels, whatever its method, keeps the same promises."""

import pickle
import typing
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetum.scene import Box, Frame
from tapetum.tracking import Followed, Follower
from tests.scenes import FPS, Play, Player, standing, walking

PATTERN = np.random.default_rng(1).uniform(-60, 60, (9, 5))
METHODS = typing.get_args(Follower)
RED = {"y": 90, "u": 100, "v": 190}
SIZE = (0.1, 0.25)
every_method = pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.__name__)


class Worn(Play):
    """A play whose first player wears a pattern: what is even all over has no points that could be followed."""

    def frames(self) -> Iterator[tuple[float, Frame, tuple[Box, ...]]]:
        for t_s, frame, there in super().frames():
            y, luma = frame.y.copy(), frame.luma.copy()
            for plane in (y, luma):
                part = plane[there[0].slices(plane)]
                part[:] = np.clip(part + cv2.resize(PATTERN, part.shape[::-1]), 0, 255)
            yield t_s, replace(frame, y=y, luma=luma), there


def walk(seconds: float) -> Play:
    """Return a walk from left to right and back, among others that stand around."""
    walker = Player(walking(SIZE, (0, 0.2, 0.5), (6, 0.8, 0.5), (12, 0.2, 0.5)), **RED)
    others = Player(standing(Box(0.1, 0.05, 0.25, 0.25)), y=160), Player(standing(Box(0.6, 0.75, 0.7, 0.95)), y=60)
    return Worn([walker, *others], seconds=seconds)


def is_sound(found: Followed) -> bool:
    box = found.box
    edges = [box.left, box.top, box.right, box.bottom]
    is_inside = bool(np.isfinite(edges).all()) and min(edges) >= 0 and max(edges) <= 1
    return is_inside and box.width > 0 and box.height > 0 and 0 <= found.confidence <= 1


def followed(kind: Any, play: Play) -> list[tuple[Followed, Box]]:
    """Return what is found of the first player in each frame, and where they are."""
    follower, answers = None, []
    for t_s, frame, _ in play.frames():
        there = play.players[0].way(t_s)
        assert there is not None
        follower = follower or kind().start(frame, there)
        answers.append((follower.update(frame), there))
    return answers


@every_method
def test_a_walker_is_followed_to_and_fro(kind: Any) -> None:
    answers = followed(kind, walk(10))
    fits = [found.box.iou(there) for found, there in answers]
    assert all(is_sound(found) for found, _ in answers)
    assert np.mean([found.visible for found, _ in answers]) > 0.95
    assert np.median(fits) > 0.5
    assert min(fits[-5:]) > 0.3


@every_method
def test_the_same_frames_give_the_same_answers(kind: Any) -> None:
    assert followed(kind, walk(2)) == followed(kind, walk(2))


@every_method
def test_the_frame_is_not_written_to_and_not_kept(kind: Any) -> None:
    (_, frame, (there, *_)), *_ = walk(0.3).frames()
    before = [plane.copy() for plane in (frame.y, frame.u, frame.v, frame.luma)]
    follower = kind().start(frame, there)
    follower.update(frame)
    for plane, copy in zip((frame.y, frame.u, frame.v, frame.luma), before, strict=True):
        assert np.array_equal(plane, copy)
    small = pickle.dumps(follower)
    assert frame.luma[:100].tobytes() not in small


@every_method
def test_it_weighs_no_more_after_many_frames(kind: Any) -> None:
    follower, weights = None, []
    for t_s, frame, there in walk(30).frames():
        follower = follower or kind().start(frame, there[0])
        follower.update(frame)
        if round(t_s * FPS) % 20 == 0:
            weights.append(len(pickle.dumps(follower)))
    assert max(weights) <= max(weights[: len(weights) // 2]) * 1.02


@pytest.mark.long
@every_method
def test_it_weighs_no_more_after_ten_thousand_frames(kind: Any) -> None:
    shown = list(walk(12).frames())
    follower, weights = kind().start(shown[0][1], shown[0][2][0]), []
    for index in range(10_000):
        assert is_sound(follower.update(shown[index % len(shown)][1]))
        if index % 500 == 0:
            weights.append(len(pickle.dumps(follower)))
    assert max(weights[10:]) <= max(weights[:10]) * 1.02


@every_method
def test_a_gap_in_time_and_a_clock_that_jumps_do_no_harm(kind: Any) -> None:
    shown = [(frame, there[0]) for _, frame, there in walk(6).frames()]
    follower = kind().start(*shown[0])
    for frame, _ in shown[1:8]:
        follower.update(frame)
    late = replace(shown[9][0], t_ns=shown[9][0].t_ns + 10**13, seq=10**6)
    assert is_sound(follower.update(late))
    assert is_sound(follower.update(shown[10][0]))
    assert follower.update(shown[11][0]).box.iou(shown[11][1]) > 0.3


def halved(frame: Frame) -> Frame:
    """Return the same at half the size."""
    y, u, v = (np.ascontiguousarray(plane[::2, ::2]) for plane in (frame.y, frame.u, frame.v))
    return replace(frame, y=y, u=u, v=v, luma=np.ascontiguousarray(frame.luma[::2, ::2]))


@every_method
def test_a_picture_of_another_size_goes_on_at_the_same_place(kind: Any) -> None:
    shown = [(frame, there[0]) for _, frame, there in walk(4).frames()]
    follower = kind().start(*shown[0])
    for frame, _ in shown[1:10]:
        follower.update(frame)
    answers = [follower.update(halved(frame)) for frame, _ in shown[10:14]]
    assert all(is_sound(found) for found in answers)
    assert answers[-1].box.iou(shown[13][1]) > 0.25


BORDERS = [Box(0, 0, 0.1, 0.2), Box(0.9, 0.85, 1, 1), Box(0.95, 0, 1.2, 0.3), Box(-0.5, -0.5, 1.5, 1.5)]


@every_method
@pytest.mark.parametrize("box", [*BORDERS, Box(0.5, 0.5, 0.5001, 0.5001), Box(1.5, 0.2, 1.7, 0.4)], ids=str)
def test_a_box_at_the_border_or_of_a_pixel_is_answered_with_a_box_in_the_frame(kind: Any, box: Box) -> None:
    shown = [frame for _, frame, _ in walk(1).frames()]
    follower = kind().start(shown[0], box)
    assert all(is_sound(follower.update(frame)) for frame in shown[1:])


@every_method
@pytest.mark.parametrize("level", [0, 128, 255])
def test_where_nothing_is_to_be_seen_the_box_stays_in_the_frame(kind: Any, level: int) -> None:
    frames = [frame for _, frame, _ in walk(1).frames()]
    blank = [replace(one, y=one.y * 0 + level, luma=one.luma * 0 + level) for one in frames]
    for first, then in ((blank[0], blank[1:]), (frames[0], blank[1:]), (blank[0], frames[1:])):
        follower = kind().start(first, Box(0.4, 0.4, 0.6, 0.6))
        assert all(is_sound(follower.update(frame)) for frame in then)


@st.composite
def noise(draw: st.DrawFn) -> Frame:
    """Frames of any size, with anything in them."""
    width, height = draw(st.integers(1, 64)), draw(st.integers(1, 64))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    full, half = (height, width), ((height + 1) // 2, (width + 1) // 2)
    y, u, v, luma = (random.integers(0, 256, shape).astype(np.uint8) for shape in (full, half, half, full))
    return Frame("front", 1, 0, y, u, v, luma)


places = st.builds(
    lambda x, y, width, height: Box(x, y, x + width, y + height),
    *[st.floats(-0.5, 1.0), st.floats(-0.5, 1.0), st.floats(0, 1), st.floats(0, 1)],
)


@every_method
@settings(max_examples=25, deadline=None)
@given(first=noise(), others=st.lists(noise(), min_size=1, max_size=4), box=places)
def test_whatever_is_shown_it_answers_with_a_box_in_the_frame(
    kind: Any, first: Frame, others: list[Frame], box: Box
) -> None:
    follower = kind().start(first, box)
    assert all(is_sound(follower.update(frame)) for frame in [first, *others, first])
