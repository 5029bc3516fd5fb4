"""A picture of what started an alert: the crop around it, as JPEG. The frame itself is never converted."""

import cv2
import numpy as np

from tapetum.colour import to_bgr
from tapetum.scene import Box, Frame, Plane

_AROUND = 0.5  # of the box's size is shown on each side of it
_SIDE = 640  # pixels of the longer side, at most
_QUALITY = 80


def jpeg(frame: Frame, box: Box) -> bytes:
    """Return the surroundings of `box` in `frame` as a JPEG of at most 640 pixels a side."""
    area = box.grown(_AROUND).clipped()
    planes = [plane[area.slices(plane)] for plane in (frame.y, frame.u, frame.v)]
    scale = min(1.0, _SIDE / max(planes[0].shape))
    height, width = (max(1, int(side * scale)) for side in planes[0].shape)
    picture = to_bgr([_resized(plane, width, height) for plane in planes], frame.colour)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes() if done else b""


def _resized(plane: Plane, width: int, height: int) -> Plane:
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
