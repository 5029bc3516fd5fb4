"""Places where something moves all the time and goes nowhere, a tree, a flag, a screen: learned, and passed over.

The picture is divided into cells. Where there is motion again and again, of nothing that travels, a cell is damped: a
region of motion that lies in damped cells and is no fuller than what is usual there is left out. What travels, or came
from beside, or is fuller, is found there as anywhere. A cell in which nothing happens for long is looked at again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box, Motion, Track
from tapetum.settings import Seconds, Settings

_GRID = (18, 32)  # cells down and across
_ON, _OFF = 0.3, 0.1  # of the time with motion: more, and a cell is damped; less, and it is not any more
_REACHED = -math.log(1 - _ON)  # of its time constant an average needs to get there
_FULL = 0.02  # of a cell's pixels from which there is motion in it
_INSIDE = 0.7  # of a region in damped cells or beside them: less, and it is from elsewhere
_BESIDE = np.ones((3, 3), np.uint8)
_UNUSUAL = 2.0  # standard deviations by which a region must be fuller than usual
_FAR = 3.0  # the same for each cell by itself, of which there are many
_RATE = 0.02  # at which the usual is learned
_TRAVELS = 0.7  # of its own size: a thing that has gone so far from where it was first seen goes somewhere
_STRAIGHT = 0.6  # of the way that it went: less, and it sways, or is one part of a tree now and another then
_ITS = 0.3  # of the smaller of a region and of a thing that travels, shared: it is its, and what hides it
_LONGEST_S = 1.0  # between two frames, as it counts
_LEARNED_NS = 150_000_000  # between two frames that are learned from

Grid = NDArray[np.float32]


class Damping(Settings, frozen=True):
    """Of what moves all the time."""

    enabled: bool = True
    after_s: Seconds = 300.0  # of motion without a pause; with pauses, longer

    def start(self) -> "Damper":
        """Return a damper that has learned nothing yet."""
        return Damper(self)


@dataclass(frozen=True, slots=True)
class Area:
    """A damped area's surroundings, and since when it is damped (CLOCK_BOOTTIME, nanoseconds)."""

    box: Box
    since_ns: int


