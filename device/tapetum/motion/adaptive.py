"""Motion as a difference from an adaptive background and between frames, where each pixel is as it usually is.

A pixel differs if it is away from a running average of the scene by more than the camera's noise at its brightness,
and by more than it usually is (`spread`). It moves if it differs from the two pictures before as well. What differs and
hangs together is shown if some of it moves, or did within a second; a speck, only if there was one in the picture
before. In restless places a pixel must differ from all of the background around to move (`restless`), and what was
there at the start is told from the hole it leaves (`holes`). What is shown is filled.

R. Collins et al., "A system for video surveillance and monitoring", CMU-RI-TR-00-12, 2000 (adaptive background with
frame differences).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.motion.average import Average
from tapetum.motion.holes import LIKELY, Holes
from tapetum.motion.parts import Counts, Halves
from tapetum.motion.restless import Restless
from tapetum.motion.spread import Spread
from tapetum.motion.stage import Common, Scene, Slices, Stage, plainly_and_faintly
from tapetum.motion.stripes import stripe
from tapetum.scene import Plane

_MOVES = 0.02  # of what differs plainly in a part: less moves by noise, or sways;
_AT_FIRST = 0.1  # the same in the first `learning` frames, in which little is known of what sways
_REMEMBERED = 10  # frames for which a part is shown since it last moved: whoever stops is followed by then
_SPECK = 8  # times `min_area`: what is larger is shown at once
_STEPS = np.ones((9, 9), np.uint8)  # pixels of half the size, by which a speck may be away from where one was
_FAST, _FASTER = (60, 2), (20, 4)  # frames from the start until which the spread is learned in larger steps


class Adaptive(Common, tag="adaptive", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    def start(self) -> Stage:
        """Return a detector that has seen nothing yet."""
        return Stage(self, lambda shape: AdaptiveModel(shape, self))


class AdaptiveModel(Average):
    """A running average with what each pixel usually does. Its memory is 25 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...], settings: Adaptive) -> None:
        super().__init__(shape, settings.learning, settings.absorb)
        self._spread = Spread(shape)
        self._halves = Halves(shape)
        self._restless = Restless(self._halves, shape)
        self._holes = Holes(shape)
        self._change: Plane = np.zeros(shape, np.uint8)
        self._strong, self._small = self._halves.plane(), self._halves.plane()
        self._nothing = self._halves.plane()
        self._padded: Plane = np.zeros([side + 2 for side in self._nothing.shape], np.uint8)
        self._candidates, self._remembered = self._halves.plane(), self._halves.plane()
        self._tick = np.ones_like(self._remembered)
        self._remembers = 0  # frames for which something may be remembered
        self._settles = settings.learning  # frames
        self._speck = _SPECK * settings.min_area * self._strong.size

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take the picture for the background, of which nothing is known to sway."""
        super().seed(scene, inside)
        self._spread.forget(inside)
        if inside is None:
            scene.earlier[:] = scene.previous[:] = scene.picture
            self._candidates[:] = self._remembered[:] = 0
            self._remembers = 0
            self._restless.forget()
            self._holes.seed(scene.picture)

    def shift(self, table: NDArray[np.float32]) -> None:
        """Add `table` (256,) to the background, by brightness."""
        super().shift(table)
        self._restless.shift()

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Fill `strong` with what moves or is held, whole, and `weak` with what hangs together with it."""
        self._spread.widen(scene)
        plainly_and_faintly(scene)
        if self._learned < LIKELY:
            self._close_holes(scene)
        self._halves.most_of(scene.strong, self._strong)
        self._restless.learn(self._strong)
        self._move(scene, held)
        if not cv2.countNonZero(self._change) and not self._remembers:
            self._candidates[:] = 0
            scene.strong[:] = scene.weak[:] = 0
            return
        self._show(scene)

    def learn(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Follow the scene, and how far each pixel is from it, where nothing is shown."""
        super().learn(scene, held)
        most = next((step for until, step in (_FASTER, _FAST) if self._learned < until), 1)
        rows = stripe(len(scene.weak), self._learned, 1 if most > 1 else 2)
        cv2.bitwise_not(scene.weak[rows], dst=scene.learn[rows])
        self._spread.learn(scene, rows, most)

    def _move(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Fill `_change` with what moves."""
        cv2.absdiff(scene.picture, scene.previous, dst=self._change)
        cv2.absdiff(scene.picture, scene.earlier, dst=scene.moving)
        cv2.min(scene.moving, self._change, dst=self._change)
        cv2.min(scene.residual, self._change, dst=self._change)
        for part in held:
            self._change[part] = scene.residual[part]
        self._restless.spare(scene, self.background, self._change)
        cv2.compare(self._change, scene.limit, cv2.CMP_GT, dst=self._change)

    def _close_holes(self, scene: Scene) -> None:
        """Learn at once what has been uncovered."""
        hole = self._holes.found(scene, self.background)
        if cv2.countNonZero(hole):
            cv2.accumulateWeighted(scene.picture, self._mean, 1.0, mask=hole)
            cv2.copyTo(scene.picture, hole, self.background)
            for plane in (scene.strong, scene.weak, scene.residual):
                cv2.subtract(plane, hole, dst=plane)

    def _show(self, scene: Scene) -> None:
        """Take out of `strong` and `weak` all parts of which nothing moves; fill those that are left."""
        halves = self._halves
        sizes = halves.label(halves.any_of(scene.weak, self._small))
        plain = halves.inside(self._strong, len(sizes))
        moving = halves.inside(halves.any_of(self._change, self._small), len(sizes))
        least = _MOVES if self._learned > self._settles else _AT_FIRST
        moves = self._lasts((moving > 0) & (moving >= least * plain), sizes)
        shown = halves.shown(self._goes_on(moves) & (plain > 0))
        self._halves.enlarged(shown, scene.learn)
        cv2.bitwise_and(scene.weak, scene.learn, dst=scene.weak)
        cv2.bitwise_and(scene.strong, scene.learn, dst=scene.strong)
        self._fill(scene, shown)

    def _lasts(self, moves: NDArray[np.bool_], sizes: Counts) -> NDArray[np.bool_]:
        """Return which parts of those that may move are no speck of a moment."""
        lasts = sizes > self._speck
        if (moves & ~lasts).any():
            cv2.dilate(self._candidates, _STEPS, dst=self._small)
            lasts |= self._halves.inside(self._small, len(sizes)) > 0
        self._candidates[:] = self._halves.shown(moves)
        return moves & lasts

    def _goes_on(self, moves: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which parts move or did just now, and remember what does."""
        cv2.threshold(self._remembered, 0, 1, cv2.THRESH_BINARY, dst=self._small)
        shown = moves | (self._halves.inside(self._small, len(moves)) > 0)
        cv2.subtract(self._remembered, self._tick, dst=self._remembered)
        self._remembers = max(0, self._remembers - 1)
        if moves[1:].any():
            cv2.threshold(self._halves.shown(moves), 0, _REMEMBERED, cv2.THRESH_BINARY, dst=self._small)
            cv2.max(self._remembered, self._small, dst=self._remembered)
            self._remembers = _REMEMBERED
        return shown

    def _fill(self, scene: Scene, shown: Plane) -> None:
        """Add to `strong` what is enclosed by what differs plainly and is `shown`."""
        cv2.bitwise_and(self._strong, shown, dst=self._strong)
        self._padded[1:-1, 1:-1] = self._strong
        cv2.floodFill(self._padded, None, (0, 0), (2,))
        self._padded[0] = self._padded[-1] = 0
        self._padded[:, 0] = self._padded[:, -1] = 0
        cv2.compare(self._padded[1:-1, 1:-1], self._nothing, cv2.CMP_EQ, dst=self._small)
        if cv2.countNonZero(self._small):
            self._halves.enlarged(self._small, scene.learn)
            cv2.bitwise_or(scene.strong, scene.learn, dst=scene.strong)
