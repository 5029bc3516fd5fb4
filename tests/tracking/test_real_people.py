"""Real people, in real places, keep who they are while they cross, meet, stop and pass behind something."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from tapetum.capture import Synthetic
from tapetum.capture.framing import Framer
from tapetum.motion.adaptive import Adaptive
from tapetum.scene import Box, Frame
from tapetum.tracking import Tracking
from tests.tracking.making import believed
from tests.tracking.nuisances.passers import Step, cut_out, pasted
from tests.tracking.nuisances.places import FPS, SIZE, Picture, still

PLACES = ("street", "square", "highway")
IN_EACH = ["street", *(pytest.param(name, marks=pytest.mark.long) for name in PLACES[1:])]
HEIGHT = 110  # pixels of everybody
EMPTY = 25  # frames before anybody comes: the place is learned
NOISE = 2.0

Way = Callable[[float], float]
"""Seconds since they came -> where the middle of somebody is, pixels from the left."""


class Person:
    """Somebody cut out of a recording, who goes a way of ours, on a ground of ours."""

    def __init__(self, steps: Sequence[Step], way: Way, ground: float) -> None:
        self._steps, self._way, self._ground = steps, way, ground
        self._walked = 0.0

    def over(self, picture: Picture, t_s: float) -> tuple[Picture, Box | None]:
        """Return `picture` with them in it at `t_s`, and where; None where they are out of it."""
        x = self._way(t_s)
        moved = x - self._way(t_s - 1 / FPS)
        self._walked += abs(moved) / 4  # a picture of a step every four pixels
        step = self._steps[round(self._walked) % len(self._steps)]
        scale = HEIGHT / step.pixels.shape[0]
        pixels = np.asarray(cv2.resize(step.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        cover = np.asarray(cv2.resize(step.cover, pixels.shape[1::-1], interpolation=cv2.INTER_AREA), np.float32)
        half = pixels.shape[1] / 2
        box = Box.of_pixels(x - half, self._ground - HEIGHT, x + half, self._ground, SIZE)
        shown = pasted(picture, pixels, cover, round(x - half), round(self._ground - HEIGHT))
        return shown, box.clipped() if box.clipped().area > 0.5 * box.area else None


def frames(
    place: Picture, people: Sequence[Person], seconds: float, pole: int = 0
) -> Iterator[tuple[Frame, list[Box | None]]]:
    """Yield the frames, with where each is; pole: pixels of the place's middle that are before everybody."""
    random, framer = np.random.default_rng(3), Framer("front", Synthetic().analysis_width)
    for number in range(EMPTY + round(seconds * FPS)):
        picture, boxes = place, []
        for person in people if number >= EMPTY else ():
            picture, box = person.over(picture, (number - EMPTY) / FPS)
            boxes.append(box)
        if pole:
            middle = slice((SIZE[1] - pole) // 2, (SIZE[1] + pole) // 2)
            picture = picture.copy()
            picture[:, middle] = place[:, middle]
        noisy = np.clip(picture + random.normal(0, NOISE, picture.shape), 0, 255).astype(np.uint8)
        planes = np.asarray(cv2.cvtColor(noisy, cv2.COLOR_RGB2YUV_I420))
        u, v = planes[SIZE[0] :].reshape(2, SIZE[0] // 2, SIZE[1] // 2)
        yield framer.frame(planes[: SIZE[0]], u, v, round(number * 1e9 / FPS)), boxes


def names(shown: Iterator[tuple[Frame, list[Box | None]]]) -> list[list[int | None]]:
    """Return for each frame whose track each person has: None where none is, or where it fits nobody alone."""
    detector, tracker, found = Adaptive().start(), Tracking().start(), []
    for frame, boxes in shown:
        tracks = believed(tracker.update(detector.detect(frame.luma, keep=tracker.held()), frame))
        found.append([_name(tracks, box) for box in boxes])
    return found


def _name(tracks, box: Box | None) -> int | None:
    best = max(tracks, key=lambda track: track.box.iou(box), default=None) if box else None
    return best.id if best and best.box.iou(box) > 0.3 else None


def kept(found: list[list[int | None]], person: int, before: slice, after: slice) -> bool:
    """Whether a person has one name from one span of seconds to another, and that name most of the time."""
    spans = [
        [row[person] for row in found[EMPTY + span.start * FPS : EMPTY + span.stop * FPS]] for span in (before, after)
    ]
    seen = [name for span in spans for name in span if name is not None]
    return len(set(seen)) == 1 and all(sum(name is not None for name in span) > 0.5 * len(span) for span in spans)


def line(*points: tuple[float, float]) -> Way:
    times, places = zip(*points, strict=True)
    return lambda t_s: float(np.interp(t_s, times, places))


@pytest.fixture(params=IN_EACH)
def place(request: pytest.FixtureRequest, data: Path) -> Picture:
    return still(data, request.param)


@pytest.fixture(scope="module")
def walks(data: Path) -> list[list[Step]]:
    return [list(steps) for steps in cut_out(data)]


GROUND = 300  # row of everybody's feet, pixels: they pass through each other's picture
BACK = 294


def test_two_who_cross_keep_their_names(place: Picture, walks: list[list[Step]]) -> None:
    one = Person(walks[0], line((0, -30), (9, 670)), GROUND)
    other = Person(walks[1], line((0, 670), (9, -30)), BACK)
    found = names(frames(place, [other, one], 9))
    assert [kept(found, person, slice(2, 4), slice(6, 8)) for person in (0, 1)] == [True, True]


@pytest.mark.long
def test_of_two_who_meet_stand_together_and_part_most_keep_their_names(data: Path, walks: list[list[Step]]) -> None:
    """In the third place both are taken for one while they stand, and one begins anew: four of six were measured."""
    assert sum(sum(_met(still(data, name), walks)) for name in PLACES) >= 4


def _met(place: Picture, walks: list[list[Step]]) -> list[bool]:
    one = Person(walks[0], line((0, -30), (4, 305), (8, 305), (12, -30)), GROUND)
    other = Person(walks[1], line((0, 670), (4, 335), (8, 335), (12, 670)), BACK)
    found = names(frames(place, [other, one], 12))
    return [kept(found, person, slice(1, 3), slice(9, 11)) for person in (0, 1)]


def test_one_who_stops_for_long_and_goes_on_keeps_their_name(place: Picture, walks: list[list[Step]]) -> None:
    person = Person(walks[0], line((0, -30), (4, 300), (11, 300), (15, 670)), GROUND)
    found = names(frames(place, [person], 15))
    assert kept(found, 0, slice(2, 4), slice(11, 14))
    assert kept(found, 0, slice(2, 4), slice(5, 10))


def test_one_who_passes_behind_a_tree_keeps_their_name(place: Picture, walks: list[list[Step]]) -> None:
    person = Person(walks[0], line((0, -30), (8, 670)), GROUND)
    found = names(frames(place, [person], 8, pole=60))
    assert kept(found, 0, slice(2, 3), slice(6, 7))


def test_one_who_overtakes_another_and_both_keep_their_names(place: Picture, walks: list[list[Step]]) -> None:
    slow = Person(walks[0], line((0, 60), (12, 420)), BACK)
    fast = Person(walks[1], line((0, -200), (12, 760)), GROUND)
    found = names(frames(place, [slow, fast], 11))
    assert [kept(found, person, slice(3, 4), slice(9, 11)) for person in (0, 1)] == [True, True]
