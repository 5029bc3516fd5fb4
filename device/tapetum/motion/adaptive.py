"""Motion as a difference from an adaptive background, in units of the camera's noise.

A pixel changed if it differs from a running average of the scene by more than the noise explains at its brightness.
That gives whole objects; a thing that moves is told by the difference from the previous frame from a hole left by one
that was there when the camera started (`stage`).

R. Collins et al., "A system for video surveillance and monitoring", CMU-RI-TR-00-12, 2000 (adaptive background with
frame differences).
"""

from collections.abc import Sequence

import cv2

from tapetum.motion.average import Average
from tapetum.motion.stage import Common, Scene, Slices, Stage


class Adaptive(Common, tag="adaptive", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    def start(self) -> Stage:
        """Return a detector that has seen nothing yet."""
        return Stage(self, lambda shape: AdaptiveModel(shape, self.learning, self.absorb))


class AdaptiveModel(Average):
    """The running average, and twice as much told by a difference as half of it. Its memory is 9 bytes a pixel."""

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:  # noqa: ARG002  shows whether it moves or not
        """Fill `strong` with what differs by the limit, `weak` with what differs by half of it."""
        cv2.compare(scene.residual, scene.limit, cv2.CMP_GT, dst=scene.strong)
        cv2.add(scene.residual, scene.residual, dst=scene.weak)
        cv2.compare(scene.weak, scene.limit, cv2.CMP_GT, dst=scene.weak)
