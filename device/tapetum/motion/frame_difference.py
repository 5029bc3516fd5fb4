"""Motion as a difference from the two frames before, filled from an adaptive background: the lightest method.

A pixel moves if it differs from the picture before, from the one before that and from the background, each by more
than the noise: where a thing was a moment ago differs from the first alone, a hole left by what has gone from the last
alone. What differs from the background and hangs together with a pixel that moves is shown whole. So a thing is shown
only while it moves, or while it is followed; what stops otherwise is gone at once, and what creeps is not seen.

R. Collins et al., "A system for video surveillance and monitoring", CMU-RI-TR-00-12, 2000.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from tapetum.motion.average import Average
from tapetum.motion.stage import Common, Scene, Slices, Stage, plainly_and_faintly
from tapetum.scene import Plane


class FrameDifference(Common, tag="frame-difference", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    def start(self) -> Stage:
        """Return a detector that has seen nothing yet."""
        return Stage(self, lambda shape: FrameDifferenceModel(shape, self.learning, self.absorb))


class FrameDifferenceModel(Average):
    """Two pictures and a running average. Its memory is 11 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...], learning: int, absorb: int) -> None:
        super().__init__(shape, learning, absorb)
        self._before: Plane = np.zeros(shape, np.uint8)  # the picture before the previous one
        self._moves: Plane = np.zeros(shape, np.uint8)  # 255: by both pictures and the background

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take the picture for the background."""
        super().seed(scene, inside)
        if inside is None:
            self._before[:] = scene.previous[:] = scene.picture

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Fill `strong` and `weak` with what differs from the background and hangs together with what moves."""
        moves = self._moves_at_all(scene)
        self._before[:] = scene.previous
        if moves or held:
            plainly_and_faintly(scene)
            for part in held:
                self._moves[part] = scene.strong[part]
        if not cv2.countNonZero(self._moves):
            scene.weak[:] = scene.strong[:] = 0
            return
        contours, _ = cv2.findContours(scene.weak, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            left, top, width, height = cv2.boundingRect(contour)
            inside = (slice(top, top + height), slice(left, left + width))
            if not cv2.countNonZero(self._moves[inside]):
                scene.weak[inside] = scene.strong[inside] = 0

    def _moves_at_all(self, scene: Scene) -> bool:
        """Find what moves; most often nothing differs from the picture before, and the rest is spared."""
        cv2.absdiff(scene.picture, scene.previous, dst=scene.moving)
        cv2.min(scene.moving, scene.residual, dst=self._moves)
        cv2.compare(self._moves, scene.limit, cv2.CMP_GT, dst=scene.moving)
        if not cv2.countNonZero(scene.moving):
            self._moves[:] = 0
            return False
        cv2.absdiff(scene.picture, self._before, dst=scene.moving)
        cv2.min(scene.moving, self._moves, dst=self._moves)
        cv2.compare(self._moves, scene.limit, cv2.CMP_GT, dst=self._moves)
        return cv2.countNonZero(self._moves) > 0
