"""Motion by Sigma-Delta: background and threshold of each pixel follow by single luma steps, in bytes alone.

A. Manzanera and J. Richefeu, "A new motion detection algorithm based on Sigma-Delta background estimation", Pattern
Recognition Letters 28(3):320-328, 2007. The background steps towards the picture, which comes to its median over time;
the threshold steps towards four times the difference, and is at least what the camera's noise explains.
Nothing is a fraction, so it suits a processor without fast floating point; what is much brighter or darker than before
is followed more slowly than by an average.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.motion.stage import Common, Scene, Slices, Stage, plainly_and_faintly
from tapetum.motion.steps import Steps
from tapetum.motion.stripes import stripe
from tapetum.scene import Plane

_ALL, _HALF = 64, 136  # frames up to which all pixels follow, and then half of them
# Later each follows in one of four frames, by turns threshold and background.
_PARTS, _TURNS = 2, 2
_STEPS = 12  # luma steps of change that `learning` frames follow
_FADES = 50  # luma steps of difference that `absorb` frames follow where something rests
_BRIGHTNESS = np.arange(256)


class SigmaDelta(Common, tag="sigma-delta", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    def start(self) -> Stage:
        """Return a detector that has seen nothing yet."""
        return Stage(self, lambda shape: SigmaDeltaModel(shape, self))


class SigmaDeltaModel:
    """The background and the threshold of each pixel. Its memory is 6 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...], settings: SigmaDelta) -> None:
        self.background: Plane = np.zeros(shape, np.uint8)
        self._limit: Plane = np.zeros(shape, np.uint8)
        self._raised: Plane = np.zeros(shape, np.uint8)
        self._steps = Steps(shape)
        self._every = max(1, settings.learning // _STEPS // (_PARTS * _TURNS))  # times that each could follow
        self._absorbs = max(1, settings.absorb // _FADES)  # frames
        self._learned = 0

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take the picture for the background, of which nothing is known to sway."""
        where = inside if inside is not None else ...
        self.background[where] = scene.picture[where]
        self._limit[where] = 0

    def shift(self, table: NDArray[np.float32]) -> None:
        """Add `table` (256,) to the background, by brightness."""
        to = np.clip(np.rint(_BRIGHTNESS + table), 0, 255).astype(np.uint8)
        cv2.LUT(self.background, to, dst=self.background)

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:  # noqa: ARG002  shows whether it moves or not
        """Fill `strong` and `weak` with what differs by more than its pixel does by itself."""
        cv2.max(scene.limit, self._limit, dst=self._raised)
        scene.limit = self._raised
        plainly_and_faintly(scene)

    def learn(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Step towards the picture, and the threshold towards how far it is; more seldom where something rests."""
        self._learned += 1
        turn, threshold = divmod(self._learned, _TURNS)
        if self._learned <= _HALF:
            of = 1 if self._learned <= _ALL else 2
            rows = stripe(len(self._limit), self._learned, of)
            self._follow(scene, rows, True, self._learned // of % self._every == 0)
        else:
            rows = stripe(len(self._limit), turn, _PARTS)
            self._follow(scene, rows, bool(threshold), not threshold and turn // _PARTS % self._every == 0)
        self._fade(scene, held)

    def _follow(self, scene: Scene, rows: slice, threshold: bool, background: bool) -> None:
        """Step with those of the two where nothing differs in `rows`; the threshold towards four times the residual."""
        where = scene.learn if cv2.hasNonZero(scene.weak[rows]) else None
        if where is not None:
            cv2.bitwise_not(scene.weak[rows], dst=where[rows])
        if threshold:
            times = scene.moving[rows]
            cv2.add(scene.residual[rows], scene.residual[rows], dst=times)
            cv2.add(times, times, dst=times)
            self._steps.follow(self._limit, scene.moving, where, rows)
        if background:
            self._steps.follow(self.background, scene.picture, where, rows)

    def _fade(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Step towards what differs and is not held, in a part of the rows."""
        rows = stripe(len(self._limit), self._learned, self._absorbs)
        if rows.start < rows.stop and cv2.hasNonZero(scene.weak[rows]):
            scene.learn[rows] = scene.weak[rows]
            for part in held:
                scene.learn[part] = 0
            self._steps.follow(self.background, scene.picture, scene.learn, rows)
