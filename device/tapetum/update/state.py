"""How an update goes, as it is told, and who it is for."""

import platform
from dataclasses import dataclass

from tapetum.inference.accelerators import type_of
from tapetum.inference.settings import Inference
from tapetum.update.messages import Target


@dataclass(frozen=True, slots=True)
class State:
    """What is told of it, retained, on `model/fetch`.

    state: idle, current, waiting, downloading, offered, refused or failed; push and model: which bundle it is about;
    fetched, bytes: how much of it has come, and its size; reason: why it waits, was refused or failed.
    """

    state: str
    push: int = 0
    model: str = ""
    fetched: int = 0
    bytes: int = 0
    reason: str = ""

    @property
    def fault(self) -> str:
        """What is wrong, for health; "": nothing."""
        return f"update {self.state}: {self.reason}" if self.state in ("refused", "failed") else ""


def of(target: Target, state: str, reason: str = "", fetched: int = 0) -> State:
    """Return how it goes with a bundle."""
    return State(state, target.contract.push, target.model, fetched, target.bytes, reason)


@dataclass(frozen=True, slots=True)
class Device:
    """Who asks. classes: what it is, of which a bundle may want one: its machine, its accelerators."""

    name: str
    classes: tuple[str, ...]


def classes(inference: Inference) -> tuple[str, ...]:
    """Return what a device is that infers so: its machine (aarch64, x86_64) and the types of its accelerators."""
    return (platform.machine(), *sorted({type_of(one) for one in inference.accelerators}))
