"""Models on the device: slots, which of them is active, and which is wanted.

A slot is a bundle in a file `NAME@VERSION.tapetum` that never changes. Which one is active stands in `active.json`,
which only the holder of the state_dir's lock writes; which one is wanted in `wanted.json`, which only the command line
writes. Each is replaced whole: written beside, flushed, renamed, and the folder flushed. So a power cut leaves the old
or the new, and a slot is checked in every byte whenever it is read. `docs/design/model-slots.md` says what that is
worth.
"""

import contextlib
import fcntl
import logging
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from tapetum import bundle, durable
from tapetum.bundle import archive
from tapetum.bundle.plain import read
from tapetum.errors import BundleError, Unreadable, Unsuitable
from tapetum.record import SLOT, Record, Wish

FOLDER = "models"
"""Where the slots are, in the state_dir."""

_log = logging.getLogger(__name__)
T = TypeVar("T")
_ENDING = ".tapetum"
_ACTIVE, _WANTED = "active.json", "wanted.json"
_LARGEST = 1 << 16  # bytes of what stands beside the slots: a kilobyte is usual


class Store:
    """The slots in one folder. Whatever is damaged in it is told once in the log, and counts as not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._told: set[str] = set()

    @staticmethod
    def is_name(name: str) -> bool:
        """Return whether a slot can be called `name`."""
        return re.match(SLOT, name) is not None

    def slots(self) -> list[str]:
        """Return the names of all slots, sorted; what is in them is not looked at."""
        names = (path.name.removesuffix(_ENDING) for path in self.folder.glob(f"*{_ENDING}") if path.is_file())
        return sorted(name for name in names if self.is_name(name))

    def path(self, name: str) -> Path:
        """Return the file of a slot; raises Unreadable when none can be called so."""
        if not self.is_name(name):
            raise Unreadable(f"{name!r} is no name of a slot; NAME@VERSION is wanted")
        return self.folder / f"{name}{_ENDING}"

    def open(self, name: str) -> bundle.ModelBundle:
        """Return the bundle in the slot `name`, checked in every byte; raises BundleError when it is not sound."""
        found = bundle.open(self.path(name))
        if found.name != name:
            raise Unreadable(f"the bundle in it is {found.name}")
        return found

    def record(self) -> Record:
        """Return which model is active."""
        return self._read(_ACTIVE, Record()) or Record()

    def keep(self, record: Record) -> None:
        """Have `record` from now on: for the holder of the lock alone. Raises OSError when the disk takes nothing."""
        durable.write(self.folder / _ACTIVE, msgspec.json.encode(record))

    def wish(self) -> Wish:
        """Return which model is wanted; one without an id where none is, or was ever."""
        return self._read(_WANTED, Wish()) or Wish()

    def want(self, model: str, push: int = 0) -> Wish:
        """Wish that `model` be active, in the place of an earlier wish; push: of who pushed it. Raises OSError."""
        return self._wished(lambda earlier: Wish(model, uuid.uuid4().hex, earlier.pinned, push))

    def pin(self, pinned: bool) -> None:
        """Wish that no update be taken, or that they be taken again; raises OSError."""
        self._wished(lambda earlier: replace(earlier, pinned=pinned))

    def _wished(self, change: Callable[[Wish], Wish]) -> Wish:
        with self._alone():
            wish = change(self.wish())
            durable.write(self.folder / _WANTED, msgspec.json.encode(wish))
        return wish

    def install(self, content: bytes, gone: Callable[[str], None] = lambda _: None) -> str:
        """Put the bundle `content` into its slot and return its name; those that nobody needs any more go.

        `gone` hears of each of these.

        Raises BundleError when it is not sound, or another lies there under its name, and OSError.
        """
        name = bundle.open(content).name
        with self._alone():
            if self._holds(name, content):
                durable.flush(self.folder)  # who put it there may not have come so far
                return name
            self._clear(name, gone)
            durable.write(self.path(name), content)
        return name

    def adopt(self, path: Path, name: str) -> None:
        """Make the file at `path` the slot `name`: a sound bundle, flushed to the disk that the slots are on.

        Raises BundleError when another lies there under its name, and OSError.
        """
        with self._alone():
            if not self._holds(name, read(path, archive.LARGEST)):
                path.rename(self.path(name))
            durable.flush(self.folder)

    def tidy(self) -> None:
        """Remove what the last installing has left behind, and what was half written; raises OSError."""
        with self._alone():
            self._clear_parts()
            record, wish = self.record(), self.wish()
            if record.leftover and (wish.model != record.leftover or wish.id == record.answered):
                self.path(record.leftover).unlink(missing_ok=True)

    def sweep(self, gone: Callable[[str], None] = lambda _: None) -> None:
        """Remove what nobody needs any more; raises OSError."""
        with self._alone():
            self._clear("", gone)

    def _holds(self, name: str, content: bytes) -> bool:
        """Return whether the slot has that content; raises Unsuitable when it has another that is sound."""
        try:
            if read(self.path(name), archive.LARGEST) == content:
                return True
            self.open(name)
        except BundleError:
            return False  # nothing is there, or what can only be mended
        raise Unsuitable(f"{name} is there with another content, and a slot never changes: give it a higher version")

    def _clear(self, coming: str, gone: Callable[[str], None]) -> None:
        """Remove the slots that are neither in use, wanted nor coming, and what was left half written.

        Where the record cannot be read, all may be in use.
        """
        self._clear_parts()
        record, wish = self._read(_ACTIVE, Record()), self.wish()
        if record is None:
            return
        wanted = wish.model if wish.id != record.answered else ""
        for name in sorted(set(self.slots()) - record.needed() - {wanted, coming}):
            self.path(name).unlink(missing_ok=True)
            gone(name)

    def _clear_parts(self) -> None:
        for part in self.folder.glob(f"*{_ENDING}{durable.PART}"):
            part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only command that changes the folder, which is made where it is not there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self, name: str, empty: T) -> T | None:
        """Return what stands in a small file, None where nothing can be read from it: then why is told, once."""
        try:
            with (self.folder / name).open("rb") as file:
                return msgspec.json.decode(file.read(_LARGEST), type=type(empty))
        except FileNotFoundError:
            return empty
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if str(error) not in self._told:
                _log.error("models: %s counts as not there: %s", self.folder / name, error)
                self._told.add(str(error))
            return None
