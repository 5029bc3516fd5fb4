"""From a mask of changed pixels to boxes worth following."""

from collections.abc import Sequence

import cv2

from tapetum.scene import Box, Plane

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
    pending, done = list(rects), []
    while pending:
        rect = pending.pop()
        near = [other for other in pending if _near(rect, other, gap_x, gap_y)]
        if not near:
            done.append(rect)
            continue
        pending = [other for other in pending if other not in near]
        pending.append(_around([rect, *near]))
    return done


def boxes(rects: Sequence[Rect], shape: tuple[int, ...]) -> tuple[Box, ...]:
    """Return `rects` in fractions of a picture of `shape`, largest first."""
    found = [Box.of_pixels(*rect, shape) for rect in rects]
    return tuple(sorted(found, key=lambda box: -box.area))


def _near(a: Rect, b: Rect, gap_x: int, gap_y: int) -> bool:
    return a[0] - gap_x < b[2] and b[0] - gap_x < a[2] and a[1] - gap_y < b[3] and b[1] - gap_y < a[3]


def _around(rects: Sequence[Rect]) -> Rect:
    lefts, tops, rights, bottoms = zip(*rects, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
