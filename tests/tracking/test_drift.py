"""Where the camera moves, tracks move with the scene."""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from tapetum.motion.adaptive import Adaptive
from tapetum.motion.conditions import Conditions
from tapetum.scene import Box, Frame
from tapetum.tracking import Tracking
from tests.scenes import FPS
from tests.tracking.making import PINK, at, believed, frame_at, motion_of, walked

SIZE = (288, 384)


def test_a_track_is_expected_where_the_scene_has_gone() -> None:
    tracker = Tracking().start()
    box, t_s = walked(tracker, 12)
    moved = box.shifted(-0.25, 0.1)
    frame = frame_at(t_s + 1 / FPS, (moved, PINK))
    (track,) = tracker.update(replace(motion_of(complete=False), drift=(-0.25, 0.1)), frame)
    assert track.id == 1
    assert track.box.iou(moved) > 0.5


def test_without_being_told_it_is_not_found_there() -> None:
    tracker = Tracking().start()
    box, t_s = walked(tracker, 12)
    moved = box.shifted(-0.25, 0.1)
    (track,) = tracker.update(motion_of(complete=False), frame_at(t_s + 1 / FPS, (moved, PINK)))
    assert track.box.iou(moved) < 0.2


def test_one_at_rest_stays_at_rest_while_the_camera_turns() -> None:
    tracker = Tracking().start()
    box, t_s = walked(tracker, 12)
    for number in range(1, 40):
        (track,) = tracker.update(motion_of(box), frame_at(t_s + number / FPS, (box, PINK)))
    assert track.state == "still"
    box = box.shifted(-0.2, 0)
    motion = replace(motion_of(box), drift=(-0.2, 0.0))
    (track,) = tracker.update(motion, frame_at(t_s + 4, (box, PINK)))
    assert track.state == "still"


def street() -> np.ndarray:
    random = np.random.default_rng(4)
    coarse = random.uniform(30, 220, (SIZE[0] // 12, SIZE[1] // 6))
    return np.asarray(cv2.resize(coarse, (SIZE[1] * 2, SIZE[0]), interpolation=cv2.INTER_CUBIC), np.float64)


def shaken(kicks: dict[int, float], frames: int) -> Iterator[tuple[Frame, Box]]:
    """Yield a street in which somebody walks, seen by a camera that is displaced in some frames; and where they are."""
    random, wide, offset = np.random.default_rng(5), street(), 0.0
    for number in range(frames):
        offset += kicks.get(number, 0.0)
        first = round((0.3 + offset) * SIZE[1])
        y = wide[:, first : first + SIZE[1]].copy()
        there = at(0.2 + 0.008 * number, 0.5).shifted(-offset, 0)
        y[there.slices(y)] = 235 + 15 * (np.indices(y[there.slices(y)].shape)[0] // 8 % 2)
        seen = np.clip(y + random.normal(0, 2, y.shape), 0, 255).astype(np.uint8)
        chroma = np.full((SIZE[0] // 2, SIZE[1] // 2), 128, np.uint8)
        yield Frame("front", number, round(number * 1e9 / FPS), seen, chroma, chroma, seen), there


def fits(compensated: bool) -> list[float]:
    """Return how the walker's track fits them in each frame of the shake."""
    detector, watch, tracker = Adaptive().start(), Conditions().start(), Tracking().start()
    name, found = 0, []
    for frame, there in shaken({40: 0.03, 43: -0.03, 46: 0.03}, 49):
        anew = watch.look(frame)
        motion = watch.judge(detector.detect(frame.luma, keep=tracker.held(), anew=anew))
        tracks = tracker.update(motion if compensated else replace(motion, drift=(0.0, 0.0)), frame)
        if frame.seq == 39:
            name = max(believed(tracks), key=lambda track: track.box.iou(there)).id
        if frame.seq >= 40:
            found.append(next((track.box.iou(there) for track in tracks if track.id == name), 0.0))
    return found


def test_who_walks_is_kept_while_the_camera_is_shaken() -> None:
    kept = fits(compensated=True)
    assert min(kept) > 0.4
    assert min(fits(compensated=False)) < 0.25  # it is the drift that does it
