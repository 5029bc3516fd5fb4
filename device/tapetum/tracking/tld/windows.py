"""Where a thing is looked for: windows of a few sizes on a grid, and those that vary enough to be it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane
from tapetum.tracking.tld.model import Windows

_STEP = 0.1  # of the shorter side, between windows
_SCALES = (1 / 1.2, 1.0, 1.2)
_LEAST = 4  # pixels: the least side of a window


def grid(shape: tuple[int, ...], size: tuple[float, float], most: int) -> Windows:
    """Return windows of about `size` (width, height) all over a picture of `shape`, `most` of each scale about."""
    found = []
    height, width = shape[:2]
    for scale in _SCALES:
        across, down = (max(_LEAST, round(side * scale)) for side in size)
        across, down = min(across, width), min(down, height)
        step = max(1.0, _STEP * min(across, down), ((width - across + 1) * (height - down + 1) / most) ** 0.5)
        x, y = (np.arange(0, room + 1, step).astype(np.intp) for room in (width - across, height - down))
        places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        found.append(np.concatenate([places, np.tile(np.array((across, down), np.intp), (len(places), 1))], axis=1))
    return np.concatenate(found)


def variances(picture: Plane, windows: Windows) -> NDArray[np.float64]:
    """Return (n,) the variance of brightness in each window."""
    sums, squares = cv2.integral2(picture, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    x, y, width, height = windows.T
    stride = sums.shape[1]
    corners = y * stride + x, y * stride + x + width, (y + height) * stride + x, (y + height) * stride + x + width
    area = width * height
    mean, square = (_within(np.asarray(one, np.float64).reshape(-1), corners) / area for one in (sums, squares))
    return np.asarray(square - mean**2)


def overlaps(windows: Windows, box: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Return (n,) the IoU of each window with `box`: left, top, right, bottom."""
    left, top, right, bottom = box
    x, y, width, height = windows.T
    across = np.clip(np.minimum(x + width, right) - np.maximum(x, left), 0, None)
    down = np.clip(np.minimum(y + height, bottom) - np.maximum(y, top), 0, None)
    shared = across * down
    return np.asarray(shared / np.maximum(1e-6, width * height + (right - left) * (bottom - top) - shared))


def _within(flat: NDArray[np.float64], corners: tuple[NDArray[np.intp], ...]) -> NDArray[np.float64]:
    a, b, c, d = (flat.take(corner) for corner in corners)
    return np.asarray(d - b - c + a)
