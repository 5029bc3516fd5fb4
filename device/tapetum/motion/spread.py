"""How far each pixel is from its background while nothing is there, as a threshold that follows by steps of one.

A. Manzanera and J. Richefeu, "A new motion detection algorithm based on Sigma-Delta background estimation", Pattern
Recognition Letters 28(3):320-328, 2007: a threshold that steps up where `times` the difference is above it and down
where it is below comes to `times` the median difference, whatever passes in less than half of the frames. So what
sways, glitters or stands under an edge that trembles must differ by more than it does by itself.
"""

import cv2
import numpy as np

from tapetum.motion.stage import Scene, Slices
from tapetum.scene import Plane

_DOUBLINGS = 2  # the paper's four times


class Spread:
    """The threshold (h, w) uint8, luma steps. Its memory is 3 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._limit: Plane = np.zeros(shape, np.uint8)
        self._wanted: Plane = np.zeros(shape, np.uint8)
        self._step: Plane = np.zeros(shape, np.uint8)

    def forget(self, inside: Slices | None = None) -> None:
        """Know of nothing that sways, anywhere or `inside`."""
        self._limit[inside if inside is not None else ...] = 0

    def widen(self, scene: Scene) -> None:
        """Raise the limit of `scene` to the threshold."""
        cv2.max(scene.limit, self._limit, dst=scene.limit)

    def learn(self, scene: Scene) -> None:
        """Take a step where `learn` of `scene` is 255."""
        wanted, step = self._wanted, self._step
        cv2.bitwise_and(scene.residual, scene.learn, dst=wanted)
        for _ in range(_DOUBLINGS):
            cv2.add(wanted, wanted, dst=wanted)
        cv2.subtract(wanted, self._limit, dst=step)
        cv2.subtract(self._limit, wanted, dst=wanted)
        for plane in (step, wanted):
            cv2.threshold(plane, 1, 0, cv2.THRESH_TRUNC, dst=plane)
            cv2.bitwise_and(plane, scene.learn, dst=plane)
        cv2.add(self._limit, step, dst=self._limit)
        cv2.subtract(self._limit, wanted, dst=self._limit)
