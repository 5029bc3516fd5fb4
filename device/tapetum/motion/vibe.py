"""Motion as what too few samples of a pixel's own past look like: ViBe.

O. Barnich and M. Van Droogenbroeck, "ViBe: a universal background subtraction algorithm for video sequences", IEEE
Transactions on Image Processing 20(6):1709-1724, 2011; written from the paper, in a layout of its own. Each pixel keeps
20 samples of its past; it is background if two of them are near. Where it is, one picture in 16 replaces a random
sample, and as often one of a random neighbour, so that holes close from their rims. Unlike the paper's 20 luma steps,
near is what the camera's noise explains at this brightness, or nothing would be seen at night; and the samples are
asked only where the picture differs from a running average.

The samples lie in 20 planes, and which pixels replace one is drawn for each, but in which plane, and to which neighbour
it spreads, for all of a picture at once: to a pixel on its own the same happens, and whole planes are copied by masks.
A pixel that is darker than all of its samples, or brighter, need not ask them: bounds of them are kept, wide at worst.

Patents: the method is claimed by EP 2015252, US 8009918 and JP 4699564, filed in 2007 and 2008. They may be in force
where you are. It is never the default; who chooses it must know that they may use it. (No legal advice.)
"""

import random
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.motion.average import Average
from tapetum.motion.kept import Kept
from tapetum.motion.stage import AROUND, Common, Scene, Slices, Stage
from tapetum.motion.stripes import stripe
from tapetum.scene import Plane

_SAMPLES = 20  # as in the paper, as all that follows
_ENOUGH = 2
_SELDOM = 16
_PARTS = 4  # of the rows: in one of them in each frame samples are replaced, of so many times as many pixels
_ALL = slice(None)
_AT_ONCE = 8192  # pixels: their samples stay in a processor's cache
_SHIFTS = 1 << 14  # pixels by which what is drawn is shifted anew each time
_BOUNDED = 256  # frames after which bounds are taken anew, since they only widen meanwhile
_FAR = 12  # luma steps of exposure: the samples are brought to the picture's then, instead of the picture to theirs
_AROUND = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
_BESIDE = [offset for offset in _AROUND if offset != (0, 0)]

Pixels = NDArray[np.intp]
"""Places in a plane, flat."""


