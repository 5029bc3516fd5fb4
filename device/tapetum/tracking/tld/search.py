"""The whole picture looked through at once: where it is most like what a thing looked like.

The normalised correlation with one patch is known for every place of a small picture in far less time than ferns answer
for as many; and it asks for variance by itself. What it proposes, the nearest patches judge.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.tracking.patches import Pair
from tapetum.tracking.tld.view import SIDE, View, Windows

_LEAST = 4  # pixels: the least side of what is compared


def places(view: View, patch: NDArray[np.float32], size: Pair, most: int) -> Windows:
    """Return at most `most` windows of `size` in `view`, the peaks of its likeness to `patch` (275,)."""
    height, width = view.luma.shape
    across, down = min(width, max(_LEAST, round(size[0]))), min(height, max(_LEAST, round(size[1])))
    wanted = cv2.resize(patch[: SIDE**2].reshape(SIDE, SIDE), (across, down), interpolation=cv2.INTER_AREA)
    alike = np.asarray(cv2.matchTemplate(view.luma.astype(np.float32), wanted, cv2.TM_CCOEFF_NORMED))
    np.nan_to_num(alike, copy=False, nan=-1.0, posinf=-1.0, neginf=-1.0)
    apart = np.ones((down // 2 | 1, across // 2 | 1), np.uint8)
    rows, columns = np.nonzero(alike >= cv2.dilate(alike, apart))
    best = np.argsort(-alike[rows, columns], kind="stable")[:most]
    found = np.empty((len(best), 4))
    found[:, 0], found[:, 1] = columns[best], rows[best]
    found[:, 2:] = size
    return found
