"""What the whole stage of tracking costs for five who walk, beside MOG2 on the same frames.

Five textured people walk to and fro before a textured wall, at 640x360, and pass each other, so that all that happens
in a street happens to them: regions of their own, regions that two share, and what nobody sees. The regions are those
of how they are drawn; motion is no part of the stage.
"""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box, Frame, Motion, Plane
from tapetum.tracking import Tracking

_HEIGHT, _WIDTH = 360, 640
_WALKERS = 5
_SIZE = (36, 96)  # pixels, width and height
_FRAME_NS = 100_000_000
_NOISE = 3.0  # luma steps
_FIRST = 30  # frames until all are believed and MOG2 has its background: not timed
_UNSEEN = 7  # every so many frames one of them is shown by no region


def run(frames: int) -> dict[str, Any]:
    """Return the median and mean of the stage over `frames` frames, and how that stands to MOG2."""
    tracker, peer = Tracking().start(), cv2.createBackgroundSubtractorMOG2(detectShadows=False)
    stage_s, peer_s, believed = list[float](), list[float](), list[int]()
    for number, (frame, motion) in enumerate(shown(frames + _FIRST)):
        start_s = time.process_time()
        tracks = tracker.update(motion, frame)
        middle_s = time.process_time()
        peer.apply(frame.luma)
        end_s = time.process_time()
        if number >= _FIRST:
            stage_s.append(middle_s - start_s)
            peer_s.append(end_s - middle_s)
            believed.append(sum(track.state != "tentative" for track in tracks))
    stage, mog2 = statistics.median(stage_s), statistics.median(peer_s)
    return {
        "size": f"{_WIDTH}x{_HEIGHT}",
        "tracks": round(statistics.fmean(believed), 1),
        "median_ms": round(1e3 * stage, 3),
        "mean_ms": round(1e3 * statistics.fmean(stage_s), 3),
        "mog2_ms": round(1e3 * mog2, 3),
        "of_mog2": round(stage / mog2, 3),
        "mean_of_mog2": round(statistics.fmean(stage_s) / statistics.fmean(peer_s), 3),
    }


def shown(frames: int) -> Iterator[tuple[Frame, Motion]]:
    """Yield the frames, and what moves in each."""
    random = np.random.default_rng(1)
    wall = _texture(random, (_HEIGHT, _WIDTH), 100, 30)
    people = [_texture(random, _SIZE[::-1], 60 + 30 * index, 40) for index in range(_WALKERS)]
    gray = [np.full((_HEIGHT // 2, _WIDTH // 2), 128, np.uint8) for _ in range(2)]
    for number in range(frames):
        picture, mask, boxes = wall.copy(), np.zeros((_HEIGHT, _WIDTH), np.uint8), []
        u, v = (plane.copy() for plane in gray)
        for index, person in enumerate(people):
            box = _place(index, number)
            rows, columns = box.slices(picture)
            picture[rows, columns] = person
            for plane, level in zip((u, v), (96 + 16 * index, 160 - 16 * index), strict=True):
                plane[box.slices(plane)] = level
            if number % (_UNSEEN * _WALKERS) != _UNSEEN * index:
                mask[rows, columns] = 255
                boxes.append(box)
        seen = np.clip(picture + random.normal(0, _NOISE, picture.shape), 0, 255).astype(np.uint8)
        frame = Frame("bench", number, number * _FRAME_NS, seen, u, v, seen)
        yield frame, Motion(mask, _regions(mask), background=wall)


def _texture(random: np.random.Generator, shape: tuple[int, int], level: int, contrast: int) -> Plane:
    coarse = random.uniform(-contrast, contrast, (shape[0] // 8, shape[1] // 8))
    return np.clip(level + cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def _place(index: int, number: int) -> Box:
    """Return where a walker is: each goes to and fro at another speed, on a row of their own that others reach into."""
    room = _WIDTH - _SIZE[0]
    way = (number * (3 + index) + index * 170) % (2 * room)
    left, top = (way if way < room else 2 * room - way), 40 + 50 * index
    return Box.of_pixels(left, top, left + _SIZE[0], top + _SIZE[1], (_HEIGHT, _WIDTH))


def _regions(mask: NDArray[np.uint8]) -> tuple[Box, ...]:
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    rows = stats[1:count, :4].tolist()
    return tuple(Box.of_pixels(x, y, x + width, y + height, mask.shape) for x, y, width, height in rows)
