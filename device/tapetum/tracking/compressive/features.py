"""Features by chance: each is the sum of a few random rectangles within a thing, in one plane.

K. Zhang, L. Zhang and M.-H. Yang, "Real-time compressive tracking", ECCV 2012: so few random sums keep nearly all that
tells one patch from another (compressive sensing), and an integral image gives each in four look-ups.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.tracking.compressive.planes import COUNT, GRAY_PLANES, SIDE, WIDTH, Planes

_FEWEST, _MOST = 2, 4  # rectangles of a feature
_SMALLEST, _LARGEST = 2, SIDE // 2  # pixels, each way
_COLOURLESS = 0.25  # spread of U and V together, of 16 steps, below which they tell nothing
_STRIDE = WIDTH + 1  # of an integral image

PLACES = WIDTH - SIDE + 1
"""Places of the thing in what is looked at, each way; in the middle one it was last."""


class Features:
    """The rectangles, drawn once; weights: +-1 / sqrt(rectangles of the feature), over their area."""

    def __init__(self, random: np.random.Generator, count: int, first: Planes) -> None:
        colourful = float(first[GRAY_PLANES:].std(axis=(1, 2)).sum()) >= _COLOURLESS
        kinds = COUNT if colourful else GRAY_PLANES
        of = np.repeat(np.arange(count), random.integers(_FEWEST, _MOST + 1, count))
        width, height = random.integers(_SMALLEST, _LARGEST + 1, (2, len(of)))
        x, y = random.integers(0, SIDE - width + 1), random.integers(0, SIDE - height + 1)
        signs = random.choice((-1.0, 1.0), len(of)) / np.sqrt(np.bincount(of)[of]) / (width * height)
        self._weights = np.zeros((len(of), count), np.float32)
        self._weights[np.arange(len(of)), of] = signs
        self._shapes = _shapes(of, of % kinds, (x, y, width, height), signs)
        base = (of % kinds) * _STRIDE**2
        self._corners = [
            base + (y + down * height) * _STRIDE + x + across * width for down in (0, 1) for across in (0, 1)
        ]

    def of(self, planes: Planes, places: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return (n, features) those of the boxes at `places`, (n,): row * PLACES + column."""
        rows, columns = np.divmod(places, PLACES)
        at = (rows * _STRIDE + columns)[:, None]
        flat = np.stack([cv2.integral(plane, sdepth=cv2.CV_64F) for plane in planes]).reshape(-1)
        a, b, c, d = (flat.take(at + corner) for corner in self._corners)
        return np.asarray((d - b - c + a).astype(np.float32) @ self._weights)

    def template(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (7, 16, 16): what, laid on the planes, sums up to the features by `weights` (features,)."""
        return (weights @ self._shapes).reshape(COUNT, SIDE, SIDE)


def _shapes(
    of: NDArray[np.intp], plane: NDArray[np.intp], boxes: tuple[NDArray[np.intp], ...], signs: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return (features, 7 * 16 * 16) what each feature is, pixel by pixel."""
    found = np.zeros((int(of.max()) + 1, COUNT, SIDE, SIDE), np.float32)
    for feature, kind, x, y, width, height, sign in zip(of, plane, *boxes, signs, strict=True):
        found[feature, kind, y : y + height, x : x + width] += sign
    return found.reshape(len(found), -1)
