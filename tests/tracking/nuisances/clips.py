"""Twenty seconds of a place: with a nuisance and nobody, or with somebody who passes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from tapetum.capture import Synthetic
from tapetum.capture.framing import Framer
from tapetum.inference.contract import Input
from tapetum.inference.model import Answer
from tapetum.scene import Box, Frame
from tests.tracking.nuisances.kinds import KINDS
from tests.tracking.nuisances.passers import passer
from tests.tracking.nuisances.places import FPS, SIZE, Picture, place

FRAMES = 20 * FPS


@dataclass(frozen=True)
class Clip:
    """One clip. kind: the nuisance in it, or "passer"."""

    kind: str
    place: str
    light: str
    frames: Iterator[tuple[Frame, Box | None]] = field(repr=False)


class NoModel:
    """A model that nobody can ask: all that is believed is told."""

    input: Input | None = None
    places = True

    def offer(self, _: object) -> bool:
        return False

    def collect(self) -> list[Answer]:
        return []


def nuisance(data: Path, number: int) -> Clip:
    """Return clip `number` of those with nobody in them; the frames tell no box."""
    random = np.random.default_rng(1000 + number)
    kind = list(KINDS)[number % len(KINDS)]
    where = place(data, number)
    moves = KINDS[kind](random, where.light)
    pictures = ((where.sensor(moves.over(where.still, frame)), None) for frame in range(FRAMES))
    return Clip(kind, where.name, where.light, _frames(pictures))


def passing(data: Path, number: int) -> Clip:
    """Return clip `number` of those in which somebody passes; the frames tell where they are."""
    random = np.random.default_rng(2000 + number)
    where, who = place(data, number), passer(data, random)

    def picture(frame: int) -> tuple[Picture, Box | None]:
        box = who.box(frame)
        shown = where.sensor(who.over(where.still, frame))
        return shown, None if box is None else Box.of_pixels(*box, SIZE).clipped()

    return Clip("passer", where.name, where.light, _frames(picture(frame) for frame in range(FRAMES)))


def _frames(pictures: Iterator[tuple[Picture, Box | None]]) -> Iterator[tuple[Frame, Box | None]]:
    framer = Framer("place", Synthetic().analysis_width)
    for number, (picture, box) in enumerate(pictures):
        planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
        rows, columns = SIZE
        y, chroma = planes[:rows], planes[rows:].reshape(2, rows // 2, columns // 2)
        yield framer.frame(y.copy(), chroma[0].copy(), chroma[1].copy(), round(number / FPS * 1e9)), box
