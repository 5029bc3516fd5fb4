"""From Y, Cb and Cr to red, green and blue: what a picture is meant to look like, by its range and its matrix.

R' = Y' + 2 (1 - Kr) Cr, B' = Y' + 2 (1 - Kb) Cb, and G' is what is left of Y' = Kr R' + Kg G' + Kb B'. In the limited
range black is 16 and white 235, and colours reach from 16 to 240.

ITU-R BT.601-7, 2.5; ITU-R BT.709-6, 3 and 4; full range: ITU-T T.871 (JFIF), 7.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Colour, Plane

_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}  # Kr, Kb


@lru_cache
def to_rgb(colour: Colour) -> NDArray[np.float32]:
    """Return (3, 4): red, green and blue, 0..255, from Y, Cb, Cr as they are stored, and 1."""
    red, blue = _WEIGHTS[colour.matrix]
    green = 1 - red - blue
    of_red, of_blue = 2 * (1 - red), 2 * (1 - blue)
    matrix = np.array([[1, 0, of_red], [1, -of_blue * blue / green, -of_red * red / green], [1, of_blue, 0]])
    black, luma, chroma = (0, 255, 255) if colour.full else (16, 219, 224)
    matrix = matrix @ np.diag([255 / luma, 255 / chroma, 255 / chroma])
    return np.column_stack([matrix, matrix @ [-black, -128, -128]]).astype(np.float32)


@lru_cache
def brightness(colour: Colour) -> Plane:
    """Return (256,): the gray, 0 black and 255 white, of each level of Y."""
    levels = np.arange(256)
    gray = levels if colour.full else np.rint((levels - 16) * 255 / 219).clip(0, 255)
    return gray.astype(np.uint8)


def to_bgr(planes: Sequence[Plane], colour: Colour) -> Plane:
    """Return Y, Cb and Cr, all of one size (h, w), as (h, w, 3) in OpenCV's order: blue, green, red."""
    return np.asarray(cv2.transform(cv2.merge(planes), to_rgb(colour)[::-1].copy()), np.uint8)
