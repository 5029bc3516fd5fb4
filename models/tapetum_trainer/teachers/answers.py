"""What every teacher gives: boxes, and of each how much it is of each label."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said of one picture, before doubles are taken out."""

    boxes: Floats  # (n, 4) left, top, right, bottom, fractions of the picture
    scores: Floats  # (n, labels) 0..1


class Seer(Protocol):
    """What finds things in pictures: a teacher that looks several times, or several of them together."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What it can tell apart."""

    @property
    def key(self) -> str:
        """What its answers depend on besides the picture."""

    def rows(self, pixels: Pixels) -> Floats:
        """Return (k, 6): class, score, left, top, right, bottom (fractions), best first, for (h, w, 3) RGB uint8."""


class Teacher(Protocol):
    """A network that knows what the student is to learn."""

    labels: tuple[str, ...]
    key: str
    """What its answers depend on besides the picture: part of the key of what is kept of them."""

    def answers(self, pixels: Pixels) -> Answers:
        """Return what it says of a picture (h, w, 3) RGB uint8."""
