"""What the flow knows of a model: crops go out, answers come in, nobody waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box, Detection


@dataclass(frozen=True, slots=True)
class Crop:
    """A question: what is in `box` of the frame? pixels: (h, w, 3) RGB uint8, of the model's `input_size`."""

    track: int
    box: Box
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model saw in the crop asked for `track`; the detections' boxes are fractions of the whole frame."""

    track: int
    box: Box
    detections: tuple[Detection, ...]
    model: str


class Model(Protocol):
    """One camera's way to ask. `offer` and `collect` return at once."""

    @property
    def input_size(self) -> tuple[int, int] | None:
        """(width, height) of the crops it takes, pixels; None while no model can be asked (motion alone counts)."""
        ...

    def offer(self, crops: Sequence[Crop]) -> bool:
        """Ask about `crops`; False (counted as refused) while a batch is in flight or no worker lives."""
        ...

    def collect(self) -> list[Answer]:
        """Return the answers that have come since the last call."""
        ...
