"""What devices say of themselves, as the broker retains it: nothing that comes from there is trusted.

A payload that is too long or not as it should be is no answer; what is kept of a device has bounds, and no text of it
reaches a terminal but as one line of letters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tapetum import inventory
from tapetum.inventory import Inventory
from tapetum.text import plain
from tapetum.update.offer import Number

KINDS = ("inventory", "state", "model/state", "model/fetch")
"""The topics of a device that are read."""
TOPICS = "tapetum/v1/"
LARGEST = 1 << 14
"""Bytes of a message; of an inventory more."""
MOST = 100_000
"""Devices that are known at a time."""
_LONGEST = 200  # characters of a reason
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_RESERVED = "repository"
Model = Annotated[str, Meta(max_length=128)]
Reason = Annotated[str, Meta(max_length=4096)]


class State(msgspec.Struct, frozen=True):
    """`state` of a device."""

    status: Literal["online", "offline"]


class Standing(msgspec.Struct, frozen=True):
    """`model/state` of a device. push: by which the last installing began; 0: by none."""

    state: Literal[
        "idle", "offered", "downloading", "verified", "sandbox-tested", "shadow", "trial", "committed", "rolled-back",
        "failed",
    ]  # fmt: skip
    active: Model = ""
    previous: Model = ""
    model: Model = ""
    reason: Reason = ""
    push: Number = 0
    pinned: bool = False


class Fetch(msgspec.Struct, frozen=True):
    """`model/fetch` of a device."""

    state: Literal["idle", "current", "waiting", "downloading", "offered", "refused", "failed"]
    push: Number = 0
    model: Model = ""
    reason: Reason = ""


_TYPES: dict[str, Any] = {"state": State, "model/state": Standing, "model/fetch": Fetch}


@dataclass(slots=True)
class Known:
    """What one device has said last; None: nothing, or nothing that could be read."""

    inventory: Inventory | None = None
    state: State | None = None
    standing: Standing | None = None
    fetch: Fetch | None = None

    @property
    def online(self) -> bool:
        """Whether it is there, as far as the broker knows."""
        return self.state is not None and self.state.status == "online"


class Fleet:
    """All that have said anything."""

    def __init__(self) -> None:
        self.devices: dict[str, Known] = {}
        self.refused = 0  # messages that were no answer

    def take(self, topic: str, payload: bytes) -> str:
        """Take in a message; return which device it changed something of, "" where it did not."""
        name, _, kind = topic.removeprefix(TOPICS).partition("/")
        if kind not in KINDS or name == _RESERVED or not _NAME.fullmatch(name):
            return ""
        if name not in self.devices and (not payload or len(self.devices) >= MOST):
            return ""
        try:
            found = self._read(kind, payload) if payload else None
        except ValueError:  # msgspec.DecodeError and UnicodeDecodeError are ones
            self.refused += 1
            return ""
        known = self.devices.setdefault(name, Known())
        field = {"model/state": "standing", "model/fetch": "fetch"}.get(kind, kind)
        if getattr(known, field) == found:
            return ""
        setattr(known, field, found)
        return name

    def of(self, name: str) -> Known:
        """Return what is known of a device."""
        return self.devices.get(name) or Known()

    @staticmethod
    def _read(kind: str, payload: bytes) -> Any:
        if kind == "inventory":
            return msgspec.structs.replace(inventory.parse(payload), packages={}, cameras={})  # of no use here
        if len(payload) > LARGEST:
            raise ValueError(f"{len(payload)} bytes")
        try:
            found = msgspec.json.decode(payload, type=_TYPES[kind])
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if isinstance(found, Standing | Fetch):
            texts = {name: said(text) for name, text in msgspec.structs.asdict(found).items() if isinstance(text, str)}
            found = msgspec.structs.replace(found, **texts)
        return found


def said(text: str) -> str:
    """Return a text of a device's as it may be kept and shown."""
    return plain(text, _LONGEST)


def topics(names: Iterator[str], *kinds: str) -> Iterator[str]:
    """Yield the topics of these devices."""
    return (f"{TOPICS}{name}/{kind}" for name in names for kind in kinds)
