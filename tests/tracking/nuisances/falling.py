"""Rain and snow near the camera."""

import cv2
import numpy as np

from tests.tracking.nuisances.drawn import EXPOSURE_S, FOCAL, mixed, trail
from tests.tracking.nuisances.places import FPS, SIZE, Picture


class Rain:
    """Near drops: streaks as long as they fall while the camera exposes, in the lamp's light bright.

    K. Garg and S. K. Nayar, "Vision and rain", IJCV 75(1):3-27, 2007: a drop of radius a (m) falls at 200 sqrt(a) m/s.
    Sizes after J. S. Marshall and W. M. Palmer, 1948, at 10 mm/h; what is nearer than 0.3 m would hit the dome.
    """

    def __init__(self, random: np.random.Generator, light: str) -> None:
        self._random, self._light = random, light
        self._level = 230.0 if light != "dusk" else 120.0
        self._slope = 4.1 * 10**-0.21
        volume = FOCAL**-2 * SIZE[0] / SIZE[1] * 5.0**3 / 3
        self._mean = 8000 / self._slope * np.exp(-self._slope) * volume

    def over(self, picture: Picture, _number: int) -> Picture:
        """Return `picture` with it, as it is in frame `number`."""
        random, focal = self._random, FOCAL * SIZE[1]
        count = random.poisson(self._mean)
        radius = (1 + random.exponential(1 / self._slope, count)) / 2000
        depth = random.uniform(0.3**3, 5**3, count) ** (1 / 3)
        speed, exposure = 200 * np.sqrt(radius), EXPOSURE_S[self._light]
        length, width = speed * exposure * focal / depth, 2 * radius * focal / depth
        share = np.minimum(1, 2 * radius / speed / exposure) * np.minimum(1, width)
        if self._light == "infrared":  # the lamp is beside the lens: by the inverse square of the distance
            share = np.minimum(1, share * (1.5 / depth) ** 2)
        cover = np.zeros(SIZE, np.float32)
        x, y = random.uniform(0, SIZE[1], count), random.uniform(-0.3 * SIZE[0], SIZE[0], count)
        for one in np.flatnonzero(share > 0.02):
            ends = (round(x[one]), round(y[one])), (round(x[one] + 0.1 * length[one]), round(y[one] + length[one]))
            streak = np.zeros(SIZE, np.uint8)
            cv2.line(streak, *ends, 255, max(1, round(width[one])), cv2.LINE_AA)
            np.maximum(cover, streak * np.float32(share[one] / 255), out=cover)
        return mixed(picture, cover, self._level)


class Snow:
    """Flakes that sink at 1 m/s and are carried by the wind, the near ones large, soft and bright before the lamp."""

    def __init__(self, random: np.random.Generator, light: str) -> None:
        self._level = 235.0 if light != "dusk" else 120.0
        self._lamp = light == "infrared"
        self._exposure = EXPOSURE_S[light]
        count = 90
        self._depth = random.uniform(0.25**3, 4**3, count) ** (1 / 3)
        self._size = random.uniform(0.002, 0.006, count)
        self._start = random.uniform([0, 0], [SIZE[1] * 1.2, SIZE[0] * 1.2], (count, 2))
        self._phase, self._wind = random.uniform(0, 6.28, count), random.normal(0.3, 0.4)

    def over(self, picture: Picture, number: int) -> Picture:
        """Return `picture` with it, as it is in frame `number`."""
        pixels_m = FOCAL * SIZE[1] / self._depth
        cover = np.zeros(SIZE, np.float32)
        moments = number / FPS + np.linspace(0, self._exposure, 4)
        for one in range(len(self._depth)):
            sway = 0.15 * np.sin(2 * np.pi * 0.7 * moments + self._phase[one])
            x = (self._start[one, 0] + (self._wind * moments + sway) * pixels_m[one]) % (SIZE[1] * 1.2) - 0.1 * SIZE[1]
            y = (self._start[one, 1] + moments * pixels_m[one]) % (SIZE[0] * 1.2) - 0.1 * SIZE[0]
            radius = self._size[one] * pixels_m[one] / 2
            share = min(1.0, (1.2 / self._depth[one]) ** 2) if self._lamp else 0.8
            soft = abs(1 / self._depth[one] - 1 / 3)
            if np.ptp(y) < SIZE[0] / 2 and np.ptp(x) < SIZE[1] / 2:
                disc = trail(np.stack([x, y], axis=1), radius + 0.5 * soft)
                np.maximum(cover, disc * np.float32(share / (1 + 0.2 * soft)), out=cover)
        return mixed(picture, cover, self._level)
