"""Whatever a camera shows, for however long: names are used once, boxes are within the frame, and nothing grows."""

import itertools
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetum.scene import Box, Findings, Frame, Motion, State, Track
from tapetum.tracking import Tracker, Tracking
from tapetum.tracking.choice import Choice
from tests.tracking.test_followers import METHODS

SECOND = 1_000_000_000
SHAPES = ((36, 64), (48, 48), (18, 32))
HOLDS: list[Choice] = [Tracking().follower, *[kind() for kind in METHODS]]

Step = tuple[Motion, Frame, tuple[Findings, ...], list[Box]]
"""What a tracker is given for a frame: motion, frame, what a model saw since, and what it saw that never moved."""


def is_sound(box: Box) -> bool:
    edges = (box.left, box.top, box.right, box.bottom)
    return bool(np.isfinite(edges).all()) and min(edges) >= 0 and max(edges) <= 1


class Judge:
    """Takes the tracks of one frame after another, and says where a promise is broken."""

    def __init__(self) -> None:
        self.last = 0
        self.there: set[int] = set()

    def take(self, tracks: tuple[Track, ...], t_ns: int) -> None:
        names = [track.id for track in tracks]
        assert names == sorted(set(names)), "each has a name of its own"
        new = set(names) - self.there
        assert min(new, default=self.last + 1) > self.last, "no name is used again"
        self.last, self.there = max([self.last, *names]), set(names)
        for track in tracks:
            assert is_sound(track.box), track
            assert track.hits >= 1
            assert track.state in State


def played(tracker: Tracker, steps: Iterator[Step]) -> None:
    judge = Judge()
    for motion, frame, findings, unmoved in steps:
        judge.take(tracker.update(motion, frame), frame.t_ns)
        assert all(np.isfinite([box.left, box.top, box.right, box.bottom]).all() for box in tracker.held())
        tracker.verify(sorted(judge.there)[:1], frame.t_ns)
        tracker.adopt(unmoved, frame.t_ns)
        tracker.heed(findings)


def picture(random: np.random.Generator, shape: tuple[int, int], number: int, t_ns: int) -> Frame:
    height, width = shape
    y = random.integers(0, 256, shape, np.uint8)
    u, v = (random.integers(0, 256, (height // 2, width // 2), np.uint8) for _ in range(2))
    return Frame("front", number, t_ns, y, u, v, y)


def motion_in(boxes: list[Box], shape: tuple[int, int], **more: Any) -> Motion:
    mask = np.zeros(shape, np.uint8)
    for box in boxes:
        mask[box.slices(mask)] = 255
    return Motion(mask, tuple(boxes), **more)


def street(seed: int, count: int) -> Iterator[Step]:
    """Yield `count` frames in which people come, stop, meet, go and are seen by a model or not; the camera is moved.

    Now and then the clock is set back or on by an hour, and the picture has another size.
    """
    random, t_ns, people, asked = np.random.default_rng(seed), 0, dict[int, np.ndarray](), 0
    names = itertools.count()
    for number in range(count):
        t_ns += int(random.choice([SECOND // 10, SECOND // 30, 3600 * SECOND, -SECOND], p=[0.95, 0.04, 0.005, 0.005]))
        shape = SHAPES[number // 200 % len(SHAPES)]
        if random.random() < 0.05:
            people[next(names)] = np.array([*random.uniform(-0.1, 1.1, 2), *random.normal(0, 0.02, 2)])
        for name, one in list(people.items()):
            one[:2] += one[2:] * (random.random() < 0.8)
            if random.random() < 0.02:
                del people[name]
        boxes = [Box(x - 0.06, y - 0.12, x + 0.06, y + 0.12) for x, y, *_ in people.values()]
        seen = [box.clipped() for box in boxes if box.clipped().area > 1e-4 and random.random() < 0.9]
        drift = (0.0, 0.0) if random.random() < 0.95 else tuple(random.uniform(-0.1, 0.1, 2).tolist())
        findings = (Findings(asked, tuple(seen[:3]), frozenset({number % 7})),) if number % 5 == 0 else ()
        unmoved = [Box(0.1, 0.1, 0.2, 0.3)] if random.random() < 0.01 else []
        asked = t_ns
        frame = picture(random, shape, number, t_ns)
        yield motion_in(seen, shape, drift=drift, complete=bool(number % 2)), frame, findings, unmoved


@pytest.mark.parametrize("hold", HOLDS, ids=lambda hold: type(hold).__name__)
def test_names_are_used_once_and_boxes_are_in_the_frame_whoever_follows(hold: Choice) -> None:
    played(Tracking(follower=hold).start(), street(1, 150))


def weight(tracker: Tracker) -> int:
    return len(pickle.dumps(tracker))


def grown(updates: int) -> float:
    """Return by how much a tracker weighs more after many updates, all things gone, than after a tenth of them."""
    tracker = Tracking().start()
    weights = []
    for seed, count in ((1, updates // 10), (2, updates - updates // 10)):
        played_on(tracker, street(seed, count), seed)
        weights.append(weight(tracker))
    return weights[1] / weights[0]


def played_on(tracker: Tracker, steps: Iterator[Step], hours: int) -> None:
    """Play `steps`, and then an empty scene until everything is gone."""
    played(tracker, steps)
    random = np.random.default_rng(0)
    for number in range(100):
        t_ns = (10**6 * hours + number) * SECOND
        tracks = tracker.update(motion_in([], SHAPES[0]), picture(random, SHAPES[0], number, t_ns))
    assert tracks == ()


@pytest.mark.filterwarnings("ignore:Pickle, copy")
def test_nothing_grows_over_many_updates() -> None:
    assert grown(2_000) <= 1.05


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Pickle, copy")
def test_nothing_grows_over_a_hundred_thousand_updates() -> None:
    assert grown(100_000) <= 1.05


boxes = st.builds(
    lambda x, y, width, height: Box(x, y, min(1.0, x + width), min(1.0, y + height)),
    *[st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.02, 0.6), st.floats(0.02, 0.6)],
)


@st.composite
def moments(draw: st.DrawFn) -> tuple[list[Box], float, tuple[int, int], tuple[float, float], list[Box]]:
    """What may happen from one frame to the next: regions, seconds gone by, the size, the drift, what a model saw."""
    moving, seen = draw(st.lists(boxes, max_size=5)), draw(st.lists(boxes, max_size=3))
    drift = draw(st.just((0.0, 0.0)) | st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)))
    return (
        moving,
        draw(st.sampled_from([0.0, 0.1, 0.1, 0.1, 5.0, 1e5, -1.0])),
        draw(st.sampled_from(SHAPES)),
        drift,
        seen,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(moments(), max_size=20), st.integers(0, 5))
def test_whatever_happens_the_promises_are_kept(happening: list[Any], seed: int) -> None:
    def steps() -> Iterator[Step]:
        random, t_ns, asked = np.random.default_rng(seed), 10 * SECOND, 0
        for number, (moving, later_s, shape, drift, seen) in enumerate(happening):
            t_ns += round(later_s * SECOND)
            findings = (Findings(asked, tuple(seen), frozenset(range(number))),) if seen else ()
            frame, asked = picture(random, shape, number, t_ns), t_ns
            yield motion_in(moving, shape, drift=drift), frame, findings, seen[:1]

    played(Tracking(hits=2, travel=0.0).start(), steps())
