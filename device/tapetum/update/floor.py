"""What a device has seen, below which it does not go again: kept outside the cache of metadata, which may be lost.

A mark holds for the keys that made it. So a key that was stolen and used to push a version, or a time, as far up as it
goes blocks a device until root gives the role another key, and no longer (TUF 1.0.33, 5.3.11: fast-forward).
"""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from tapetum import durable
from tapetum.errors import UpdateError
from tapetum.settings import Settings
from tapetum.update.offer import Number

FILE = "floor.json"
_LARGEST = 1 << 16
_FARTHEST_S = 1 << 33  # Unix time: the year 2242
Version = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
Seconds = Annotated[int, Meta(ge=0, le=_FARTHEST_S)]


class Mark(Settings, frozen=True):
    """How far a role has come, and the ids of the keys that signed it."""

    version: Version = 0
    keys: tuple[str, ...] = ()

    def of(self, keys: tuple[str, ...]) -> int:
        """Return the version below which the role must not be with these keys."""
        return self.version if keys == self.keys else 0


class Floor(Settings, frozen=True):
    """The least that counts. seen_s: Unix time that it has been; epoch, push: of the bundles that were taken.

    seen_s belongs to the keys of timestamp, epoch and push to those of targets; answered, the push and the bundle that
    was answered last, to nobody: other keys are no reason to install again what is there.
    """

    root: Version = 1
    timestamp: Mark = Mark()
    snapshot: Mark = Mark()
    targets: Mark = Mark()
    seen_s: Seconds = 0
    epoch: Number = 0
    push: Number = 0
    answered: tuple[Number, str] = (0, "")

    def has(self, push: int, sha256: str) -> bool:
        """Return whether that push was answered already."""
        return push <= self.push or (push, sha256) == self.answered

    def taken(self, push: int, sha256: str, epoch: int = 0) -> "Floor":
        """Return it once that push was answered, and a bundle of that epoch taken with it."""
        return msgspec.structs.replace(
            self, push=max(self.push, push), epoch=max(self.epoch, epoch), answered=(push, sha256)
        )


def read(folder: Path) -> Floor:
    """Return the floor in `folder`; raises UpdateError when there is none: without it nothing may be taken."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_LARGEST), type=Floor)
    except OSError as error:
        why = error.strerror or str(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = str(error)
    raise UpdateError(f"{path}: {why}; what was seen before is not known: enrol the device again")


def write(folder: Path, floor: Floor) -> None:
    """Have `floor` on the disk; raises OSError."""
    durable.write(folder / FILE, msgspec.json.encode(floor))
