"""Frames of pictures: RGB as the planes that a camera would give."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Frame


def of_picture(pixels: NDArray[np.uint8]) -> Frame:
    """Return a frame that shows (h, w, 3) RGB, h and w even, by BT.601."""
    height, width, _ = pixels.shape
    planes = cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_I420).reshape(-1)
    y, u, v = np.split(planes, [height * width, height * width * 5 // 4])
    luma = y.reshape(height, width)
    half = (height // 2, width // 2)
    return Frame("yard", 1, 0, luma, u.reshape(half), v.reshape(half), luma)
