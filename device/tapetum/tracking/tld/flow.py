"""Median flow: where a box goes by the points in it, and whether it can be told.

Points on a grid are followed to the next picture and back; half of them, those that come back nearest and look most
alike, tell by medians how far the box went and how much it grew. Where they do not come back, it failed.

Z. Kalal, K. Mikolajczyk and J. Matas, "Forward-backward error: automatic detection of tracking failures", ICPR 2010.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane

_GRID = 10  # points, each way
_LOST = 10.0  # pixels: half of the points come back worse
_TERMINATE = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03)
_WINDOW, _LEVELS = (11, 11), 3

Points = NDArray[np.float32]
"""(n, 2): x and y, pixels."""
Edges = tuple[float, float, float, float]
"""left, top, right, bottom, pixels."""


def flow(before: Plane, now: Plane, box: Edges) -> Edges | None:
    """Return where `box` of the picture `before` is in `now`, of the same shape; None where that cannot be told."""
    left, top, right, bottom = box
    across, down = np.meshgrid(np.linspace(left, right, _GRID + 2)[1:-1], np.linspace(top, bottom, _GRID + 2)[1:-1])
    points = np.stack([across.ravel(), down.ravel()], axis=1).astype(np.float32)
    there, found = _followed(before, now, points)
    back, returned = _followed(now, before, there)
    error = np.linalg.norm(back - points, axis=1)
    good = found & returned & np.isfinite(error)
    if good.sum() < _GRID:
        return None
    middle = float(np.median(error[good]))
    if middle > _LOST:
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
    dx, dy = np.median(now - before, axis=0).tolist()
    first, second = np.triu_indices(len(before), 1)
    was = np.linalg.norm(before[first] - before[second], axis=1)
    has = np.linalg.norm(now[first] - now[second], axis=1)
    times = float(np.median(has / np.maximum(was, 1e-3))) if len(was) else 1.0
    more = (min(1.2, max(0.8, times)) - 1) / 2
    left, top, right, bottom = box
    across, down = more * (right - left), more * (bottom - top)
    return left + dx - across, top + dy - down, right + dx + across, bottom + dy + down
