"""Holes that things leave which were there when the background was taken, and have gone since.

What was taken for the background of such a place is the thing, so the place differs from it, at rest, as a thing would.
But what is seen there now resembles the scene around it, and what was taken does not. While a thing has not quite left
its hole, the two hang together, and no outline tells them apart: this is asked of each pixel, as long as it is likely.
"""

import cv2
import numpy as np

from tapetum.motion.stage import Scene
from tapetum.scene import Plane

LIKELY = 32  # frames after the background was taken: who was there has taken a few steps
_REDUCED = 4  # times smaller is the picture of which the surroundings are taken
_WINDOW = 21  # pixels of that: 84 of the picture, more than twice the width of most that walks or drives there


class Holes:
    """The surroundings in the first picture. Its memory is 2 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._around: Plane = np.zeros(shape, np.uint8)
        self._hole: Plane = np.zeros(shape, np.uint8)

    def seed(self, picture: Plane) -> None:
        """Take the median around each pixel of `picture` for what the scene looks like there."""
        height, width = picture.shape
        small = max(1, width // _REDUCED), max(1, height // _REDUCED)
        median = cv2.medianBlur(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), _WINDOW)
        cv2.resize(median, (width, height), dst=self._around, interpolation=cv2.INTER_LINEAR)

    def found(self, scene: Scene, background: Plane) -> Plane:
        """Return 255 where there is a hole: at rest, different, and by the limit nearer to what is around.

        `moving` and `learn` of the scene are at its disposal; valid until the next.
        """
        hole = self._hole
        cv2.absdiff(scene.picture, scene.previous, dst=scene.moving)
        cv2.absdiff(scene.picture, scene.earlier, dst=scene.learn)
        cv2.max(scene.moving, scene.learn, dst=hole)
        cv2.compare(hole, scene.limit, cv2.CMP_LE, dst=hole)
        cv2.absdiff(background, self._around, dst=scene.moving)
        cv2.absdiff(scene.picture, self._around, dst=scene.learn)
        cv2.subtract(scene.moving, scene.learn, dst=scene.moving)
        cv2.compare(scene.moving, scene.limit, cv2.CMP_GT, dst=scene.moving)
        cv2.bitwise_and(hole, scene.moving, dst=hole)
        cv2.bitwise_and(hole, scene.weak, dst=hole)
        return hole
