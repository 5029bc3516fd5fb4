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
_INSIDE = 0.7  # of a region in damped cells: less, and it is from beside
_UNUSUAL = 2.0  # standard deviations by which a region must be fuller than usual
_RATE = 0.02  # at which the usual is learned
_TRAVELS = 0.7  # of its own size: a thing that has gone so far from where it was first seen goes somewhere
_ITS = 0.3  # of the smaller of a region and of a thing that travels, shared: it is its, and what hides it
_LONGEST_S = 1.0  # between two frames, as it counts

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
        self._since_ns = np.zeros(_GRID, np.int64)  # since when damped, 0 where not
        self._regions: tuple[Box, ...] = ()
        self._first: dict[int, Box] = {}  # where each track was first seen
        self._travelling: list[Box] = []
        self._t_ns: int | None = None
        self.areas: tuple[Area, ...] = ()

    def passed(self, motion: Motion) -> Motion:
        """Return `motion` without the regions that are usual where they are."""
        self._regions = motion.regions
        if not self.areas:
            return motion
        return replace(motion, regions=tuple(box for box in motion.regions if not self._is_usual(box, motion)))

    def learn(self, motion: Motion, tracks: Sequence[Track], t_ns: int) -> None:
        """Learn from the frame whose motion was `passed` last, taken at `t_ns`, in which there are `tracks`."""
        span_s = 0.0 if self._t_ns is None else min(_LONGEST_S, max(0.0, (t_ns - self._t_ns) / 1e9))
        self._t_ns = t_ns
        self._travelling = self._those_that_travel(tracks)
        if not self._settings.enabled or (not self._regions and not self._active.any()):
            return
        filled = cv2.resize(motion.mask, _GRID[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
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
        count, labels, stats, _ = cv2.connectedComponentsWithStats(now.astype(np.uint8))
        found = []
        for number in range(1, count):
            left, top, width, height = (int(value) for value in stats[number][:4])
            since_ns = int(self._since_ns[labels == number].min())
            found.append(Area(Box.of_pixels(left, top, left + width, top + height, _GRID), since_ns))
        self.areas = tuple(found)

    def _is_usual(self, box: Box, motion: Motion) -> bool:
        cells = box.slices(self._active)
        damped = self._since_ns[cells] > 0
        if np.count_nonzero(damped) < _INSIDE * damped.size or self._travels(box):
            return False
        inside = motion.mask[box.slices(motion.mask)]
        full = cv2.countNonZero(inside) / inside.size
        usual = self._usual[cells] + _UNUSUAL * np.sqrt(self._varies[cells])
        return full <= float(np.max(usual[damped]))

    def _travels(self, region: Box) -> bool:
        return any(region.overlap(box) > _ITS * min(region.area, box.area) for box in self._travelling)

    def _those_that_travel(self, tracks: Sequence[Track]) -> list[Box]:
        self._first = {track.id: self._first.get(track.id, track.box) for track in tracks}
        return [track.box for track in tracks if _far(self._first[track.id], track.box)]


def _far(first: Box, now: Box) -> bool:
    (x1, y1), (x2, y2) = first.centre, now.centre
    return abs(x2 - x1) > _TRAVELS * max(first.width, now.width) or abs(y2 - y1) > _TRAVELS * max(
        first.height, now.height
    )
