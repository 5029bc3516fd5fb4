"""From the levels of a picture to light and back: the degradations act on light, where it adds up.

A picture's levels are not proportional to light; 2.2 is the exponent that the sRGB curve is closest to over its whole
range (IEC 61966-2-1), and cameras' curves lie around it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

GAMMA = 2.2
WHITE = 255

Picture = NDArray[np.uint8]
"""(height, width, 3) RGB, or (height, width)."""
Light = NDArray[np.float32]
"""The same shape, 0..1 of what makes a pixel white; more than that only before it is encoded."""

LIGHT_OF_LEVEL: Light = ((np.arange(256) / WHITE) ** GAMMA).astype(np.float32)


def light(picture: Picture) -> Light:
    """Return the light of each level."""
    return np.asarray(cv2.LUT(picture, LIGHT_OF_LEVEL), np.float32)


def levels(amount: Light) -> Picture:
    """Return the level nearest to each amount of light; what is less than black or more than white is cut."""
    root = cv2.pow(np.clip(amount, 0, 1), 1 / GAMMA)
    return np.asarray(cv2.convertScaleAbs(root, alpha=WHITE), np.uint8)
