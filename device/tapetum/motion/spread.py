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

_TIMES = 4  # as in the paper


class Spread:
    """The threshold (h, w) uint8, luma steps. Its memory is 4 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._limit: Plane = np.zeros(shape, np.uint8)
        self._raised: Plane = np.zeros(shape, np.uint8)
        self._more: Plane = np.zeros(shape, np.uint8)
        self._less: Plane = np.zeros(shape, np.uint8)

    def forget(self, inside: Slices | None = None) -> None:
        """Know of nothing that sways, anywhere or `inside`."""
        self._limit[inside if inside is not None else ...] = 0

    def widen(self, scene: Scene) -> None:
        """Raise the limit of `scene` to the threshold."""
        cv2.max(scene.limit, self._limit, dst=self._raised)
        scene.limit = self._raised

    def learn(self, scene: Scene, rows: slice, most: int = 1) -> None:
        """Take a step of at most `most` in `rows`, where `learn` of `scene` is 255."""
        limit, more, less = self._limit[rows], self._more[rows], self._less[rows]
        cv2.convertScaleAbs(scene.residual[rows], dst=more, alpha=_TIMES)
        cv2.subtract(limit, more, dst=less)
        cv2.subtract(more, limit, dst=more)
        for step in (more, less):
            cv2.threshold(step, most, 0, cv2.THRESH_TRUNC, dst=step)
        cv2.add(limit, more, dst=limit, mask=scene.learn[rows])
        cv2.subtract(limit, less, dst=limit, mask=scene.learn[rows])
