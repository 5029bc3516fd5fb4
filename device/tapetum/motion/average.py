"""A running average of the scene: the background that methods compare with, or measure exposure and noise by.

Where the scene changes faintly, it follows. What differs plainly is not mixed into it at all until it has been there
for half of the time in which it is to fade: where every second somebody passes, the street stays a street.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.motion.stage import Scene, Slices, plainly_and_faintly
from tapetum.scene import Plane

_TICKS = 64  # in `absorb` frames: how long each pixel has differed is counted in those; in the first half it waits
_REMAINS = 3.0  # natural logarithm of how often less of the difference remains after the second half
_EACH = 32  # frames from the start that are learned each; later two at once


class Average:
    """(h, w) running mean of the pictures, changed pixels slower than others. Its memory is 10 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...], learning: int, absorb: int) -> None:
        """Follow a slow change in `learning` frames, and what is at rest in `absorb`."""
        self.background: Plane = np.zeros(shape, np.uint8)
        self._mean = np.zeros(shape, np.float32)
        self._added = np.zeros(shape, np.float32)
        self._rests: Plane = np.zeros(shape, np.uint8)  # ticks since it began to differ
        self._learning = learning
        self._every = max(1, absorb // _TICKS)  # frames of a tick
        self._waits = absorb / self._every / 2  # ticks
        self._learned = 0

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take the picture for the background; a part of it shows with the next `learn`."""
        if inside is not None:
            self._mean[inside] = scene.picture[inside]
            self._rests[inside] = 0
            return
        self._mean[:] = scene.picture
        self.background[:] = scene.picture
        self._rests[:] = 0
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
        absorbs = self._learned % self._every == 0
        at_once = 1 if self._learned <= _EACH else 2
        if self._learned % at_once == 0:
            cv2.bitwise_not(scene.weak, dst=scene.learn)
            rate = min(1.0, at_once / min(self._learned, self._learning))
            cv2.accumulateWeighted(scene.picture, self._mean, rate, mask=scene.learn)
        elif not absorbs:
            return
        if absorbs:
            self._absorb(scene, held)
        cv2.convertScaleAbs(self._mean, dst=self.background)

    def _absorb(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Count a tick, and learn what has differed for long."""
        cv2.bitwise_and(self._rests, scene.weak, dst=self._rests)
        cv2.threshold(scene.weak, 0, 1, cv2.THRESH_BINARY, dst=scene.learn)
        cv2.add(self._rests, scene.learn, dst=self._rests)
        cv2.threshold(self._rests, self._waits, 255, cv2.THRESH_BINARY, dst=scene.learn)
        for part in held:
            scene.learn[part] = 0
        cv2.accumulateWeighted(scene.picture, self._mean, min(1.0, _REMAINS / self._waits), mask=scene.learn)
