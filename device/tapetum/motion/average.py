"""A running average of the scene: the background that methods compare with, or measure exposure and noise by.

Where the scene changes faintly, it follows. What differs plainly is not mixed into it at all until it has been there
for half of the time in which it is to fade: where every second somebody passes, the street stays a street.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.motion.stage import Scene, Slices, plainly_and_faintly
from tapetum.motion.stripes import stripe
from tapetum.scene import Plane

_TICKS = 64  # in `absorb` frames: how long each pixel has differed is counted in those; in the first half it waits
_REMAINS = 3.0  # natural logarithm of how often less of the difference remains after the second half
_EACH = 32  # frames from the start of which all is learned; later a part of the rows of each


class Average:
    """(h, w) running mean of the pictures, changed pixels slower than others. Its memory is 10 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...], learning: int, absorb: int, parts: int = 4, ticks: int = _TICKS) -> None:
        """Follow a slow change in `learning` frames, and what is at rest in `absorb`, in one of `parts` of each."""
        self.background: Plane = np.zeros(shape, np.uint8)
        self._mean = np.zeros(shape, np.float32)
        self._added = np.zeros(shape, np.float32)
        self._rests: Plane = np.zeros(shape, np.uint8)  # ticks since it began to differ
        self._parts = parts
        self._learning = learning
        self._every = max(1, absorb // ticks // parts)  # times that all has been learned, in a tick
        self._waits = absorb / (self._every * parts) / 2  # ticks
        self._learned = 0

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take the picture for the background."""
        where = inside if inside is not None else ...
        self._mean[where] = scene.picture[where]
        self.background[where] = scene.picture[where]
        self._rests[where] = 0
        if inside is None:
            self._learned = 1

    def shift(self, table: NDArray[np.float32]) -> None:
        """Add `table` (256,) to the background, by brightness."""
        cv2.LUT(self.background, table, dst=self._added)
        cv2.add(self._mean, self._added, dst=self._mean)
        cv2.convertScaleAbs(self._mean, dst=self.background)

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:  # noqa: ARG002  shows whether it moves or not
        """Fill `strong` with what differs by the limit, `weak` with what differs by half of it."""
        plainly_and_faintly(scene)

    def learn(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Follow the scene where nothing changed; let what is at rest, and not held, fade into it."""
        self._learned += 1
        of = 1 if self._learned <= _EACH else self._parts
        rows = stripe(len(self._mean), self._learned, of)
        picture, mean, weak = scene.picture[rows], self._mean[rows], scene.weak[rows]
        where = cv2.bitwise_not(weak, dst=scene.learn[rows]) if cv2.hasNonZero(weak) else None
        cv2.accumulateWeighted(picture, mean, min(1.0, of / min(self._learned, self._learning)), mask=where)
        if self._learned // self._parts % self._every == 0 and (of > 1 or self._learned % self._parts == 0):
            self._absorb(scene, held, rows)
        cv2.convertScaleAbs(mean, dst=self.background[rows])

    def _absorb(self, scene: Scene, held: Sequence[Slices], rows: slice) -> None:
        """Count a tick in `rows`, and learn what has differed for long."""
        weak, rests, learn = scene.weak[rows], self._rests[rows], scene.learn[rows]
        if not cv2.hasNonZero(weak):
            rests[:] = 0
            return
        cv2.bitwise_and(rests, weak, dst=rests)
        cv2.threshold(weak, 0, 1, cv2.THRESH_BINARY, dst=learn)
        cv2.add(rests, learn, dst=rests)
        cv2.threshold(rests, self._waits, 255, cv2.THRESH_BINARY, dst=learn)
        for part in held:
            scene.learn[part] = 0
        cv2.accumulateWeighted(scene.picture[rows], self._mean[rows], min(1.0, _REMAINS / self._waits), mask=learn)
