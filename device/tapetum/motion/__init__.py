"""What moves: a choice of methods behind one contract.

A method's settings class is a member of the union `Method`; its `start` makes the detector. A new method is one module,
with a `stage.Model`, and one name in the union.
"""

from collections.abc import Sequence
from typing import Protocol

from tapetum.motion.adaptive import Adaptive
from tapetum.motion.frame_difference import FrameDifference
from tapetum.motion.mixture import Mixture
from tapetum.motion.sigma_delta import SigmaDelta
from tapetum.motion.vibe import Vibe
from tapetum.scene import Box, Motion, Plane
from tapetum.zones import Zone

Method = Adaptive | FrameDifference | Mixture | SigmaDelta | Vibe


class MotionDetector(Protocol):
    """A running method: one luma after another, of one size, from one camera."""

    def detect(self, luma: Plane, keep: Sequence[Box] = (), anew: bool = False) -> Motion:
        """Return what moved in `luma` (h, w) uint8 against what this detector has learned.

        `keep`: boxes of things that are being followed; the background under them is left as it is, so that what has
        stopped is neither learned nor leaves a hole when it goes. `anew`: the picture is another, of the same scene or
        not, and is taken for the background.
        """
        ...

    def heed(self, zones: Sequence[Zone]) -> None:
        """Look as closely as `zones` say, in none of which everything is as the settings have it."""
        ...
