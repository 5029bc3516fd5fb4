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

_COARSE = 4  # pixels each way: what is closer to another hangs together with it
_PARTS = 8  # of the rows: one of them is learned in each frame; the background is but what fills a thing


class FrameDifference(Common, tag="frame-difference", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    def start(self) -> Stage:
        """Return a detector that has seen nothing yet."""
        return Stage(self, lambda shape: FrameDifferenceModel(shape, self.learning, self.absorb))


class FrameDifferenceModel(Average):
    """A running average; the three pictures are the scene's. Its memory is 10 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...], learning: int, absorb: int) -> None:
        super().__init__(shape, learning, absorb, _PARTS)
        self._shows = False  # whether anything may be set in the masks

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take the picture for the background."""
        super().seed(scene, inside)
        if inside is None:
            scene.earlier[:] = scene.previous[:] = scene.picture

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Fill `strong` and `weak` with what differs from the background and hangs together with what moves."""
        if self._moves(scene) or held:
            plainly_and_faintly(scene)
            for part in held:
                scene.moving[part] = scene.strong[part]
            self._shows = cv2.hasNonZero(scene.moving)
            if self._shows:
                _leave_what_moves(scene)
                return
        elif not self._shows:
            return
        self._shows = False
        scene.weak[:] = scene.strong[:] = 0

    def _moves(self, scene: Scene) -> bool:
        """Fill `moving` with what moves, by both pictures and the background; return whether there is any.

        Most often nothing differs from the picture before, and the rest is spared.
        """
        moving = scene.moving
        cv2.absdiff(scene.picture, scene.previous, dst=moving)
        cv2.compare(moving, scene.limit, cv2.CMP_GT, dst=moving)
        if not cv2.hasNonZero(moving):
            return False
        rows = np.flatnonzero(cv2.reduce(moving, 1, cv2.REDUCE_MAX))
        some = slice(int(rows[0]), int(rows[-1]) + 1)
        moving, also = moving[some], scene.learn[some]
        cv2.absdiff(scene.picture[some], scene.earlier[some], dst=also)
        cv2.min(also, scene.residual[some], dst=also)
        cv2.compare(also, scene.limit[some], cv2.CMP_GT, dst=also)
        cv2.bitwise_and(moving, also, dst=moving)
        return cv2.hasNonZero(moving)


def _leave_what_moves(scene: Scene) -> None:
    """Clear the masks where a part of `weak` holds nothing of `moving`.

    Parts are looked for at a quarter of the size, where few of the specks of noise are left to be looked at.
    """
    if min(scene.weak.shape) < _COARSE:
        return
    coarse = _halved(_halved(scene.weak))
    contours, _ = cv2.findContours(coarse, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for left, top, width, height in map(cv2.boundingRect, contours):
        inside = (
            slice(_COARSE * top, _COARSE * (top + height)),
            slice(_COARSE * left, _COARSE * (left + width)),
        )
        if not cv2.hasNonZero(scene.moving[inside]):
            scene.weak[inside] = scene.strong[inside] = 0


def _halved(mask: Plane) -> Plane:
    """Return `mask` at half its size, not 0 where any of four pixels is not; an odd last row or column is left out."""
    height, width = mask.shape[0] // 2, mask.shape[1] // 2
    area = cv2.resize(mask[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(area, np.uint8)