class Vibe(Common, tag="vibe", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    def start(self) -> Stage:
        """Return a detector that has seen nothing yet."""
        return Stage(self, lambda shape: VibeModel(shape, self))


class VibeModel(Average):
    """The samples beside a running average. Its memory is 35 bytes a pixel."""

    def __init__(self, shape: tuple[int, ...], settings: Vibe) -> None:
        super().__init__(shape, settings.learning, settings.absorb)
        height, width = shape
        self._samples = np.zeros((_SAMPLES, height, width), np.uint8)
        self._random = random.Random(1)  # noqa: S311  the same pictures give the same motion
        drawn = np.random.default_rng(1).integers(0, _SELDOM // _PARTS, height * width + _SHIFTS, np.uint8)
        self._drawn = np.where(drawn == 0, np.uint8(255), np.uint8(0))  # 255: may replace a sample
        self._lowest: Plane = np.zeros(shape, np.uint8)  # at most the least sample
        self._highest: Plane = np.zeros(shape, np.uint8)  # at least the greatest
        self._exposure = Kept(shape)
        self._replacing: Plane = np.zeros(shape, np.uint8)  # 255: replaces a sample

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take random neighbours in the picture for the samples."""
        super().seed(scene, inside)
        if inside is None:
            self._exposure.begin()
        picture = self._exposure.of(scene.picture)
        where = inside if inside is not None else (slice(0, picture.shape[0]), slice(0, picture.shape[1]))
        wide = cv2.copyMakeBorder(picture, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        for sample in self._samples:
            down, right = self._random.choice(_AROUND)
            rows, columns = slice(1 + down, wide.shape[0] - 1 + down), slice(1 + right, wide.shape[1] - 1 + right)
            sample[where] = wide[rows, columns][where]
        self._bound()

    def shift(self, table: NDArray[np.float32]) -> None:
        """Shift the average; the samples stay at their own exposure, to which pictures are brought, until it is far."""
        super().shift(table)
        self._exposure.shift(table)
        if self._exposure.away > _FAR:
            for sample in self._samples:
                cv2.LUT(sample, self._exposure.forth, dst=sample)
            self._exposure.begin()
            self._bound()

    def _bound(self) -> None:
        """Take the bounds anew."""
        self._lowest[:] = self._highest[:] = self._samples[0]
        for sample in self._samples[1:]:
            self._widen(sample)

    def _widen(self, sample: Plane, rows: slice = _ALL) -> None:
        """Let the bounds in `rows` hold `sample` too."""
        lowest, highest = self._lowest[rows], self._highest[rows]
        cv2.min(lowest, sample[rows], dst=lowest)
        cv2.max(highest, sample[rows], dst=highest)

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Fill the masks with what differs from the average; clear what enough samples are near to, but not if held.

        By the limit from `strong`, by half of it from `weak`; of that, what lies around the plain alone is asked about.
        """
        super().compare(scene, held)
        plain = np.flatnonzero(cv2.reduce(scene.strong, 1, cv2.REDUCE_MAX))
        if not plain.size:
            return
        margin = len(AROUND) // 2
        rows = slice(max(0, int(plain[0]) - margin), int(plain[-1]) + 1 + margin)
        cv2.dilate(scene.strong[rows], AROUND, dst=scene.learn[rows])
        cv2.bitwise_and(scene.weak[rows], scene.learn[rows], dst=scene.learn[rows])
        for part in held:
            scene.learn[part] = 0
        self._leave_those_within(scene, rows)
        self._ask(scene, np.flatnonzero(scene.learn[rows].view(np.bool_)) + rows.start * scene.learn.shape[1])

    def _leave_those_within(self, scene: Scene, rows: slice) -> None:
        """Clear `learn` in `rows` where no sample can be near."""
        picture, some = self._exposure.of(scene.picture)[rows], self._replacing[rows]
        limit, learn = scene.limit[rows], scene.learn[rows]
        cv2.add(picture, limit, dst=some)
        cv2.compare(some, self._lowest[rows], cv2.CMP_GE, dst=some)
        cv2.bitwise_and(learn, some, dst=learn)
        cv2.subtract(picture, limit, dst=some)
        cv2.compare(some, self._highest[rows], cv2.CMP_LE, dst=some)
        cv2.bitwise_and(learn, some, dst=learn)

    def _ask(self, scene: Scene, places: Pixels) -> None:
        """Clear the masks at those of `places` to which enough samples are near."""
        samples = self._samples.reshape(_SAMPLES, -1)
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            now = self._exposure.taken(scene.picture.reshape(-1).take(some))
            limit, own = scene.limit.reshape(-1).take(some), samples.take(some, axis=1)
            scene.strong.reshape(-1)[some[_is_near(own, now, limit)]] = 0
            scene.weak.reshape(-1)[some[_is_near(own, now, limit // np.uint8(2))]] = 0

    def learn(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Replace random samples where nothing differs, and of random neighbours."""
        super().learn(scene, held)
        rows = stripe(len(scene.weak), self._learned, _PARTS)
        picture, learn = self._exposure.of(scene.picture)[rows], scene.learn[rows]
        cv2.bitwise_not(scene.weak[rows], dst=learn)
        sample = self._samples[self._random.randrange(_SAMPLES)]
        self._replace(sample[rows], picture, learn, (0, 0))
        self._replace(sample[rows], picture, learn, self._random.choice(_BESIDE))
        if self._learned % _BOUNDED:
            self._widen(sample, rows)
        else:
            self._bound()

    def _replace(self, sample: Plane, picture: Plane, learn: Plane, offset: tuple[int, int]) -> None:
        """Let some pixels, where they are to be learned, replace the `sample` of the pixel `offset` down and right."""
        start = self._random.randrange(_SHIFTS)
        drawn = self._drawn[start : start + picture.size].reshape(picture.shape)
        replacing = self._replacing[: len(picture)]
        cv2.bitwise_and(learn, drawn, dst=replacing)
        (giving, taking), (gives, takes) = (_apart(step) for step in offset)
        cv2.copyTo(picture[giving, gives], replacing[giving, gives], dst=sample[taking, takes])


def _is_near(samples: NDArray[np.uint8], now: NDArray[np.uint8], limit: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return (n,) where enough of the `samples` (20, n) are within `limit` (n,) of `now` (n,)."""
    low = now - np.minimum(now, limit)
    high = now + np.minimum(255 - now, limit)
    near = samples - low <= high - low  # what is lower than `low` comes round and is far
    return np.asarray(np.add.reduce(near.view(np.uint8), axis=0, dtype=np.uint8) >= _ENOUGH, np.bool_)


def _apart(step: int) -> tuple[slice, slice]:
    """Return which rows or columns give and which take, so that those that take lie `step` behind."""
    return slice(max(0, -step), -step if step > 0 else None), slice(max(0, step), step if step < 0 else None)
