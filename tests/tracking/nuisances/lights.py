"""Light and shadow that pass over a place: headlights of cars outside the picture, and a tree's shadow in the wind."""

from dataclasses import dataclass

import cv2
import numpy as np

from tapetum_trainer.degrade import GAMMA
from tests.motion.figures.weather import octaves
from tests.tracking.nuisances.drawn import Field
from tests.tracking.nuisances.places import FPS, SIZE, Picture


@dataclass(frozen=True)
class _Sweep:
    """One car's light. first, lasts: frames; wide, row: pixels; strong: times the light that there is."""

    first: float
    lasts: float
    wide: float
    row: float
    strong: float
    leftwards: bool


class Headlights:
    """Cars outside the picture, whose light sweeps over the place: it gets brighter there, and shows what it is."""

    def __init__(self, random: np.random.Generator, _light: str) -> None:
        self._sweeps = [
            _Sweep(
                first=random.uniform(15, 180),
                lasts=random.uniform(15, 50),
                wide=random.uniform(0.08, 0.35) * SIZE[1],
                row=random.uniform(0.3, 0.9) * SIZE[0],
                strong=random.uniform(1, 5),
                leftwards=bool(random.integers(2)),
            )
            for _ in range(int(random.integers(3, 6)))
        ]
        rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
        self._rows, self._columns = rows, columns
        self._relief = 1 + 0.35 * octaves(random, SIZE, 64, 8)  # surfaces that face the light, and some that do not

    def over(self, picture: Picture, number: int) -> Picture:
        """Return `picture` with it, as it is in frame `number`."""
        light: Field = np.zeros(SIZE, np.float32)
        for sweep in self._sweeps:
            share = (number - sweep.first) / sweep.lasts
            if 0 <= share <= 1:
                x = SIZE[1] * (1.3 * (1 - share if sweep.leftwards else share) - 0.15)
                light += np.float32(sweep.strong * np.sin(np.pi * share) ** 0.5) * self._spots(sweep, x)
        if not light.any():
            return picture
        amount = (picture / np.float32(255)) ** GAMMA * (1 + light * np.maximum(0.1, self._relief))[..., None]
        return np.asarray(255 * np.minimum(1, amount) ** (1 / GAMMA), np.uint8)

    def _spots(self, sweep: _Sweep, x: float) -> Field:
        """Return the light of two lamps whose middle is at `x`, (360, 640), 1 in the middle of each."""
        down = (self._rows - sweep.row) / (0.6 * sweep.wide)
        across = [(self._columns - x - side * sweep.wide) / sweep.wide for side in (-0.25, 0.25)]
        return np.asarray(sum(np.exp(-(one**2 + down**2) / 0.5) for one in across), np.float32)


class Shadows:
    """The shadow of a tree that sways in gusts: light and dark patches that go to and fro over the ground."""

    def __init__(self, random: np.random.Generator, _light: str) -> None:
        rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
        self._rows, self._columns = rows, columns
        x, y = random.uniform(0.2, 0.8) * SIZE[1], random.uniform(0.4, 0.9) * SIZE[0]
        near = np.exp(-(((columns - x) / (0.25 * SIZE[1])) ** 2) - ((rows - y) / (0.3 * SIZE[0])) ** 2)
        dapples = np.clip(1.5 * octaves(random, SIZE, 32, 8), -1, 1)
        self._dark = np.asarray(near * (0.5 + 0.5 * dapples), np.float32)
        self._phase = random.uniform(0, 6.28)

    def over(self, picture: Picture, number: int) -> Picture:
        """Return `picture` with it, as it is in frame `number`."""
        time_s = number / FPS
        gust = 0.5 + 0.5 * np.sin(0.37 * time_s + self._phase) * np.sin(0.11 * time_s + 1)
        x = 9 * gust * np.sin(2 * np.pi * 0.45 * time_s) + 2 * gust * np.sin(2 * np.pi * 1.4 * time_s)
        y = 4 * gust * np.sin(2 * np.pi * 0.6 * time_s + 1)
        dark = cv2.remap(self._dark, self._columns + np.float32(x), self._rows + np.float32(y), cv2.INTER_LINEAR)
        amount = (picture / np.float32(255)) ** GAMMA * (1 - 0.65 * dark)[..., None]
        return np.asarray(255 * amount ** (1 / GAMMA), np.uint8)
