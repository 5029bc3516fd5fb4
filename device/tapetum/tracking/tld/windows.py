"""Where a thing is looked for: windows of a few sizes on a grid, and those that vary enough to be it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane
from tapetum.tracking.patches import Pair
from tapetum.tracking.tld.view import Edges, Windows

_STEP = 0.1  # of the shorter side, between windows
_SCALES = (1 / 1.2, 1.0, 1.2)
_LEAST = 4  # pixels: the least side of a window


def grid(shape: tuple[int, ...], size: Pair, most: int) -> Windows:
    """Return windows of about `size`, whole pixels, all over a picture of `shape`, `most` of each scale about."""
    found = []
    height, width = shape[:2]
    for scale in _SCALES:
        across, down = (max(_LEAST, round(side * scale)) for side in size)
        across, down = min(across, width), min(down, height)
        step = max(1.0, _STEP * min(across, down), ((width - across + 1) * (height - down + 1) / most) ** 0.5)
        x, y = (np.arange(0, room + 1, step).astype(np.intp) for room in (width - across, height - down))
        windows = np.empty((len(y), len(x), 4))
        windows[..., 0], windows[..., 1] = x, y[:, None]
        windows[..., 2], windows[..., 3] = across, down
        found.append(windows.reshape(-1, 4))
    return np.concatenate(found)


def around(windows: Windows, growth: float) -> Windows:
    """Return 27 windows about each of `windows`: a pixel to each side, and `growth` smaller and larger."""
    times = 1 + growth * _STEPS[:, 2:]
    size = windows[:, None, 2:] * times
    place = windows[:, None, :2] + (windows[:, None, 2:] - size) / 2 + _STEPS[:, :2]
    return np.concatenate([place, size], axis=2).reshape(-1, 4)


_STEPS = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
"""(27, 3): x, y and growth; as it is in the middle."""
UNMOVED = len(_STEPS) // 2


def variances(picture: Plane, windows: Windows) -> NDArray[np.float64]:
    """Return (n,) the variance of brightness in each window."""
    sums, squares = cv2.integral2(picture, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    x, y, width, height = windows.astype(np.intp).T
    stride = sums.shape[1]
    first, last = y * stride, (y + height) * stride
    corners = first + x, first + x + width, last + x, last + x + width
    area = width * height
    mean, square = (_within(np.asarray(one, np.float64).reshape(-1), corners) / area for one in (sums, squares))
    return np.asarray(square - mean**2)


def overlaps(windows: Windows, box: Edges) -> NDArray[np.float64]:
    """Return (n,) the IoU of each window with `box`."""
    left, top, right, bottom = box
    x, y, width, height = windows.T
    across = np.minimum(x + width, right) - np.maximum(x, left)
    down = np.minimum(y + height, bottom) - np.maximum(y, top)
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    return np.asarray(shared / np.maximum(1e-6, width * height + (right - left) * (bottom - top) - shared))


def _within(flat: NDArray[np.float64], corners: tuple[NDArray[np.intp], ...]) -> NDArray[np.float64]:
    a, b, c, d = (flat.take(corner) for corner in corners)
    return np.asarray(d - b - c + a)
