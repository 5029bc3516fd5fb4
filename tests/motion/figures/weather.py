"""A yard in which nothing happens, by day and by night, in rain and wind: whatever is found in it is false.

Each scene is an endless sequence of lumas, ten a second, the same for the same seed: pictures of 768x432 through the
trainer's model of a sensor, reduced by area averages as the product does it. Weather's figures that no source gives are
decisions, with the reason beside them.
"""

from collections.abc import Callable, Iterator
from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.capture import Synthetic
from tapetum.capture.framing import Framer, no_colour
from tapetum.scene import Plane
from tapetum_trainer.degrade import GAMMA, DarkSensor, Lamp, infrared

FPS = 10
SIZE = (432, 768)  # rows, columns
_DAY = 0.25  # of the light, at which the sensor's gain of 4 gives the brightness that there was: noise of about 4 steps
_NIGHT = 0.04
_SKY = 230  # luma steps: what a drop shows, which gathers light from everywhere

Pictures = Iterator[Plane]
Field = NDArray[np.float32]


def octaves(random: np.random.Generator, shape: tuple[int, int], coarsest: int, finest: int) -> Field:
    """Return (h, w) noise of mean 0 and deviation 1: of all sizes from `coarsest` pixels to `finest`, as nature has."""
    total = np.zeros(shape, np.float32)
    size = coarsest
    while size >= finest:
        grid = random.standard_normal((shape[0] // size + 2, shape[1] // size + 2)).astype(np.float32)
        total += size**0.5 * cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC)
        size //= 2
    return np.asarray((total - total.mean()) / total.std(), np.float32)


def yard(random: np.random.Generator, shape: tuple[int, int] = SIZE) -> Plane:
    """Return the yard (h, w): sky, a wall, ground, all with texture."""
    height, _ = shape
    bands = np.interp(np.arange(height) / height, [0, 0.25, 0.3, 0.6, 0.65, 1], [200, 190, 120, 110, 80, 100])
    texture = (
        octaves(random, shape, height // 2, 2) * np.interp(np.arange(height) / height, [0.2, 0.35], [3, 14])[:, None]
    )
    return np.asarray(np.clip(bands[:, None] + texture, 8, 245), np.uint8)


class Tree:
    """Foliage that sways: the crown as a whole, most at its top, and each twig a little by itself.

    The crown swings once in two seconds, twigs thrice as fast, by what trees before a house do.
    """

    def __init__(self, random: np.random.Generator, shape: tuple[int, int], where: tuple[float, float, float]) -> None:
        """`where`: x, y of the centre and the radius, fractions of the height but for x, of the width."""
        x, y, radius = where
        height, width = shape
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        away = np.hypot(columns - x * width, rows - y * height) / (radius * height)
        ragged = away + 0.12 * octaves(random, shape, 32, 4)
        self._cover = (ragged < 1).astype(np.float32)
        leaves = np.clip(70 + 28 * octaves(random, shape, 16, 2), 10, 200)
        self._leaves = leaves.astype(np.float32)
        self._rows, self._columns = rows, columns
        self._lever = np.clip((y * height + radius * height - rows) / (2 * radius * height), 0, 1)
        self._phase = 6.3 * octaves(random, shape, 32, 16)
        self._sway = 0.014 * height  # pixels at the top in the strongest gust: 6 of 432
        self._tremble = 0.004 * height

    def over(self, picture: Plane, time_s: float) -> Plane:
        """Return `picture` with the tree before it at a time, (h, w) uint8."""
        gust = 0.5 + 0.5 * np.sin(0.37 * time_s) * np.sin(0.11 * time_s + 1)  # of its strength, 0 to 1
        sway = self._sway * gust * np.sin(2 * np.pi * 0.5 * time_s) * self._lever
        tremble = self._tremble * gust * np.sin(2 * np.pi * 1.7 * time_s + self._phase)
        x = (self._columns + sway + tremble).astype(np.float32)
        y = (self._rows + 0.5 * tremble).astype(np.float32)
        cover = cv2.remap(self._cover, x, y, cv2.INTER_LINEAR)
        leaves = cv2.remap(self._leaves, x, y, cv2.INTER_LINEAR)
        return np.asarray(picture + cover * (leaves - picture), np.uint8)


class Rain:
    """Drops as a camera sees them: streaks as long as they fall while it exposes, most of them faint.

    K. Garg and S. K. Nayar, "Vision and rain", IJCV 75(1):3-27, 2007: a drop of radius a (m) falls at 200 sqrt(a) m/s,
    shows the whole sky, and covers a pixel for 2a/v of the exposure, of which its contrast is the share. Sizes after J.
    S. Marshall and W. M. Palmer, "The distribution of raindrops with size", Journal of Meteorology 5, 1948: 8000 drops
    a cubic metre and millimetre, falling off with the diameter by exp(-4.1 R^-0.21 D) at R mm an hour.
    """

    _RATE = 10.0  # mm/h: what the weather services call heavy
    _NEAR, _FAR = 0.6, 5.0  # m: nearer ones would hit the lens, farther ones are fainter than the noise
    _LEAST_MM = 1.0  # of the diameter: smaller ones are faint and narrow
    _EXPOSURE_S = 0.004
    _FOCAL = 1.0  # of the picture's width: sees 53 degrees

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._slope = 4.1 * self._RATE**-0.21
        volume = self._FOCAL**-2 * SIZE[0] / SIZE[1] * (self._FAR**3 - self._NEAR**3) / 3
        self._mean = 8000 / self._slope * np.exp(-self._slope * self._LEAST_MM) * volume

    def over(self, picture: Plane) -> Plane:
        """Return `picture` with new drops before it, (h, w) uint8."""
        random, (rows, columns) = self._random, SIZE
        number = random.poisson(self._mean)
        radius = (self._LEAST_MM + random.exponential(1 / self._slope, number)) / 2000
        depth = (random.uniform(self._NEAR**3, self._FAR**3, number)) ** (1 / 3)
        speed = 200 * np.sqrt(radius)
        focal = self._FOCAL * columns
        length, width = speed * self._EXPOSURE_S * focal / depth, 2 * radius * focal / depth
        contrast = np.minimum(1, 2 * radius / speed / self._EXPOSURE_S) * np.minimum(1, width)
        x, y = random.uniform(0, columns, number), random.uniform(-0.1 * rows, rows, number)
        ends = np.stack([x, y, x + 0.1 * length, y + length], axis=1).astype(np.int32).reshape(-1, 2, 2)
        share = np.zeros(SIZE, np.uint8)
        level = np.ceil(np.minimum(contrast, 1) * 255).astype(int)
        thick = np.clip(np.rint(width), 1, 9).astype(int)
        for shown in np.unique(np.stack([level, thick], axis=1), axis=0):
            own = (level == shown[0]) & (thick == shown[1])
            cv2.polylines(share, list(ends[own]), False, int(shown[0]), int(shown[1]), cv2.LINE_AA)
        return np.asarray(picture + share / np.float32(255) * (np.float32(_SKY) - picture), np.uint8)


def _clouds(random: np.random.Generator) -> Callable[[float], Field]:
    """Return the light at a time in seconds, (h, w), 0.55 to 1: clouds that pass once a minute, and dusk after them."""
    rows, columns = SIZE
    field = np.tanh(octaves(random, (rows // 8, columns // 4), 48, 16))
    field = np.concatenate([field, field[:, ::-1]], axis=1)  # it comes round without an edge

    def light(time_s: float) -> Field:
        small = np.roll(field, round(time_s / 60 * columns / 8), axis=1)[:, : columns // 8]
        cloud = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)
        return np.asarray(0.85 + 0.15 * cloud - 0.15 * np.sin(time_s / 300) ** 2, np.float32)

    return light


def calm(pictures: Callable[[int], Plane], light: float, seed: int) -> Pictures:
    """Yield the luma of `pictures`, by their number, as a camera with `light` of the light gives it."""
    sensor = DarkSensor(light, seed)
    framer = Framer("yard", Synthetic().analysis_width)
    gray = no_colour(SIZE[1], SIZE[0])
    for number in count():
        yield framer.frame(sensor.picture(pictures(number)), gray, gray, number).luma.copy()


def noise(seed: int) -> Pictures:
    """Yield the yard by day."""
    still = yard(np.random.default_rng(seed))
    return calm(lambda _: still, _DAY, seed)


def dark(seed: int) -> Pictures:
    """Yield the yard at 4 % of the light."""
    still = yard(np.random.default_rng(seed))
    return calm(lambda _: still, _NIGHT, seed)


def drift(seed: int) -> Pictures:
    """Yield the yard under clouds, and towards dusk and back."""
    random = np.random.default_rng(seed)
    still, light = yard(random), _clouds(random)
    return calm(lambda number: (still * light(number / FPS) ** (1 / GAMMA)).astype(np.uint8), _DAY, seed)


def rain(seed: int) -> Pictures:
    """Yield the yard in heavy rain."""
    still, drops = yard(np.random.default_rng(seed)), Rain(seed)
    return calm(lambda _: drops.over(still), _DAY, seed)


def leaves(seed: int) -> Pictures:
    """Yield the yard with two trees in gusts of wind."""
    random = np.random.default_rng(seed)
    still = yard(random)
    trees = [Tree(random, SIZE, (0.2, 0.4, 0.3)), Tree(random, SIZE, (0.85, 0.3, 0.25))]

    def picture(number: int) -> Plane:
        shown = still
        for tree in trees:
            shown = tree.over(shown, number / FPS)
        return shown

    return calm(picture, _DAY, seed)


WEATHER: dict[str, Callable[[int], Pictures]] = {
    "noise": noise, "dark": dark, "drift": drift, "rain": rain, "leaves": leaves,
}  # fmt: skip


def gain_step(seed: int) -> Pictures:
    """Yield the yard; after 5 s the camera shows all of it 1.3 times as bright, 5 s later as before."""
    for number, luma in enumerate(noise(seed)):
        brighter = 5 * FPS <= number < 10 * FPS
        yield np.asarray(cv2.convertScaleAbs(luma, alpha=1.3), np.uint8) if brighter else luma


def infrared_switch(seed: int) -> Pictures:
    """Yield the yard at dusk; after 5 s the filter moves away and the lamp comes on, too bright for half a second."""
    still = yard(np.random.default_rng(seed))
    lit = infrared(np.asarray(cv2.merge([still, still, still]), np.uint8), Lamp())[:, :, 0]
    dusk, night = (calm(lambda _, shown=shown: shown, light, seed) for shown, light in ((still, 0.06), (lit, _DAY)))  # type: ignore[misc]
    for number in count():
        before, after = next(dusk), next(night)
        late = number - 5 * FPS
        too_bright = np.interp(late, [0, 5], [2.0, 1.0])
        yield before if late < 0 else np.asarray(cv2.convertScaleAbs(after, alpha=float(too_bright)), np.uint8)


EVENTS: dict[str, tuple[Callable[[int], Pictures], tuple[int, ...]]] = {
    "cold_start": (noise, (0,)),
    "cold_start_dark": (dark, (0,)),
    "gain_step": (gain_step, (5 * FPS, 10 * FPS)),
    "infrared": (infrared_switch, (5 * FPS,)),
}
"""What happens, and in which frames; each is to be silent soon after."""
