"""What moves all the time and goes nowhere is passed over, visibly, until it stops; who walks there is found."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tapetum.capture import File
from tapetum.capture.framing import Framer
from tapetum.clock import SystemClock
from tapetum.motion.adaptive import Adaptive
from tapetum.motion.damping import Damper, Damping
from tapetum.scene import Box, Frame, Track
from tapetum.tracking import Tracking
from tests.replay.clips import people_clip
from tests.scenes import best_iou, walking

TREE = Box(0.62, 0.05, 0.82, 0.45)
"""In the real room, where the people pass on their way out."""
FPS = 10
ENTERS, LEAVES = 60, 198  # frames of the clip in which the first person is there

Picture = np.ndarray


@pytest.fixture(scope="module")
def clip(data: Path) -> list[Frame]:
    """Return the empty room, then the first person."""
    source = File(path=str(people_clip(data)), pace="analysis").open("room", SystemClock())
    return [frame for _ in range(LEAVES + 20) if (frame := source.read())]


def leaves(seed: int = 1) -> Callable[[Picture, float], Picture]:
    """Return what draws twigs over a picture, that sway as in wind: each about its own place, all the time."""
    random = np.random.default_rng(seed)
    places, phases = random.uniform(0, 1, (60, 2)), random.uniform(0, 6.28, 60)

    def drawn(y: Picture, t_s: float) -> Picture:
        picture = y.copy()
        part = picture[TREE.slices(picture)]
        height, width = part.shape
        for (x, down), phase in zip(places, phases, strict=True):
            sway = 0.05 * np.sin(7 * t_s + phase)
            centre = round((0.1 + 0.8 * x + sway) * width), round((0.1 + 0.8 * down) * height)
            cv2.ellipse(part, centre, (5, 3), 30.0, 0, 360, int(60 + 20 * x), -1)
        return picture

    return drawn


def windy(clip: list[Frame], seconds: float, wind: Callable[[float], bool]) -> Iterator[Frame]:
    """Yield the empty room for `seconds`, then the rest of the clip, with a tree that sways while there is wind."""
    framer, tree = Framer("room", 384), leaves()
    empty = [*clip[:54], *clip[52:0:-1]]
    frames = [empty[index % len(empty)] for index in range(round(seconds * FPS))] + clip[54:]
    for index, frame in enumerate(frames):
        t_s = index / FPS
        y = tree(frame.y, t_s if wind(t_s) else 0.0)
        yield framer.frame(y, frame.u, frame.v, int((1 + t_s) * 1e9))


def walked(frames: Iterator[Frame], since_s: float) -> Iterator[tuple[Frame, Box | None]]:
    """Yield the frames with somebody who walks before the tree from `since_s` on, and where they are."""
    framer, way = Framer("room", 384), walking((0.06, 0.24), (since_s, 0.5, 0.26), (since_s + 6, 0.95, 0.26))
    for frame in frames:
        box, y = way(frame.t_ns / 1e9 - 1), frame.y.copy()
        if box is not None:
            y[box.slices(y)] = 225
        yield framer.frame(y, frame.u, frame.v, frame.t_ns), box


def watched(
    frames: Iterator[Frame], damper: Damper, absorb: int = 300
) -> list[tuple[float, tuple[Box, ...], int, tuple[Track, ...]]]:
    """Return (time s, regions, damped areas, tracks) of each frame."""
    detector, tracker, found = Adaptive(absorb=absorb).start(), Tracking().start(), []
    for frame in frames:
        motion = damper.passed(detector.detect(frame.luma, keep=tracker.held()))
        tracks = tracker.update(motion, frame)
        damper.learn(motion, tracks, frame.t_ns)
        found.append((frame.t_ns / 1e9 - 1, motion.regions, len(damper.areas), tracks))
    return found


def in_tree(regions: tuple[Box, ...]) -> list[Box]:
    return [box for box in regions if TREE.grown(0.2).overlap(box) > 0.7 * box.area]


def test_a_tree_in_the_wind_is_damped_and_who_walks_through_it_is_found(clip: list[Frame]):
    damper = Damping(after_s=15).start()
    found = watched(windy(clip, 60, lambda _: True), damper)
    before = [bool(in_tree(regions)) for t_s, regions, *_ in found if 2 < t_s < 12]
    after = [bool(in_tree(regions)) for t_s, regions, *_ in found if 45 < t_s < 60]
    assert np.mean(before) > 0.5, "the tree does move"
    assert np.mean(after) < 0.1 * np.mean(before)
    area = max(damper.areas, key=lambda one: one.box.area)
    assert area.box.iou(TREE) > 0.4
    assert 10 < area.since_ns / 1e9 < 45
    begins_s = 60 + (ENTERS - 54) / FPS
    walking = [regions for t_s, regions, *_ in found if begins_s + 1 < t_s < begins_s + (LEAVES - ENTERS) / FPS - 1]
    assert np.mean([bool(regions) for regions in walking]) > 0.9


def test_somebody_smaller_than_the_tree_is_found_all_the_way_through_it(clip: list[Frame]):
    damper, there = Damping(after_s=15).start(), []

    def noted() -> Iterator[Frame]:
        for frame, box in walked(windy(clip[:54], 58, lambda _: True), 50):
            there.append(box)
            yield frame

    found = watched(noted(), damper)
    inside = [
        (box, tracks)
        for box, (*_, tracks) in zip(there, found, strict=True)
        if box and TREE.overlap(box) > 0.9 * box.area
    ]
    assert len(inside) > 10
    assert damper.areas
    assert np.mean([best_iou(box, [track.box for track in tracks]) > 0.3 for box, tracks in inside]) > 0.9


def test_without_wind_nothing_is_damped(clip: list[Frame]):
    damper = Damping(after_s=15).start()
    watched(windy(clip, 5, lambda _: False), damper)
    assert damper.areas == ()


def test_a_tree_that_has_come_to_rest_is_looked_at_again(clip: list[Frame]):
    damper = Damping(after_s=5).start()
    found = watched(windy(clip[:54], 75, lambda t_s: t_s < 25), damper, absorb=50)
    areas = {round(t_s, 1): count for t_s, _, count, _ in found}
    assert areas[24.0] >= 1
    assert areas[74.9] == 0


def test_damping_that_is_switched_off_learns_nothing(clip: list[Frame]):
    damper = Damping(enabled=False, after_s=5).start()
    watched(windy(clip[:54], 20, lambda _: True), damper)
    assert damper.areas == ()
