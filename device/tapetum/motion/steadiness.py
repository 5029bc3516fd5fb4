"""Whether the camera keeps still: from where it looks in each picture to what has become of that.

A jolt is a picture that is displaced against the one before. A view that keeps still again for a second, away from
where it was, has moved; a camera that is jolted again and again is shaken. One that comes back has done nothing.
"""

from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from tapetum.motion.view import Shift, View, alike
from tapetum.scene import Plane

_FAINTER = 0.02  # of correlation, under what is usual: a shift of half a pixel costs 0.03, people in it 0.01
_JOLT = 0.4  # pixels of the luma from one picture to the next
_STILL_NS = 1_000_000_000  # without a jolt: it has come to rest
_SHAKEN_NS = 2_000_000_000  # of jolts without a rest between them
_FEWEST = 4  # jolts of a shaken camera
_RATE = 0.05  # at which the usual is learned
_UNSURE_RATE = 0.01  # the same from pictures of which nothing can be said
_SURE = 4  # mean deviations of the correlation under the usual
_UNSURE = 0.1  # of what noise takes of the correlation: the mean deviation before it is known
_CLEAR = 0.75  # usual correlation from which a view that is not found any more is another; less is mostly noise
_RENEWED_NS = 10_000_000_000  # between two looks whether patches are gone for good
_WORN = 0.6  # of the patches: when fewer are still there, others are chosen


class Pose(Enum):
    """What one picture tells of the camera."""

    STILL = auto()
    JOLTED = auto()  # displaced against the picture before
    MOVED = auto()  # at rest, and not where it was


class Steadiness:
    """The running judgement of one camera's lumas."""

    def __init__(self, named: float) -> None:
        """Call a view moved that has shifted by more than `named`, a fraction of the picture's width."""
        self._named = named
        self._home: View | None = None  # where it looked when it last was at rest
        self._away: View | None = None  # where it looks now, where that is nowhere near
        self._shift: Shift = (0.0, 0.0)  # from home
        self.drift: Shift = (0.0, 0.0)  # of the last picture, from the one before
        self._usual = self._varies = 0.0  # median correlation of a picture at rest, and its mean deviation
        self._compared = 0  # pictures with home
        self._doubtful = False  # whether the last picture could be found neither here nor there
        self._jolts = 0
        self._first_ns = self._last_ns = self._renewed_ns = 0  # first and last jolt of a series

    @property
    def holds(self) -> bool:
        """Whether the last picture shows what was there before, so that what changed in it was the light."""
        return self._home is not None and self._home.says and not self.away and not self._doubtful

    @property
    def away(self) -> bool:
        """Whether the last picture was displaced: it will be told when the camera is at rest."""
        return self._away is not None or self._shift != (0.0, 0.0)

    @property
    def shaken(self) -> bool:
        """Whether the camera is being shaken."""
        return self._jolts >= _FEWEST and self._last_ns - self._first_ns >= _SHAKEN_NS

    def look(self, luma: Plane, t_ns: int) -> Pose:
        """Take in the next (h, w) uint8 luma, taken at `t_ns`."""
        self.drift = (0.0, 0.0)
        if self._home is None or self._home.shape != luma.shape:
            self._settle(luma, t_ns)
            return Pose.STILL
        if self._displaced(self._home, luma):
            self._jolts += 1
            self._first_ns = t_ns if self._jolts == 1 else self._first_ns
            self._last_ns = t_ns
            return Pose.JOLTED
        return self._rest(luma, t_ns)

    def _displaced(self, home: View, luma: Plane) -> bool:
        """Whether `luma` is displaced against the picture before."""
        found = home.alike(luma)
        middle = _median(found) if home.says else 1.0
        before, was_away, usual = self._shift, self._away is not None, self._is_usual(middle)
        shift = (0.0, 0.0) if usual else home.shift(luma)
        self._doubtful = shift is None
        if shift is not None:
            self._away, self._shift = None, shift if _far(shift, (0.0, 0.0)) else (0.0, 0.0)
            self.drift = self._shift[0] - before[0], self._shift[1] - before[1]
            if usual:
                home.learn(luma, found)
                self._learn(middle)
            return was_away or _far(before, self._shift)
        if not home.gone(found) or self._usual < _CLEAR:  # much is covered, or there is more noise than picture
            self._usual += _UNSURE_RATE * (middle - self._usual)
            return False
        return self._elsewhere(luma)

    def _is_usual(self, middle: float) -> bool:
        return middle >= self._usual - max(_FAINTER, _SURE * self._varies)

    def _learn(self, middle: float) -> None:
        """Take the median correlation of a picture for usual."""
        rate = max(_RATE, 1 / (self._compared + 1))
        self._varies += rate * (abs(middle - self._usual) - self._varies)
        self._usual += rate * (middle - self._usual)
        self._compared += 1

    def _elsewhere(self, luma: Plane) -> bool:
        """Whether `luma` shows what the picture before did not, either."""
        if self._away is not None and (not self._away.says or not self._away.gone(self._away.alike(luma))):
            shift = self._away.shift(luma) if self._away.says else (0.0, 0.0)
            if shift is not None and not _far(shift, (0.0, 0.0)):
                return False
        self._away = View(luma)
        return True

    def _rest(self, luma: Plane, t_ns: int) -> Pose:
        if self._jolts and t_ns - self._last_ns < _STILL_NS:
            return Pose.JOLTED if self._doubtful else Pose.STILL
        self._jolts = 0
        far = self._away is not None or max(map(abs, self._shift)) > self._named * luma.shape[1]
        if self._away is not None or self._shift != (0.0, 0.0):
            self._settle(luma, t_ns)
        elif t_ns - self._renewed_ns > _RENEWED_NS and self._home is not None:
            self._renewed_ns = t_ns
            if alike(self._home.alike(luma)) < _WORN:
                self._settle(luma, t_ns)
        return Pose.MOVED if far else Pose.STILL

    def _settle(self, luma: Plane, t_ns: int) -> None:
        self._home, self._away, self._shift = View(luma), None, (0.0, 0.0)
        self._renewed_ns = t_ns
        self._usual, self._varies = self._home.clarity, _UNSURE * (1 - self._home.clarity)
        self._jolts = self._compared = 0


def _median(values: NDArray[np.float32]) -> float:
    """Return the upper median; of a few dozen values it takes a quarter of the time of `np.median`."""
    return float(np.partition(values, values.size // 2)[values.size // 2])


def _far(one: Shift, other: Shift) -> bool:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) > _JOLT
