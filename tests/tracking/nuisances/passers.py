"""Real people cut out of a recording, walking where they never were.

The square of `vtest.avi` is recorded with boxes for its first 69 frames: whoever is apart from all others for long is
cut out of each of those frames by what differs from the place, and walks on, in a place of ours, as they walked there.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.tracking.nuisances.places import FPS, SIZE, Picture, median

_DIFFERS = 22  # luma steps from the place, from which a pixel shows the person
_APART = 0.05  # of somebody's box that others may cover
_LEAST = 25  # frames in a row: 2.5 s of somebody's steps
_MARGIN = 0.1  # of the box's size added on each side: boxes of the truth cut feet and heads off


@dataclass(frozen=True)
class Step:
    """One picture of somebody. pixels: (h, w, 3) uint8 RGB; cover: (h, w) float32, 0..1; x: of its middle, pixels."""

    pixels: Picture
    cover: NDArray[np.float32]
    x: float


@dataclass(frozen=True)
class Passer:
    """Somebody who crosses the picture. height: of the person, pixels of ours; ground: the row of the feet."""

    steps: Sequence[Step]
    height: float
    ground: float
    start: float
    speed: float  # pixels a frame, negative to the left
    first: int  # frame in which they begin

    def box(self, number: int) -> tuple[float, float, float, float] | None:
        """Return left, top, right, bottom in pixels in a frame; None where they are not in the picture."""
        x = self.start + self.speed * (number - self.first)
        half = self.height / 5
        if number < self.first or x + half < 0 or x - half > SIZE[1]:
            return None
        return x - half, self.ground - self.height, x + half, self.ground

    def over(self, picture: Picture, number: int) -> Picture:
        """Return `picture` with them in it."""
        if self.box(number) is None:
            return picture
        step = self.steps[_there_and_back(number - self.first, len(self.steps))]
        scale = self.height / step.pixels.shape[0]
        pixels = cv2.resize(step.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        cover = cv2.resize(step.cover, pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
        if self.speed * (self.steps[-1].x - self.steps[0].x) < 0:  # they walk the other way than when recorded
            pixels, cover = pixels[:, ::-1], cover[:, ::-1]
        left = round(self.start + self.speed * (number - self.first) - pixels.shape[1] / 2)
        top = round(self.ground - pixels.shape[0])
        return pasted(picture, np.asarray(pixels, np.uint8), np.asarray(cover, np.float32), left, top)


def pasted(picture: Picture, pixels: Picture, cover: NDArray[np.float32], left: int, top: int) -> Picture:
    """Return `picture` with `pixels` (h, w, 3), where `cover` (h, w) is 1, at `left`, `top`; what is outside is cut."""
    rows, columns = picture.shape[:2]
    height, width = cover.shape
    inside = slice(max(0, top), min(rows, top + height)), slice(max(0, left), min(columns, left + width))
    if inside[0].start >= inside[0].stop or inside[1].start >= inside[1].stop:
        return picture
    own = slice(inside[0].start - top, inside[0].stop - top), slice(inside[1].start - left, inside[1].stop - left)
    result = picture.copy()
    share = cover[own][..., None]
    result[inside] = (result[inside] * (1 - share) + pixels[own] * share).astype(np.uint8)
    return result


def passer(data: Path, random: np.random.Generator) -> Passer:
    """Return somebody of some size who crosses the picture at a walk, from one side or the other."""
    walks = cut_out(data)
    steps = walks[int(random.integers(len(walks)))]
    height = float(random.uniform(0.18, 0.55)) * SIZE[0]
    pace = height / 1.7 * float(random.uniform(0.7, 1.8)) / FPS  # pixels a frame: 0.7 to 1.8 m/s of somebody of 1.7 m
    leftwards = bool(random.integers(2))
    return Passer(
        steps,
        height,
        ground=float(random.uniform(max(0.6, height / SIZE[0] + 0.05), 0.98)) * SIZE[0],
        start=SIZE[1] + height / 5 if leftwards else -height / 5,
        speed=-pace if leftwards else pace,
        first=int(random.integers(20, 40)),
    )


@lru_cache(maxsize=1)
def cut_out(data: Path) -> list[list[Step]]:
    """Return the walks of those in `vtest.avi` who are apart from all others for long enough."""
    clip = data / "video/vtest.avi"
    boxes = _boxes(data / "video/vtest_gt_000001-000069.txt")
    still = median(clip)
    walks: dict[int, list[Step]] = defaultdict(list)
    done: list[list[Step]] = []
    for number, picture in _pictures(clip, max(boxes)):
        here = boxes.get(number, {})
        for one in set(walks) | set(here):
            step = _step(picture, still, one, here)
            if step is not None:
                walks[one].append(step)
            elif one in walks:
                done.append(walks.pop(one))
    return [walk for walk in [*done, *walks.values()] if len(walk) >= _LEAST]


def _step(picture: Picture, still: Picture, one: int, here: dict[int, tuple[float, ...]]) -> Step | None:
    if one not in here:
        return None
    left, top, width, height = here[one]
    left, top = left - _MARGIN * width, top - _MARGIN / 2 * height
    right, bottom = left + width * (1 + 2 * _MARGIN), top + height * (1 + _MARGIN)
    rows, columns = picture.shape[:2]
    if min(left, top) < 0 or right > columns or bottom > rows:
        return None
    covered = max((_shared((left, top, right, bottom), box) for other, box in here.items() if other != one), default=0)
    if covered > _APART * width * height:
        return None
    inside = slice(int(top), int(bottom)), slice(int(left), int(right))
    differs = np.asarray(cv2.absdiff(picture[inside], still[inside]).max(axis=2) > _DIFFERS, np.uint8)
    whole = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    outlines = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    largest = max(outlines, key=cv2.contourArea, default=None)
    if largest is None or cv2.contourArea(largest) < 0.2 * whole.size:
        return None
    cover = cv2.drawContours(np.zeros(whole.shape, np.float32), [largest], -1, 1.0, cv2.FILLED)
    soft = np.asarray(cv2.GaussianBlur(cover, (3, 3), 0), np.float32)
    return Step(picture[inside].copy(), soft, (left + right) / 2)


def _shared(box: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the area in pixels that `box` (left, top, right, bottom) and `other` (left, top, width, height) share."""
    left, top, width, height = other
    across = min(box[2], left + width) - max(box[0], left)
    down = min(box[3], top + height) - max(box[1], top)
    return max(0.0, across) * max(0.0, down)


def _boxes(truth: Path) -> dict[int, dict[int, tuple[float, ...]]]:
    """Return for each frame, from 0, everybody's box: left, top, width, height, pixels."""
    found: dict[int, dict[int, tuple[float, ...]]] = defaultdict(dict)
    for line in truth.read_text(encoding="utf-8").splitlines():
        frame, one, *box = line.split(",")
        found[int(frame) - 1][int(one)] = tuple(float(edge) for edge in box[:4])
    return dict(found)


def _pictures(clip: Path, last: int) -> Iterator[tuple[int, Picture]]:
    capture = cv2.VideoCapture(str(clip))
    for number in range(last + 1):
        yield number, np.asarray(cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB), np.uint8)
    capture.release()


def _there_and_back(number: int, steps: int) -> int:
    turn = number % (2 * steps - 2)
    return turn if turn < steps else 2 * steps - 2 - turn
