"""A picture of what started an alert: the crop around it, as JPEG. The frame itself is never converted."""

import cv2
import numpy as np

from tapetum.scene import Box, Frame

_AROUND = 0.5  # of the box's size is shown on each side of it
_SIDE = 640  # pixels of the longer side, at most
_QUALITY = 80


def jpeg(frame: Frame, box: Box) -> bytes:
    """Return the surroundings of `box` in `frame` as a JPEG of at most 640 pixels a side."""
    area = box.grown(_AROUND).clipped()
    y, u, v = (plane[area.slices(plane)] for plane in (frame.y, frame.u, frame.v))
    scale = min(1.0, _SIDE / max(y.shape))
    size = max(2, round(y.shape[1] * scale)), max(2, round(y.shape[0] * scale))
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (y, v, u)]
    picture = cv2.cvtColor(np.asarray(cv2.merge(planes), np.uint8), cv2.COLOR_YCrCb2BGR)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes() if done else b""
