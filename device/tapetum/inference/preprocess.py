"""From the planes of a frame to the pixels a model looks at. Only this crop is ever converted.

Each plane is cut, then reduced or enlarged to the model's size, and only then do the three become RGB: chroma of half
the resolution needs no detour over the full size. BT.601, limited range, as cameras and decoders give it.

ITU-R BT.601-7, 2.5.3 and 2.5.4: E'R = Y' + 1.402 Cr, E'G = Y' - 0.344 Cb - 0.714 Cr, E'B = Y' + 1.772 Cb.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box, Frame, Plane


def crop(frame: Frame, box: Box, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return what is in `box` of `frame` as (h, w, 3) RGB uint8 of `size` (width, height), stretched to fit."""
    planes = [_resized(plane[box.slices(plane)], size) for plane in (frame.y, frame.u, frame.v)]
    return np.asarray(cv2.transform(cv2.merge(planes), _TO_RGB), np.uint8)


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    """Return `plane` at `size`: averaged over areas where it shrinks, interpolated where it grows."""
    shrinks = plane.shape[1] >= size[0] and plane.shape[0] >= size[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=way), np.uint8)


def _affine() -> NDArray[np.float32]:
    """Return (3, 4): RGB from Y (16..235), Cb, Cr (16..240, 128 no colour) and 1."""
    scale = np.diag([255 / 219, 255 / 224, 255 / 224])
    matrix = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]]) @ scale
    return np.column_stack([matrix, matrix @ [-16, -128, -128]]).astype(np.float32)


_TO_RGB = _affine()
