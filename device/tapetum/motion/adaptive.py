"""Motion as a difference from an adaptive background, in units of the camera's noise.

A pixel changed if it differs from a running average of the scene by more than the noise explains at its brightness.
That gives whole objects; a thing that moves is told by the difference from the previous frame from a hole left by one
that was there when the camera started (`stage`).

R. Collins et al., "A system for video surveillance and monitoring", CMU-RI-TR-00-12, 2000 (adaptive background with
frame differences).
"""

from tapetum.motion.average import Average
from tapetum.motion.stage import Common, Stage


class Adaptive(Common, tag="adaptive", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    def start(self) -> Stage:
        """Return a detector that has seen nothing yet."""
        return Stage(self, lambda shape: Average(shape, self.learning, self.absorb))
