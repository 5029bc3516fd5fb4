"""Median flow: where a box goes by the points in it, and whether it can be told.

Points on a grid are followed to the next picture and back; half of them, those that come back nearest, tell by medians
how far the box went and how much it grew. Where they do not come back, it failed.

Z. Kalal, K. Mikolajczyk and J. Matas, "Forward-backward error: automatic detection of tracking failures", ICPR 2010.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane
from tapetum.tracking.tld.view import Edges

_GRID = 10  # points, each way
_LOST = 10.0  # pixels: half of the points come back worse
_TERMINATE = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03)
_WINDOW, _LEVELS = (11, 11), 3
_GROWTH = 0.5  # of the growth that the points tell: what noise tells adds up, and what is left out the detector tells
_PARTNERS = 5  # of each point in those pairs whose distances tell the growth
_CLOSE = 1e-3  # pixels
_LEAST, _MOST = 0.8, 1.2  # times as large, in a frame

Points = NDArray[np.float32]
"""(n, 2): x and y, pixels."""


def flow(before: Plane, now: Plane, box: Edges) -> Edges | None:
    """Return where `box` of the picture `before` is in `now`, of the same shape; None where that cannot be told."""
    left, top, right, bottom = box
    points = (_SPOTS * (right - left, bottom - top) + (left, top)).astype(np.float32)
    there, found = _followed(before, now, points)
    back, returned = _followed(now, before, there)
    error = np.square(back - points).sum(axis=1)
    good = found & returned & np.isfinite(error)
    if np.count_nonzero(good) < _GRID:
        return None
    middle = _median(error[good])
    if middle > _LOST**2:
        return None
    good &= error <= middle
    return _grown(box, points[good], there[good])


def _followed(before: Plane, now: Plane, points: Points) -> tuple[Points, NDArray[np.bool_]]:
    """Return where the points have gone, by Lucas and Kanade on a pyramid, and of which it is known."""
    moved, known, _ = cv2.calcOpticalFlowPyrLK(
        before, now, points, points.copy(), winSize=_WINDOW, maxLevel=_LEVELS, criteria=_TERMINATE
    )
    return np.asarray(moved, np.float32), np.asarray(known).ravel() > 0


def _grown(box: Edges, before: Points, now: Points) -> Edges:
    was, has = (np.ascontiguousarray(points).view(np.complex64)[:, 0] for points in (before, now))
    moved = has - was
    dx, dy = _median(moved.real), _median(moved.imag)
    one, other = _pairs(len(was))
    times = _median(np.abs(has[one] - has[other]) / np.maximum(np.abs(was[one] - was[other]), _CLOSE))
    more = _GROWTH * (min(_MOST, max(_LEAST, times)) - 1) / 2
    left, top, right, bottom = box
    across, down = more * (right - left), more * (bottom - top)
    return left + dx - across, top + dy - down, right + dx + across, bottom + dy + down


def _median(values: NDArray[np.float32]) -> float:
    """Return the lower median: numpy's own takes longer than all else here."""
    middle = (len(values) - 1) // 2
    return float(np.partition(values, middle)[middle])


@lru_cache(maxsize=_GRID**2)
def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return pairs of so many points, each with _PARTNERS others, near and far."""
    one = np.tile(np.arange(count), _PARTNERS)
    steps = np.linspace(1, count // 2, _PARTNERS).astype(np.intp)
    return one, (one + np.repeat(steps, count)) % count


_LINE = np.linspace(0, 1, _GRID + 2)[1:-1]
_SPOTS = np.stack(np.meshgrid(_LINE, _LINE), axis=-1).reshape(-1, 2)
"""(100, 2): where in a box the points are, of its size."""
