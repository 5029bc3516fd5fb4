"""What the flow knows of a model: crops go out, answers come in, nobody waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.contract import Input
from tapetum.scene import Box, Detection


@dataclass(frozen=True, slots=True)
class Crop:
    """A question: what is in `box` of the frame? pixels: as the model's `input` takes them, uint8.

    box is what the whole input shows: beyond the frame where the crop is letterboxed. track: 0 where none is meant.
    """

    track: int
    box: Box
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model saw in the crop asked for `track`; the detections' boxes are fractions of the whole frame.

    places: whether they say where things are; False: each is about the crop as a whole, and so its box.
    """

    track: int
    box: Box
    detections: tuple[Detection, ...]
    model: str
    places: bool = True


class Model(Protocol):
    """One camera's way to ask. `offer` and `collect` return at once."""

    @property
    def input(self) -> Input | None:
        """The pictures that it takes; None while no model can be asked (motion alone counts)."""
        ...

    @property
    def places(self) -> bool:
        """Whether it says where in a crop a thing is; False: what the crop as a whole shows, as a classifier does."""
        ...

    def offer(self, crops: Sequence[Crop]) -> bool:
        """Ask about `crops`; False (counted as refused) while a batch is in flight or no worker lives."""
        ...

    def collect(self) -> list[Answer]:
        """Return the answers that have come since the last call."""
        ...
