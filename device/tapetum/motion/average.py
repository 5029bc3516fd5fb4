"""A running average of the scene: the background that methods compare with, or measure exposure and noise by."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.motion.stage import Scene, Slices, plainly_and_faintly
from tapetum.scene import Plane

_ABSORB_EVERY = 4  # frames: what is at rest is learned in fewer, larger steps


class Average:
    """(h, w) running mean of the pictures, changed pixels slower than others. Its memory is 9 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...], learning: int, absorb: int) -> None:
        """Follow a slow change in `learning` frames, and what is at rest in `absorb`."""
        self.background: Plane = np.zeros(shape, np.uint8)
        self._mean = np.zeros(shape, np.float32)
        self._added = np.zeros(shape, np.float32)
        self._learning, self._absorb = learning, absorb
        self._learned = 0

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take the picture for the background; a part of it shows with the next `learn`."""
        if inside is not None:
            self._mean[inside] = scene.picture[inside]
            return
        self._mean[:] = scene.picture
        self.background[:] = scene.picture
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
        cv2.bitwise_not(scene.weak, dst=scene.learn)
        rate = 1 / min(self._learned, self._learning)
        cv2.accumulateWeighted(scene.picture, self._mean, rate, mask=scene.learn)
        if self._learned % _ABSORB_EVERY == 0:
            scene.learn[:] = scene.weak
            for part in held:
                scene.learn[part] = 0
            rate = min(1.0, _ABSORB_EVERY / self._absorb)
            cv2.accumulateWeighted(scene.picture, self._mean, rate, mask=scene.learn)
        cv2.convertScaleAbs(self._mean, dst=self.background)
