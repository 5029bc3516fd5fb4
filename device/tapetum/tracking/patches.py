"""Small pictures of a part of a plane, whatever its size and wherever it is."""

import cv2
import numpy as np

from tapetum.scene import Plane

_SHARP = 2.0  # pixels of the plane for one of the patch, above which every pixel counts and not only those nearby


Pair = tuple[float, float]
"""x and y, or width and height, pixels."""


def patch(plane: Plane, centre: Pair, size: Pair, shape: tuple[int, int]) -> Plane:
    """Return the part of `plane` (h, w) of `size` around `centre` as a picture of `shape` (rows, columns).

    What is beyond the plane's edge is the edge's.
    """
    rows, columns = shape
    step_x, step_y = size[0] / columns, size[1] / rows
    left, top = centre[0] - size[0] / 2, centre[1] - size[1] / 2
    if min(step_x, step_y) < _SHARP:
        warp = np.array([[step_x, 0, left + (step_x - 1) / 2], [0, step_y, top + (step_y - 1) / 2]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        found = cv2.warpAffine(plane, warp, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    else:
        part = _whole(plane, (round(left), round(top), round(left + size[0]), round(top + size[1])))
        found = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(found, np.uint8)


def _whole(plane: Plane, edges: tuple[int, int, int, int]) -> Plane:
    """Return the part of `plane` between `edges`, what is beyond it filled with its border."""
    height, width = plane.shape
    left, top, right, bottom = edges
    (first_x, last_x), (first_y, last_y) = _within(left, right, width), _within(top, bottom, height)
    part = plane[first_y:last_y, first_x:last_x]
    if first_x == left and last_x == right and first_y == top and last_y == bottom:
        return part
    around = max(0, first_y - top), max(0, bottom - last_y), max(0, first_x - left), max(0, right - last_x)
    return np.asarray(cv2.copyMakeBorder(part, *around, cv2.BORDER_REPLICATE), np.uint8)


def _within(first: int, last: int, length: int) -> tuple[int, int]:
    """Return the part of a span that is within `length`, at least a pixel."""
    first = min(max(0, first), length - 1)
    return first, max(first + 1, min(last, length))
