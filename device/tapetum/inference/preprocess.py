"""From the planes of a frame to the pixels a model looks at. Only this crop is ever converted.

Each plane is cut, then reduced or enlarged to the model's size, and only then do the three become RGB: chroma of half
the resolution needs no detour over the full size. BT.601, limited range, as cameras and decoders give it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box, Frame, Plane


def crop(frame: Frame, box: Box, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return what is in `box` of `frame` as (h, w, 3) RGB uint8 of `size` (width, height), stretched to fit."""
    planes = [_resized(plane[box.slices(plane)], size) for plane in (frame.y, frame.u, frame.v)]
    # OpenCV's order for a three-channel image is Y, Cr, Cb; full-range there, so the limited range is stretched first.
    return np.asarray(cv2.cvtColor(_full_range(planes), cv2.COLOR_YCrCb2RGB), np.uint8)


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    """Return `plane` at `size`: averaged over areas where it shrinks, interpolated where it grows."""
    shrinks = plane.shape[1] >= size[0] and plane.shape[0] >= size[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=way), np.uint8)


_LUMA = np.clip((np.arange(256) - 16) * 255 / 219 + 0.5, 0, 255).astype(np.uint8)
_CHROMA = np.clip((np.arange(256) - 128) * 255 / 224 + 128.5, 0, 255).astype(np.uint8)
_TABLE = np.stack([_LUMA, _CHROMA, _CHROMA], axis=-1)[None]  # (1, 256, 3): one look-up for all channels


def _full_range(planes: list[Plane]) -> NDArray[np.uint8]:
    """Return (h, w, 3) Y, Cr, Cb at full range from limited-range y, u, v."""
    y, u, v = planes
    return np.asarray(cv2.LUT(cv2.merge([y, v, u]), _TABLE), np.uint8)
