"""OpenCV's CamShift as its sample uses it, and mean shift with the same histogram and a window that keeps its size.

The sample `camshift.py` of OpenCV: hue in 16 bins of what has colour and is neither dark nor dazzling, searched for in
the whole picture.
"""

import cv2
import numpy as np

from tapetum.scene import Box, Frame, Plane
from tapetum.tracking.follower import Followed, inside

_LOW, _HIGH = np.array((0.0, 60.0, 32.0)), np.array((180.0, 255.0, 255.0))  # the sample's
_TERMINATE = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 1)


class Shift:
    """The running peer; `resize`: CamShift, else mean shift."""

    def __init__(self, picture: Plane, box: Box, resize: bool) -> None:
        self._resize = resize
        left, top, right, bottom = (round(edge) for edge in box.pixels(picture.shape))
        self._window = left, top, max(1, right - left), max(1, bottom - top)
        hsv, mask = _prepared(picture)
        part = box.slices(hsv)
        histogram = cv2.calcHist([hsv[part]], [0], mask[part], [16], [0, 180])
        cv2.normalize(histogram, histogram, 0, 255, cv2.NORM_MINMAX)
        self._histogram = histogram

    def update(self, frame: Frame, picture: Plane) -> Followed:
        """Return where the window has come to rest."""
        del frame
        hsv, mask = _prepared(picture)
        likelihood = cv2.calcBackProject([hsv], [0], self._histogram, [0, 180], 1)
        likelihood = cv2.bitwise_and(likelihood, mask)
        if self._resize:
            _, window = cv2.CamShift(likelihood, self._window, _TERMINATE)
        else:
            _, window = cv2.meanShift(likelihood, self._window, _TERMINATE)
        left, top, width, height = window
        there = width > 0 and height > 0
        if there:
            self._window = left, top, width, height
        left, top, width, height = self._window
        box = inside(Box.of_pixels(left, top, left + width, top + height, picture.shape))
        return Followed(box, float(there), visible=there)


def _prepared(picture: Plane) -> tuple[Plane, Plane]:
    hsv = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2HSV), np.uint8)
    return hsv, np.asarray(cv2.inRange(hsv, _LOW, _HIGH), np.uint8)
