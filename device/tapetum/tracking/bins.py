"""Bins of a colour histogram in Y, U and V: no conversion, and gray things have a brightness where they have no hue."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane

BINS = 8 * 16 * 16
"""Of Y, U and V; U and V around gray, where pictures of the world have them."""
_Y = ((np.arange(256) >> 5) << 8).astype(np.int32)
_V = np.clip((np.arange(256) - 96) >> 2, 0, 15).astype(np.int32)
_U = _V << 4


def bins_of(y: Plane, u: Plane, v: Plane) -> NDArray[np.int32]:
    """Return for each pixel of the planes, all of one shape, its bin."""
    found = cv2.add(cv2.add(cv2.LUT(y, _Y), cv2.LUT(u, _U)), cv2.LUT(v, _V))
    return np.asarray(found, np.int32)
