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


class Teacher(Protocol):
    """A network that knows what the student is to learn."""

    labels: tuple[str, ...]

    @property
    def key(self) -> str:
        """What its answers depend on besides the picture: part of the key of what is kept of them."""

    def answers(self, pixels: Pixels) -> Answers:
        """Return what it says of a picture (h, w, 3) RGB uint8."""
