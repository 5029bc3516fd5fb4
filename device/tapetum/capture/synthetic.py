"""A scene with known answers, by day and by night: for tests, and to see the whole work with no camera at all.

Night is made as a sensor makes it: photons are counted (Poisson), the amplifier adds its own noise (normal), and gain
and gamma bring the result back to eight bits; the figures are those of a small sensor at 4 % of the light.
"""

import threading
from typing import Annotated, Literal

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.capture.framing import Framer
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import SourceError
from tapetum.scene import Box, Frame, Plane
from tapetum.settings import Count

_FULL_WELL = 4000  # electrons at full brightness
_READ_NOISE = 4  # electrons
_GAIN = 4.0
_NIGHT = 0.04  # of the light of day
_PATTERNS = 8  # pictures of noise drawn in advance


class Synthetic(SourceSettings, tag="synthetic", frozen=True):
    """A room through which a few even-coloured things move to and fro."""

    scene: Literal["day", "night"] = "day"
    width: Annotated[int, Meta(ge=64, le=3840, multiple_of=2)] = 640
    height: Annotated[int, Meta(ge=64, le=2160, multiple_of=2)] = 360
    fps: Annotated[float, Meta(gt=0, le=240)] = 10.0
    movers: Annotated[int, Meta(ge=0, le=8)] = 2
    frames: Annotated[int, Meta(ge=0)] = 0  # how many there are; 0: no end
    pace: Literal["clip", "analysis"] = "clip"
    seed: Count = 1

    def open(self, camera: str, clock: Clock) -> "SyntheticSource":
        """Make the room."""
        return SyntheticSource(self, Framer(camera, self.analysis_width), clock)


class SyntheticSource:
    """The running scene; `truth` gives the answers."""

    def __init__(self, settings: Synthetic, framer: Framer, clock: Clock) -> None:
        self.lossless = settings.pace == "analysis"
        self._settings = settings
        self._framer = framer
        self._clock = clock
        self._closed = threading.Event()
        self._start_ns = clock.now_ns()
        self._drawn = 0
        self._random = np.random.default_rng(settings.seed)
        self._room = self._furnished()
        self._noise = self._random.standard_normal((_PATTERNS, settings.height, settings.width)).astype(np.float32)

    def read(self) -> Frame | None:
        """Return the next frame when it is due; None after the last."""
        settings = self._settings
        if self._closed.is_set():
            raise SourceError("the scene was closed")
        if settings.frames and self._drawn >= settings.frames:
            return None
        t_ns = self._start_ns + int(self._drawn * 1e9 / settings.fps)
        if not self.lossless:
            self._clock.wait(self._closed, (t_ns - self._clock.now_ns()) / 1e9)
        if self._closed.is_set():
            raise SourceError("the scene was closed")
        y, u, v = self._picture(self._drawn)
        self._drawn += 1
        return self._framer.frame(y, u, v, t_ns)

    def close(self) -> None:
        """End a wait under way."""
        self._closed.set()

    def truth(self, index: int) -> tuple[Box, ...]:
        """Return where the movers are in picture `index` (0 the first): none in the first second, then to and fro."""
        settings = self._settings
        time_s = index / settings.fps - 1
        if time_s < 0:
            return ()
        boxes = []
        for mover in range(settings.movers):
            width, height = 0.06 + 0.01 * mover, 0.2 + 0.03 * mover
            way = 0.12 * time_s + 0.35 * mover
            left = (1 - width) * (1 - abs(way % 2 - 1))
            top = 0.15 + (0.7 - height) * mover / max(1, settings.movers - 1)
            boxes.append(Box(left, top, left + width, top + height))
        return tuple(boxes)

    def _furnished(self) -> NDArray[np.float32]:
        """Return the empty room, (H, W) brightness 0..255."""
        height, width = self._settings.height, self._settings.width
        coarse = self._random.uniform(60, 200, (9, 16)).astype(np.float32)
        fine = self._random.uniform(-12, 12, (height // 4, width // 4)).astype(np.float32)
        room = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(np.clip(room + cv2.resize(fine, (width, height)), 20, 235), np.float32)

    def _picture(self, index: int) -> tuple[Plane, Plane, Plane]:
        y = self._room.copy()
        u = np.full((y.shape[0] // 2, y.shape[1] // 2), 128, np.uint8)
        v = u.copy()
        for number, box in enumerate(self.truth(index)):
            y[box.slices(y)] = 40 if number % 2 else 225
            u[box.slices(u)] = 100 + 20 * number
            v[box.slices(v)] = 150 - 15 * number
        noise = np.roll(self._noise[index % _PATTERNS], index * 37, axis=1)
        return self._sensed(y, noise), u, v

    def _sensed(self, y: NDArray[np.float32], noise: NDArray[np.float32]) -> Plane:
        """Return the brightness as the sensor gives it; many electrons' Poisson noise is taken as normal."""
        light = _NIGHT if self._settings.scene == "night" else 1.0
        gain = _GAIN if self._settings.scene == "night" else 1.0
        electrons = (y / 255) ** 2.2 * light * _FULL_WELL
        electrons += noise * np.sqrt(electrons + _READ_NOISE**2)
        return (255 * np.clip(gain * electrons / _FULL_WELL, 0, 1) ** (1 / 2.2)).astype(np.uint8)
