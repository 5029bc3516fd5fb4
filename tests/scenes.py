"""Synthetic video with known answers: the product's own synthetic room and sensor, with players who do as told.

Pictures are planar YUV as a camera gives them, by day or at 4 % of the light, with a new noise in each; every scene is
the same each time it is played.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapetum.capture.framing import Framer
from tapetum.capture.synthetic import Synthetic, SyntheticSource
from tapetum.clock import SystemClock
from tapetum.scene import Box, Frame, Plane

FPS = 10.0
Way = Callable[[float], Box | None]
"""Where somebody is at a time in seconds; None while they are away."""


def standing(box: Box, since_s: float = 0.0, until_s: float = 1e9) -> Way:
    """Be in `box` from one time to another."""
    return lambda t_s: box if since_s <= t_s < until_s else None


def walking(size: tuple[float, float], *stops: tuple[float, float, float]) -> Way:
    """Walk in straight lines from stop to stop, each (time s, x, y of the centre); away before and after.

    size: (width, height), fractions of the frame.
    """
    times, xs, ys = zip(*stops, strict=True)

    def where(t_s: float) -> Box | None:
        if not times[0] <= t_s <= times[-1]:
            return None
        x, y = np.interp(t_s, times, xs), np.interp(t_s, times, ys)
        box = Box(x - size[0] / 2, y - size[1] / 2, x + size[0] / 2, y + size[1] / 2)
        return box if box.clipped().area > 0 else None

    return where


@dataclass(frozen=True)
class Player:
    """Somebody even-coloured. y, u, v: 0..255, 128 is no colour."""

    way: Way
    y: int = 225
    u: int = 128
    v: int = 128


@dataclass(frozen=True)
class Play:
    """A scene: who is in it, in what light, for how long.

    light: at a time in seconds a factor on all brightness, 1.0 as built, or one for each pixel, (H, W).
    """

    players: Sequence[Player] = ()
    seconds: float = 10.0
    scene: str = "day"
    light: Callable[[float], float | NDArray[np.float32]] = lambda _: 1.0
    seed: int = 1
    size: tuple[int, int] = (480, 270)

    def frames(self) -> Iterator[tuple[float, Frame, tuple[Box, ...]]]:
        """Yield (time s, frame, boxes of those who are there), ten times a second."""
        source = _PlayedSource(self)
        for index in range(round(self.seconds * FPS)):
            frame = source.read()
            assert frame is not None
            yield index / FPS, frame, tuple(box.clipped() for box in source.truth(index))

    def lumas(self) -> Iterator[tuple[float, Plane, tuple[Box, ...]]]:
        """Yield (time s, luma, boxes of those who are there)."""
        return ((t_s, frame.luma, boxes) for t_s, frame, boxes in self.frames())


class _PlayedSource(SyntheticSource):
    """The product's synthetic source with players of ours."""

    def __init__(self, play: Play) -> None:
        width, height = play.size
        settings = Synthetic(
            scene=play.scene,
            width=width,
            height=height,
            fps=FPS,
            seed=play.seed,
            pace="analysis",
            analysis_width=width // 2,
        )
        super().__init__(settings, Framer("front", settings.analysis_width), SystemClock())
        self._play = play

    def truth(self, index: int) -> tuple[Box, ...]:
        return tuple(box for _, box in self._cast(index))

    def _cast(self, index: int) -> list[tuple[Player, Box]]:
        where = ((player, player.way(index / FPS)) for player in self._play.players)
        return [(player, box) for player, box in where if box is not None]

    def _picture(self, index: int) -> tuple[Plane, Plane, Plane]:
        y = self._room.copy()
        u = np.full((y.shape[0] // 2, y.shape[1] // 2), 128, np.uint8)
        v = u.copy()
        for player, box in self._cast(index):
            y[box.slices(y)] = player.y
            u[box.slices(u)] = player.u
            v[box.slices(v)] = player.v
        noise = np.roll(self._noise[index % len(self._noise)], index * 37, axis=1)
        return self._sensed(np.clip(y * self._play.light(index / FPS), 0, 255).astype(np.float32), noise), u, v


def best_iou(box: Box, found: Sequence[Box]) -> float:
    """Return how well the best of `found` fits `box`, 0..1."""
    return max((box.iou(one) for one in found), default=0.0)


def drawn(shape: tuple[int, int], level: int, *boxes: tuple[Box, int]) -> NDArray[np.uint8]:
    """Return an even picture of brightness `level` with even `boxes` of (box, brightness) in it; no noise at all."""
    picture = np.full(shape, level, np.uint8)
    for box, brightness in boxes:
        picture[box.slices(picture)] = brightness
    return picture
