"""What the random sums are taken of: brightness, how it rises in four directions, and colour."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box, Frame, Plane
from tapetum.tracking.patches import patch

SIDE = 16  # pixels: the thing's width and height, whatever its size
WITHIN = 3  # times as wide and high is what is looked at
WIDTH = WITHIN * SIDE
GRAY_PLANES, COUNT = 5, 7  # the last two are U and V
_LEAST = 2.0  # pixels: nothing smaller is followed
_FAINT = 6.0  # luma steps, added to the spread of brightness by which all is divided
_COLOUR = 16.0  # steps of U and V that are as much
_INNER = slice((WIDTH - SIDE) // 2, (WIDTH + SIDE) // 2)

Planes = NDArray[np.float32]
"""(7, 48, 48): brightness, its rise to the right, left, down, up, U, V."""


def planes(frame: Frame, box: Box, times: float = 1.0) -> Planes:
    """Return what is around `box`, `times` as far; brightness is normalised by its spread in the box."""
    found = np.empty((COUNT, WIDTH, WIDTH), np.float32)
    luma = _cut(frame.luma, frame, box, times).astype(np.float32)
    spread = float(luma[_INNER, _INNER].std()) + _FAINT
    np.subtract(luma, luma.mean(), out=found[0])
    found[0] /= spread
    for axis in (0, 1):
        rise = cv2.Sobel(luma, cv2.CV_32F, 1 - axis, axis, ksize=3, scale=1 / (4 * spread))
        np.maximum(rise, 0, out=found[1 + 2 * axis])
        np.maximum(-rise, 0, out=found[2 + 2 * axis])
    np.sqrt(found[1:GRAY_PLANES], out=found[1:GRAY_PLANES])
    found[GRAY_PLANES], found[GRAY_PLANES + 1] = (_cut(plane, frame, box, times) for plane in (frame.u, frame.v))
    found[GRAY_PLANES:] -= 128
    found[GRAY_PLANES:] /= _COLOUR
    return found


def _cut(plane: Plane, frame: Frame, box: Box, times: float) -> Plane:
    (height, width), (rows, columns), (x, y) = frame.luma.shape, plane.shape, box.centre
    across, down = max(_LEAST / width, box.width), max(_LEAST / height, box.height)
    size = WITHIN * times * across * columns, WITHIN * times * down * rows
    return patch(plane, (x * columns, y * rows), size, (WIDTH, WIDTH))
