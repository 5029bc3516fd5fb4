"""Of what a device consists, as it says itself, retained: written by the daemon, read by the desk that brings models.

Each field has its bounds, so that who reads it holds no more of a device than a page, whatever that device says. A
field that is not known is passed over: a later version may say more.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

LARGEST = 1 << 16
"""Bytes of the message: more than all of it comes to."""
MOST = 64
"""Entries of each of its lists."""
LONGEST = 128
"""Characters of each of its texts."""
Text = Annotated[str, Meta(max_length=LONGEST)]
Texts = Annotated[dict[Text, Text], Meta(max_length=MOST)]


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """What is told. model: which runs; classes: what the device is, for which a bundle may be meant.

    root: SHA-256 of the root of trust with which the device was enrolled, "": with none.
    """

    schema: Literal[1] = 1
    tapetum: Text
    python: Text = ""
    machine: Text = ""
    packages: Texts = msgspec.field(default_factory=dict)
    model: Text = ""
    classes: Annotated[tuple[Text, ...], Meta(max_length=MOST)] = ()
    cameras: Texts = msgspec.field(default_factory=dict)
    root: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""


def parse(payload: bytes) -> Inventory:
    """Return the inventory in a message; raises ValueError, with the reason, when there is none in it."""
    if len(payload) > LARGEST:
        raise ValueError(f"{len(payload)} bytes are no inventory; up to {LARGEST} are taken")
    try:
        return msgspec.json.decode(payload, type=Inventory)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def bounded(texts: dict[str, str]) -> dict[str, str]:
    """Return as much of `texts` as an inventory takes."""
    return {name[:LONGEST]: text[:LONGEST] for name, text in list(texts.items())[:MOST]}


def digest(root: Path) -> str:
    """Return by which a root of trust is known; "" where there is no such file."""
    try:
        return hashlib.sha256(root.read_bytes()).hexdigest()
    except OSError:
        return ""
