"""A picture of what started an alert: the crop around it, as JPEG. The frame itself is never converted."""

import cv2
import numpy as np

from tapetum.scene import Box, Frame, Plane

_AROUND = 0.5  # of the box's size is shown on each side of it
_SIDE = 640  # pixels of the longer side, at most
_QUALITY = 80


def jpeg(frame: Frame, box: Box) -> bytes:
    """Return the surroundings of `box` in `frame` as a JPEG of at most 640 pixels a side.

    Its brightness and colours are as cameras and decoders give them: BT.601, limited range.
    """
    area = box.grown(_AROUND).clipped()
    y, u, v = (plane[area.slices(plane)] for plane in (frame.y, frame.u, frame.v))
    scale = min(1.0, _SIDE / max(y.shape))
    width, height = (max(1, int(side * scale / 2)) for side in (y.shape[1], y.shape[0]))  # of the colour, half the size
    planes = (_resized(y, 2 * width, 2 * height), _resized(u, width, height), _resized(v, width, height))
    flat = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(3 * height, 2 * width)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(flat, cv2.COLOR_YUV2BGR_I420), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes() if done else b""


def _resized(plane: Plane, width: int, height: int) -> Plane:
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
