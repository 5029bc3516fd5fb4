"""What the daemon and its worker tell each other: the headers that `wire` carries."""

from tapetum.inference.accelerators import Accelerator
from tapetum.inference.confine import Confinement
from tapetum.inference.contract import Contract
from tapetum.settings import Settings


class Setup(Settings, frozen=True):
    """The first message: what comes from this device. The worker locks itself in after it, before the model comes."""

    accelerator: Accelerator
    min_score: float
    contract: Contract | None = None


class Ready(Settings, frozen=True):
    """The answer to the model: how it is asked and read, and how the worker is held. classes: 0 if unknown."""

    contract: Contract
    classes: int
    confinement: Confinement
