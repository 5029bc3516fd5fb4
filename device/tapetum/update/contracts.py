"""What is signed with a bundle says the same as the bundle itself: made by the desk and held to by the device."""

import hashlib
import re

import msgspec

from tapetum import __version__
from tapetum.bundle.manifest import Manifest
from tapetum.errors import Unsuitable
from tapetum.update.offer import Contract, Input


def of(manifest: Manifest, push: int, to: tuple[str, ...], epoch: int = 0, classes: tuple[str, ...] = ()) -> Contract:
    """Return the contract of the bundle with that manifest."""
    taken = manifest.input
    labels = hashlib.sha256(msgspec.json.encode(manifest.labels)).hexdigest()
    return Contract(
        push=push,
        epoch=epoch,
        to=to,
        classes=classes,
        requires=manifest.requires,
        input=Input(width=taken.width, height=taken.height, channels=taken.channels, dtype=taken.dtype),
        labels=labels,
    )


def check(manifest: Manifest, contract: Contract) -> None:
    """Raise Unsuitable where the bundle with that manifest is not as the contract says."""
    own = of(manifest, contract.push, contract.to, contract.epoch, contract.classes)
    for field in ("input", "labels", "requires"):
        if getattr(own, field) != getattr(contract, field):
            raise Unsuitable(f"its {field} is not what is signed: push it again")


def check_version(contract: Contract) -> None:
    """Raise Unsuitable where the bundle asks for a later Tapetum: before a byte of it is fetched."""
    if numbers(contract.requires) > numbers(__version__):
        raise Unsuitable(f"it asks for Tapetum {contract.requires}, and this is {__version__}: update it")


def numbers(version: str) -> list[int]:
    """Return a version as what it is compared by."""
    return [int(number) for number in re.findall("[0-9]+", version)[:3]]
