"""Frames with even boxes in them, regions where they are, and who is believed of the tracks that come of it."""

from collections.abc import Sequence

import numpy as np

from tapetum.scene import Box, Frame, Motion, State, Track
from tapetum.tracking import Tracker
from tests.scenes import FPS

SIZE = (0.08, 0.25)
PINK, GREEN = {"y": 225, "u": 110, "v": 160}, {"y": 40, "u": 110, "v": 100}
BELIEVED = frozenset({State.CONFIRMED, State.STILL, State.LOST})


def believed(tracks: Sequence[Track]) -> list[Track]:
    return [track for track in tracks if track.state in BELIEVED]


def who(tracks: Sequence[Track], box: Box) -> int | None:
    """Return the number of the track that fits `box` best, if one fits at all."""
    best = max(believed(tracks), key=lambda track: track.box.iou(box), default=None)
    return best.id if best and best.box.iou(box) > 0.3 else None


def frame_at(t_s: float, *players: tuple[Box, dict[str, int]]) -> Frame:
    """Return a gray picture with even boxes in it."""
    y, chroma = np.full((90, 160), 128, np.uint8), np.full((45, 80), 128, np.uint8)
    u, v = chroma.copy(), chroma.copy()
    for box, colours in players:
        y[box.slices(y)], u[box.slices(u)], v[box.slices(v)] = colours["y"], colours["u"], colours["v"]
    return Frame("front", round(t_s * FPS) + 1, round(t_s * 1e9), y, u, v, y)


def motion_of(*regions: Box, complete: bool = True) -> Motion:
    mask = np.zeros((90, 160), np.uint8)
    for region in regions:
        mask[region.slices(mask)] = 255
    return Motion(mask, regions, complete=complete)


def at(x: float, y: float = 0.5) -> Box:
    return Box(x - SIZE[0] / 2, y - SIZE[1] / 2, x + SIZE[0] / 2, y + SIZE[1] / 2)


def walked(tracker: Tracker, count: int, start: float = 0.2, step: float = 0.02) -> tuple[Box, float]:
    """Let someone walk for `count` frames; return where they then are, and when."""
    for number in range(count):
        tracker.update(motion_of(at(start + step * number)), frame_at(number / FPS, (at(start + step * number), PINK)))
    return at(start + step * (count - 1)), (count - 1) / FPS
