"""What the daemon and its worker tell each other: the headers that `wire` carries."""

from typing import Annotated

from msgspec import Meta

from tapetum.inference.accelerators import Accelerator
from tapetum.inference.confine import Confinement
from tapetum.inference.contract import MOST_CLASSES, Contract
from tapetum.settings import Settings

MOST_ROWS = 1000
"""Detections of one picture, the best: a decision, ten times what a decoder gives if nobody says otherwise."""


class Setup(Settings, frozen=True):
    """The first message: what comes from this device. The worker locks itself in after it, before the model comes."""

    accelerator: Accelerator
    min_score: float
    contract: Contract | None = None


class Ready(Settings, frozen=True):
    """The answer to the model: how it is asked and read, and how the worker is held. classes: 0 if unknown."""

    contract: Contract
    classes: Annotated[int, Meta(ge=0, le=MOST_CLASSES)]
    confinement: Confinement


class Answered(Settings, frozen=True):
    """The answer to a batch, with all its rows behind it. counts: of rows, by picture; ms: that all took."""

    batch: int
    counts: tuple[Annotated[int, Meta(ge=0, le=MOST_ROWS)], ...]
    ms: Annotated[float, Meta(ge=0, le=1e9)]
