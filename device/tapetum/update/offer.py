"""What the fetching of updates and their installing have in common: a verified bundle, and who takes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from tapetum.settings import Settings

EVERYBODY = "*"
"""In `Contract.to`: every device. No device can be called so."""

SIGNED_AT = "x-tapetum-signed-at"
"""The field of `timestamp` that says when it was signed, UTC, as `expires` says until when it holds."""

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Short = Annotated[str, Meta(pattern=r"^[A-Za-z0-9*][A-Za-z0-9_.-]{0,63}\Z")]
Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Input(Settings, frozen=True, kw_only=True):
    """The picture that the model takes."""

    width: Annotated[int, Meta(ge=1, le=4096)]
    height: Annotated[int, Meta(ge=1, le=4096)]
    channels: Annotated[int, Meta(ge=1, le=3)]
    dtype: Annotated[str, Meta(max_length=16)]


class Contract(Settings, frozen=True, kw_only=True):
    """What is signed with a bundle beside its length and hash: the `custom` field of its target (TUF 1.0.33, 4.5).

    push: rises with every push; of the bundles meant for a device it has the one pushed last. since: devices for which
    it was pushed at another time, by name, and that push. epoch: the security epoch: a device that has had one takes
    none of a lower one again.
    """

    push: Number
    epoch: Number = 0
    to: Annotated[tuple[Short, ...], Meta(max_length=100_000)]  # devices, or `*` for every one
    since: Annotated[dict[Short, Number], Meta(max_length=100_000)] = msgspec.field(default_factory=dict)
    classes: Annotated[tuple[Short, ...], Meta(max_length=16)] = ()  # a device is of one of these; (): of any
    requires: Annotated[str, Meta(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}\Z")]  # the least version of Tapetum
    input: Input
    labels: Sha256  # of the labels in their order, as JSON

    def of(self, device: str) -> "Contract | None":
        """Return what of it is about one device, None where the bundle is not for it; classes are not looked at."""
        if device in self.since:
            return msgspec.structs.replace(self, push=self.since[device], to=(device,), since={})
        for name in (device, EVERYBODY):
            if name in self.to:
                return msgspec.structs.replace(self, to=(name,), since={})
        return None


@dataclass(frozen=True, slots=True)
class Offer:
    """A bundle of which every byte is verified: signed, meant for this device, sound, and as its contract says.

    path: the file, `.tapetum`, on the file system of the slots: whoever takes it may rename it; what is left of it is
    removed by the one who offered it. It is flushed to the disk, its folder too.
    """

    name: str
    version: int
    path: Path
    sha256: str
    contract: Contract

    @property
    def model(self) -> str:
        """`name@version`: how its slot is called."""
        return f"{self.name}@{self.version}"


class Installer(Protocol):
    """Who takes what was fetched. Called from one thread, not the daemon's main one."""

    def had(self, model: str, push: int) -> bool:
        """Return whether this push, or a later one, was answered, or its model is active: then all is well."""
        ...

    def needs(self, model: str, sha256: str, push: int) -> bool:
        """Return whether this bundle may be fetched and offered now: asked before a byte of it is.

        No while another one is being installed; then it is asked again now and then. Who asks knows which push was
        answered, but for a power cut between `take` and that: so the same push may be offered again.
        """
        ...

    def downloading(self, model: str) -> None:
        """Have it known that the bundle, of which `needs` said yes, comes now."""
        ...

    def take(self, offer: Offer) -> None:
        """Take over the bundle; return when that stands on the disk: what comes of it is told in `model/state`.

        Raises BundleError when it is refused at once, and is not to be offered again; OSError when it is to be.
        """
        ...