class Damper:
    """The running damper of one camera: `passed` for the motion in each frame, then `learn` from it."""

    def __init__(self, settings: Damping) -> None:
        self._settings = settings
        self._active: Grid = np.zeros(_GRID, np.float32)  # share of the time with motion
        self._usual: Grid = np.zeros(_GRID, np.float32)  # of a cell that moves where there is motion
        self._varies: Grid = np.zeros(_GRID, np.float32)  # its variance
        self._filled: Grid = np.zeros(_GRID, np.float32)  # of each cell, in the last picture
        self._since_ns = np.zeros(_GRID, np.int64)  # since when damped, 0 where not
        self._near: NDArray[np.bool_] = np.zeros(_GRID, np.bool_)  # damped, or beside a cell that is
        self._regions: tuple[Box, ...] = ()
        self._ways: dict[int, _Way] = {}  # of each track
        self._travelling: list[Box] = []
        self._t_ns: int | None = None
        self.areas: tuple[Area, ...] = ()

    def passed(self, motion: Motion) -> Motion:
        """Return `motion` without the regions that are usual where they are."""
        self._regions = motion.regions
        if not self.areas:
            return motion
        self._fill(motion)
        left = [self._unusual_part(box) for box in motion.regions if not self._is_usual(box)]
        return replace(motion, regions=tuple(sorted(left, key=lambda box: -box.area)))

    def learn(self, motion: Motion, tracks: Sequence[Track], t_ns: int) -> None:
        """Learn from the frame whose motion was `passed` last, taken at `t_ns`, in which there are `tracks`."""
        self._travelling = self._those_that_travel(tracks)
        if self._t_ns is not None and 0 <= t_ns - self._t_ns < _LEARNED_NS:
            return
        span_s = 0.0 if self._t_ns is None else min(_LONGEST_S, max(0.0, (t_ns - self._t_ns) / 1e9))
        self._t_ns = t_ns
        if not self._settings.enabled or (not self._regions and not self._active.any()):
            return
        if not self.areas:
            self._fill(motion)
        filled = self._filled
        moving = np.zeros(_GRID, np.bool_)
        for box in self._regions:
            if not self._travels(box):
                moving[box.slices(moving)] = True
        moving &= filled > _FULL
        self._active += (moving - self._active) * np.float32(1 - math.exp(-span_s * _REACHED / self._settings.after_s))
        away = (filled - self._usual)[moving]
        self._varies[moving] += _RATE * (away**2 - self._varies[moving])
        self._usual[moving] += _RATE * away
        self._decide(t_ns)

    def _decide(self, t_ns: int) -> None:
        damped = self._since_ns > 0
        now = self._active > np.where(damped, _OFF, _ON)
        if np.array_equal(now, damped):
            return
        self._since_ns[now & ~damped] = t_ns
        self._since_ns[~now] = 0
        self._near = cv2.dilate(now.astype(np.uint8), _BESIDE).view(np.bool_)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(now.astype(np.uint8))
        found = []
        for number in range(1, count):
            left, top, width, height = (int(value) for value in stats[number][:4])
            since_ns = int(self._since_ns[labels == number].min())
            found.append(Area(Box.of_pixels(left, top, left + width, top + height, _GRID), since_ns))
        self.areas = tuple(found)

    def _fill(self, motion: Motion) -> None:
        """See how full of motion each cell is."""
        filled = cv2.resize(motion.mask, _GRID[::-1], interpolation=cv2.INTER_AREA)
        self._filled = np.asarray(filled / 255, np.float32)

    def _unusual_part(self, box: Box) -> Box:
        """Return what of `box` is not damped, or far fuller than usual: who stands in a tree, without the tree."""
        cells = box.slices(self._active)
        most = self._usual[cells] + _FAR * np.sqrt(self._varies[cells])
        shown = (self._since_ns[cells] == 0) | (self._filled[cells] > most)
        if shown.all() or not shown.any():
            return box
        _, _, stats, _ = cv2.connectedComponentsWithStats(shown.astype(np.uint8))
        x, y, width, height, _ = max(stats[1:].tolist(), key=lambda part: part[4])
        top, left = cells[0].start + y, cells[1].start + x
        inside = Box.of_pixels(left, top, left + width, top + height, _GRID)
        return Box(
            max(box.left, inside.left),
            max(box.top, inside.top),
            min(box.right, inside.right),
            min(box.bottom, inside.bottom),
        )

    def _is_usual(self, box: Box) -> bool:
        near = self._near[box.slices(self._near)]
        if np.count_nonzero(near) < _INSIDE * near.size or self._travels(box):
            return False
        rows, columns = box.slices(self._active)
        around = slice(max(0, rows.start - 1), rows.stop + 1), slice(max(0, columns.start - 1), columns.stop + 1)
        usual = (self._usual[around] + _UNUSUAL * np.sqrt(self._varies[around]))[self._since_ns[around] > 0]
        full = float(np.mean(self._filled[rows, columns][near]))
        return full <= float(np.max(usual))

    def _travels(self, region: Box) -> bool:
        return any(region.overlap(box) > _ITS * min(region.area, box.area) for box in self._travelling)

    def _those_that_travel(self, tracks: Sequence[Track]) -> list[Box]:
        self._ways = {track.id: self._ways.get(track.id, _Way(track.box, track.box)) for track in tracks}
        for track in tracks:
            self._ways[track.id].go(track.box)
        return [track.box for track in tracks if self._ways[track.id].leads_away]


@dataclass(slots=True)
class _Way:
    """How a track went from where it was first seen, in steps of its own size or nearly so."""

    first: Box
    last: Box
    length: float = 0.0  # of all steps, fractions of the frame

    def go(self, now: Box) -> None:
        """Take a step if `now` is far enough."""
        if _far(self.last, now):
            self.length += _distance(self.last, now)
            self.last = now

    @property
    def leads_away(self) -> bool:
        """Whether it is far from where it began, and did not go to and fro."""
        return (
            self.length > 0
            and _far(self.first, self.last)
            and _distance(self.first, self.last) > _STRAIGHT * self.length
        )


def _distance(one: Box, other: Box) -> float:
    (x1, y1), (x2, y2) = one.centre, other.centre
    return math.hypot(x2 - x1, y2 - y1)


def _far(first: Box, now: Box) -> bool:
    (x1, y1), (x2, y2) = first.centre, now.centre
    return abs(x2 - x1) > _TRAVELS * max(first.width, now.width) or abs(y2 - y1) > _TRAVELS * max(
        first.height, now.height
    )
