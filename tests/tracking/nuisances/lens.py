"""What is right before the lens: insects that fly, spiders that walk over the dome, and their webs.

Sizes and speeds are decisions, with the reason beside them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.tracking.nuisances.drawn import DARK, EXPOSURE_S, FOCAL, LIT, mixed, trail
from tests.tracking.nuisances.places import FPS, SIZE, Picture


class Insects:
    """Flies and moths near the lens, out of focus: in the lamp's light bright discs with a trail, by day dark ones.

    Of 3 to 12 mm, 0.15 to 0.8 m away, at 0.3 to 1.5 m/s, turning all the time (moths turn twice a second, flies more
    often); a lens focused at 3 m draws them as discs of some pixels more than they are.
    """

    def __init__(self, random: np.random.Generator, light: str) -> None:
        self._random, self._bright = random, light != "day"
        self._exposure = EXPOSURE_S[light]
        self._flights = [self._flight() for _ in range(int(random.integers(4, 9)))]

    def _flight(self) -> tuple[int, NDArray[np.float64], float]:
        """Return the first frame, the places at 20 moments of each frame, (n, 20, 2) pixels, and the radius, pixels."""
        random = self._random
        away, size = random.uniform(0.15, 0.8), random.uniform(0.003, 0.012)
        pixels_m = FOCAL * SIZE[1] / away
        radius = size * pixels_m / 2 + 0.0015 * SIZE[1] * FOCAL * abs(1 / away - 1 / 3) / 2
        speed, turns = random.uniform(0.3, 1.5) * pixels_m, random.uniform(1, 5)
        seconds = random.uniform(0.5, 8)
        ticks = round(seconds * FPS) * 20
        heading = random.uniform(0, 6.28) + np.cumsum(random.normal(0, np.sqrt(turns * 2 / (FPS * 20)), ticks))
        heading += np.cumsum(random.normal(0, 1, ticks)) * 0.002
        step = speed / (FPS * 20) * np.stack([np.cos(heading), np.sin(heading)], axis=1)
        path = np.cumsum(step, axis=0) + random.uniform([0, 0], [SIZE[1], SIZE[0]])
        path[:, 0], path[:, 1] = _mirrored(path[:, 0], SIZE[1] * 1.4), _mirrored(path[:, 1], SIZE[0] * 1.4)
        path -= [SIZE[1] * 0.2, SIZE[0] * 0.2]  # it leaves the picture and comes back
        return int(random.integers(15, 180)), path.reshape(-1, 20, 2), float(radius)

    def over(self, picture: Picture, number: int) -> Picture:
        """Return `picture` with it, as it is in frame `number`."""
        cover = np.zeros(SIZE, np.float32)
        for first, path, radius in self._flights:
            if first <= number < first + len(path):
                seen = path[number - first][: max(2, round(20 * self._exposure * FPS))]
                cover = np.maximum(cover, trail(seen, radius))
        return mixed(picture, cover, LIT if self._bright else DARK)


class Crawler:
    """A spider or a beetle on the dome: large, dark and out of focus, now walking, now not."""

    def __init__(self, random: np.random.Generator, light: str) -> None:
        self._level = LIT if light != "day" else DARK / 2
        self._radius = random.uniform(12, 30)
        moves = np.repeat(random.random(40) < 0.5, 5)
        heading = random.uniform(0, 6.28) + np.cumsum(random.normal(0, 0.25, 200))
        step = (moves * random.uniform(2, 7))[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
        self._path = np.cumsum(step, axis=0) + random.uniform([100, 60], [540, 300])
        self._first = int(random.integers(15, 60))

    def over(self, picture: Picture, number: int) -> Picture:
        """Return `picture` with it, as it is in frame `number`."""
        if number < self._first:
            return picture
        body = self._path[number : number + 1]
        legs = body + np.array([self._radius * (0.6 + 0.3 * np.sin(number)), 0])
        cover = np.maximum(trail(body, self._radius), 0.7 * trail(legs, self._radius / 2))
        return mixed(picture, np.asarray(cv2.GaussianBlur(cover, (0, 0), self._radius / 3), np.float32), self._level)


@dataclass(frozen=True)
class _Thread:
    """One thread. first, last: where it is tied, x, y in pixels; swing: pixels; rate: 1/s; phase: radians."""

    first: NDArray[np.float64]
    last: NDArray[np.float64]
    swing: float
    rate: float
    phase: float


class Web:
    """Threads before the lens that swing in the wind and flash up, most of all in the lamp's light."""

    def __init__(self, random: np.random.Generator, light: str) -> None:
        self._random, self._level = random, LIT if light == "infrared" else 190.0
        self._threads = [
            _Thread(
                first=random.uniform([0, 0], [SIZE[1], SIZE[0]]),
                last=random.uniform([0, 0], [SIZE[1], SIZE[0]]),
                swing=random.uniform(5, 25),
                rate=random.uniform(0.4, 2.5),
                phase=random.uniform(0, 6.28),
            )
            for _ in range(int(random.integers(2, 5)))
        ]

    def over(self, picture: Picture, number: int) -> Picture:
        """Return `picture` with it, as it is in frame `number`."""
        time_s = number / FPS
        gust = max(0.0, np.sin(0.5 * time_s) + 0.3 * np.sin(1.7 * time_s))
        cover = np.zeros(SIZE, np.float32)
        along = np.linspace(0, 1, 30)[:, None]
        for one in self._threads:
            turn = 2 * np.pi * one.rate * time_s + one.phase
            sag = np.sin(np.pi * along) * one.swing * gust * np.sin(turn)
            places = one.first + along * (one.last - one.first) + sag * [0.3, 1.0]
            thread = np.zeros(SIZE, np.uint8)
            cv2.polylines(thread, [places.round().astype(np.int32)], False, 255, 3, cv2.LINE_AA)
            flash = 0.25 + 0.5 * max(0.0, np.sin(turn + 1))
            np.maximum(cover, cv2.GaussianBlur(thread, (5, 5), 0) * np.float32(flash / 255), out=cover)
        return mixed(picture, cover, self._level)


def _mirrored(values: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    turn = np.mod(values, 2 * limit)
    return np.where(turn < limit, turn, 2 * limit - turn)
