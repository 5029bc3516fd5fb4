"""From a mask of changed pixels to boxes worth following."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box, Plane

_PLAIN = 0.2  # of how much the plainest tenth of a region differs: what differs less is its shadow
_NEAR = 0.4  # of the picture's height: a higher region is somebody near
_END = 0.2  # of the highest column: lower ones at the ends are shadows and what is held out
_VALLEY = 0.5  # of the lower of the heights on both sides of a column: it is a gap between two
_SIDE = 0.5  # of the highest column, reached on both sides of a gap

Rect = tuple[int, int, int, int]
"""left, top, right, bottom in pixels of the luma."""


def outlines(weak: Plane, strong: Plane, min_pixels: int) -> list[Rect]:
    """Return the boxes of connected parts of `weak` that touch `strong` and fill at least `min_pixels`.

    Hysteresis as in J. Canny, IEEE TPAMI 8(6):679-698, 1986: what is faint counts where it hangs together with what is
    plain. Both (h, w) uint8, 0 or 255. Contours cost a tenth of connected components here.
    """
    contours, _ = cv2.findContours(weak, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours:
        left, top, width, height = cv2.boundingRect(contour)
        if width * height < min_pixels:
            continue
        inside = (slice(top, top + height), slice(left, left + width))
        if cv2.countNonZero(weak[inside]) >= min_pixels and cv2.countNonZero(strong[inside]):
            found.append((left, top, left + width, top + height))
    return found


def joined(rects: Sequence[Rect], gap_x: int, gap_y: int) -> list[Rect]:
    """Return `rects` with those united that lie within `gap_x` and `gap_y` pixels of each other.

    A person in front of something of their own brightness falls into parts, one above the other more often than side
    by side.
    """
    pending: list[Rect] = list(rects)
    done: list[Rect] = []
    while pending:
        rect = pending.pop()
        near = [other for other in pending + done if _near(rect, other, gap_x, gap_y)]
        if not near:
            done.append(rect)
            continue
        pending = [other for other in pending if other not in near]
        done = [other for other in done if other not in near]
        pending.append(_around([rect, *near]))
    return done


def upright(mask: Plane, residual: Plane, rect: Rect) -> list[Rect]:
    """Return the parts of `rect` that stand next to each other, each tight around what plainly differs there.

    mask: (h, w) uint8, not 0 where it changed; residual: by how much, luma steps. What differs far less than the
    plainest of the region is its shadow. The heights of the columns, each from its first to its last row, then show
    who stands there: low ends are cut off, and a valley between two heights parts two who walk side by side. A car of
    which only the outline differs from the street has no valley, nor has one who leans. What is near, and so high that
    limbs show, is left whole.

    After the vertical projection of I. Haritaoglu et al., "W4: real-time surveillance of people and their activities",
    IEEE TPAMI 22(8):809-830, 2000.
    """
    left, top, right, bottom = rect
    if bottom - top > _NEAR * mask.shape[0]:
        return [rect]
    cut = (slice(top, bottom), slice(left, right))
    shown, differs = mask[cut], residual[cut]
    _, plain = cv2.threshold(differs, int(_PLAIN * _plainest_tenth(differs, shown)), 255, cv2.THRESH_BINARY)
    columns = cv2.transpose(cv2.bitwise_and(plain, shown)).view(np.bool_)  # each in one run: three times as fast
    first, last = columns.argmax(axis=1), columns[:, ::-1].argmax(axis=1)
    heights = np.where(columns.any(axis=1), bottom - top - first - last, 0)
    stands = np.zeros(right - left + 2, np.bool_)
    stands[1:-1] = _stands(heights)
    found = []
    for start, stop in np.flatnonzero(stands[1:] != stands[:-1]).reshape(-1, 2).tolist():
        own = heights[start:stop] > 0
        upper, lower = first[start:stop][own].min(), last[start:stop][own].min()
        found.append((left + start, top + int(upper), left + stop, bottom - int(lower)))
    return found


def _plainest_tenth(differs: Plane, shown: Plane) -> int:
    """Return from which difference on the plainest tenth of what is `shown` is."""
    below = cv2.calcHist([differs], [0], shown, [256], [0, 256]).ravel().cumsum()
    return int(np.searchsorted(below, 0.9 * below[-1]))


def _stands(heights: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return for each column whether something stands there, (w,), from the columns' heights."""
    highest = heights.max()
    around = np.minimum(np.maximum.accumulate(heights), np.maximum.accumulate(heights[::-1])[::-1])
    valley = (heights < _VALLEY * around) & (around > _SIDE * highest)
    return np.asarray((heights > _END * highest) & ~valley, np.bool_)


def boxes(rects: Sequence[Rect], shape: tuple[int, ...]) -> tuple[Box, ...]:
    """Return `rects` in fractions of a picture of `shape`, largest first."""
    found = [Box.of_pixels(*rect, shape) for rect in rects]
    return tuple(sorted(found, key=lambda box: -box.area))


def _near(a: Rect, b: Rect, gap_x: int, gap_y: int) -> bool:
    return a[0] - gap_x < b[2] and b[0] - gap_x < a[2] and a[1] - gap_y < b[3] and b[1] - gap_y < a[3]


def _around(rects: Sequence[Rect]) -> Rect:
    lefts, tops, rights, bottoms = zip(*rects, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
