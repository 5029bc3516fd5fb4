"""How a mask compares with the truth, pixel by pixel: recall, precision, F-measure.

Masks of the truth have the five values of ChangeDetection.net (N. Goyette et al., "Changedetection.net: a new change
detection benchmark dataset", CVPR workshops 2012): 0 still, 50 a shadow, which counts as still, 85 outside the region
of interest and 170 unknown, neither of which is judged, 255 moving. As there, pixels of all judged frames are counted
together.
"""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from tapetum.scene import Plane

STILL, SHADOW, OUTSIDE, UNKNOWN, MOVING = 0, 50, 85, 170, 255
VALUES = (STILL, SHADOW, OUTSIDE, UNKNOWN, MOVING)

_JUDGED = np.full(256, 255, np.uint8)
_JUDGED[[OUTSIDE, UNKNOWN]] = 0
_MOVES = np.zeros(256, np.uint8)
_MOVES[MOVING] = 255


class Counts(NamedTuple):
    """Pixels: found, found where nothing moves, missed."""

    right: int = 0
    false: int = 0
    missed: int = 0


class Score(NamedTuple):
    """f, precision, recall: 0..1, None where there is nothing to divide by."""

    f: float | None
    precision: float | None
    recall: float | None


def counted(mask: Plane, truth: Plane) -> Counts | None:
    """Return the counts of a frame, `mask` 0 or 255 of the size of `truth`; None where no pixel of it is judged."""
    judged = cv2.LUT(truth, _JUDGED)
    if not cv2.countNonZero(judged):
        return None
    moving = moving_in(truth)
    found = cv2.bitwise_and(mask, judged)
    right = cv2.countNonZero(cv2.bitwise_and(found, moving))
    return Counts(right, cv2.countNonZero(found) - right, cv2.countNonZero(moving) - right)


def moving_in(truth: Plane) -> Plane:
    """Return 255 where something moves by `truth`, else 0."""
    return np.asarray(cv2.LUT(truth, _MOVES), np.uint8)


def scored(counts: Iterable[Counts | None]) -> Score:
    """Return what the frames come to together."""
    own = [one for one in counts if one]
    right, false, missed = (sum(one[index] for one in own) for index in range(3))
    return Score(
        _ratio(2 * right, 2 * right + false + missed), _ratio(right, right + false), _ratio(right, right + missed)
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
