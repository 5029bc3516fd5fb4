"""Motion as what too few samples of a pixel's own past look like: ViBe.

O. Barnich and M. Van Droogenbroeck, "ViBe: a universal background subtraction algorithm for video sequences", IEEE
Transactions on Image Processing 20(6):1709-1724, 2011; written from the paper, in a layout of its own. Each pixel keeps
20 samples of its past; it is background if two of them are near. Where it is, one picture in 16 replaces a random
sample, and as often one of a random neighbour, so that holes close from their rims. Unlike the paper's 20 luma steps,
near is what the camera's noise explains at this brightness, or nothing would be seen at night; and the samples are
asked only where the picture differs from a running average.

Patents: the method is claimed by EP 2015252, US 8009918 and JP 4699564, filed in 2007 and 2008. They may be in force
where you are. It is never the default; who chooses it must know that they may use it. (No legal advice.)
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.motion.average import Average
from tapetum.motion.stage import Common, Scene, Slices, Stage

_SAMPLES = 20  # as in the paper, as all that follows
_ENOUGH = 2
_SELDOM = 16
_AT_ONCE = 8192  # pixels: their samples stay in a processor's cache
_DRAWS = 1 << 16  # ready-made random numbers; where in them is drawn anew each time
_BRIGHTNESS = np.arange(256)

Pixels = NDArray[np.intp]
"""Places in a plane, flat."""


class Vibe(Common, tag="vibe", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    def start(self) -> Stage:
        """Return a detector that has seen nothing yet."""
        return Stage(self, lambda shape: VibeModel(shape, self))


class VibeModel(Average):
    """The samples beside a running average. Its memory is 29 bytes a pixel, and 1 MB."""

    def __init__(self, shape: tuple[int, ...], settings: Vibe) -> None:
        super().__init__(shape, settings.learning, settings.absorb)
        height, width = shape
        self._samples = np.zeros((height * width, _SAMPLES), np.uint8)
        self._random = np.random.default_rng(1)  # the same pictures give the same motion
        around = np.array([row * width + column for row in (-1, 0, 1) for column in (-1, 0, 1)])
        self._around = around[self._random.integers(0, len(around), _DRAWS)]
        beside = np.delete(around, 4)
        self._beside = beside[self._random.integers(0, len(beside), _DRAWS)]
        self._gaps = self._random.integers(1, 2 * _SELDOM, _DRAWS)
        self._slots = self._random.integers(0, _SAMPLES, _DRAWS)

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take random neighbours in the picture for the samples."""
        super().seed(scene, inside)
        if inside is None:
            places = np.arange(len(self._samples))
        else:
            places = np.arange(len(self._samples)).reshape(scene.picture.shape)[inside].ravel()
        picture = scene.picture.ravel()
        for slot in range(_SAMPLES):
            near = places + self._drawn(self._around, len(places))
            self._samples[places, slot] = picture.take(near, mode="clip")

    def shift(self, table: NDArray[np.float32]) -> None:
        """Add `table` (256,) to average and samples, by brightness."""
        super().shift(table)
        to = np.clip(np.rint(_BRIGHTNESS + table), 0, 255).astype(np.uint8)
        cv2.LUT(self._samples, to, dst=self._samples)

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Fill the masks with what differs from the average; clear what enough samples are near to, but not if held.

        By the limit from `strong`, by half of it from `weak`.
        """
        super().compare(scene, held)
        scene.learn[:] = scene.weak
        for part in held:
            scene.learn[part] = 0
        places = np.flatnonzero(scene.learn)
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            limit = scene.limit.ravel().take(some)
            now = np.repeat(scene.picture.ravel().take(some), _SAMPLES).reshape(-1, _SAMPLES)
            apart = np.asarray(cv2.absdiff(self._samples.take(some, axis=0), now, dst=now), np.uint8)
            apart.partition(_ENOUGH - 1, axis=1)
            second = apart[:, _ENOUGH - 1]
            scene.strong.reshape(-1)[some[second <= limit]] = 0
            scene.weak.reshape(-1)[some[second <= limit >> 1]] = 0

    def learn(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Replace random samples where nothing differs, and of random neighbours."""
        super().learn(scene, held)
        cv2.bitwise_not(scene.weak, dst=scene.learn)
        self._replace(scene, None)
        self._replace(scene, self._beside)

    def _replace(self, scene: Scene, offsets: Pixels | None) -> None:
        """Let one pixel in 16 replace a sample: its own, or that of the neighbour at one of `offsets`."""
        count = len(self._samples)
        places = self._drawn(self._gaps, count // _SELDOM + 1).cumsum()
        places = places[: places.searchsorted(count)]
        places = places[scene.learn.ravel().take(places) != 0]
        values = scene.picture.ravel().take(places)
        if offsets is not None:
            places += self._drawn(offsets, len(places))
            np.clip(places, 0, count - 1, out=places)
        places *= _SAMPLES
        places += self._drawn(self._slots, len(places))
        self._samples.reshape(-1)[places] = values

    def _drawn(self, table: Pixels, count: int) -> Pixels:
        """Return `count` numbers of `table`, from a random place on."""
        start = int(self._random.integers(len(table)))
        if start + count <= len(table):
            return table[start : start + count]
        return table.take(np.arange(start, start + count), mode="wrap")
