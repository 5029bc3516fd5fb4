"""Motion as what a mixture of Gaussians at each pixel does not explain: OpenCV's MOG2.

Z. Zivkovic, "Improved adaptive Gaussian mixture model for background subtraction", ICPR 2004; Z. Zivkovic and F. van
der Heijden, Pattern Recognition Letters 27(7):773-780, 2006. A background of several states, as leaves and water have,
is its strength. On its own it sees nothing by night, or noise; flares up at each step of the camera's gain; and takes
what it starts with for the background for hundreds of frames. So it is given smoothed luma at one exposure, and a pixel
must also differ from a running average by more than the noise at its brightness.
"""

from collections.abc import Sequence
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.motion.average import Average
from tapetum.motion.kept import Kept
from tapetum.motion.stage import Common, Scene, Slices, Stage
from tapetum.scene import Plane

_ABSORBED = 0.1  # of its memory: a new state as old as this is background, by MOG2's background ratio of 0.9
_AT_FIRST = 0.2  # of its memory: faster, MOG2 takes the inside of an even thing that passes for a state


class Mixture(Common, tag="mixture", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    spread: Annotated[float, Meta(ge=1, le=20)] = 4.0  # standard deviations of a state: lower finds more, and leaves
    states: Annotated[int, Meta(ge=1, le=10)] = 5  # at most, of each pixel: more for what sways; costs time

    def start(self) -> Stage:
        """Return a detector that has seen nothing yet."""
        return Stage(self, lambda shape: MixtureModel(shape, self))


class MixtureModel(Average):
    """A mixture behind a running average. Its memory is 13 bytes a pixel, and in MOG2 1 + 12 * states."""

    def __init__(self, shape: tuple[int, ...], settings: Mixture) -> None:
        super().__init__(shape, settings.learning, settings.absorb)
        self._memory = settings.absorb / _ABSORBED
        self._mixture = cv2.createBackgroundSubtractorMOG2(round(self._memory), settings.spread**2, detectShadows=False)
        self._mixture.setNMixtures(settings.states)
        self._unexplained = np.zeros(shape, np.uint8)
        self._given = np.zeros(shape, np.uint8)
        self._exposure = Kept(shape)

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take the picture for the background; of a part of it the mixture learns by itself, and is not asked."""
        super().seed(scene, inside)
        if inside is None:
            self._exposure.begin()
            self._mixture.apply(scene.picture, self._unexplained, 1.0)

    def shift(self, table: NDArray[np.float32]) -> None:
        """Shift the average; the mixture goes on at its own exposure, to which pictures are brought."""
        super().shift(table)
        self._exposure.shift(table)

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Fill `strong` and `weak` with what differs from the average and, if not held, from every state's."""
        super().compare(scene, held)
        memory = min(max(2 * self._learned, _AT_FIRST * self._memory), self._memory)
        self._mixture.apply(self._shown(scene, held), self._unexplained, 1 / memory)
        for part in held:
            self._unexplained[part] = 255
        cv2.bitwise_and(scene.strong, self._unexplained, dst=scene.strong)
        cv2.bitwise_and(scene.weak, self._unexplained, dst=scene.weak)

    def _shown(self, scene: Scene, held: Sequence[Slices]) -> Plane:
        """Return the picture at the mixture's exposure, the background instead of it where nothing is to be learned."""
        if not held:
            return self._exposure.of(scene.picture)
        self._given[:] = scene.picture
        for part in held:
            self._given[part] = self.background[part]
        return self._exposure.of(self._given)
