"""All that updates write, in their order, and what must be on the disk whenever the power is cut.

A device is enrolled; a bundle comes, is cut off on its way, is gone on with and handed over; root gives a role another
key; time passes; another bundle comes, of a higher epoch. python-tuf's cache, which nobody relies on, lies elsewhere,
and after a cut it is lost, or the newest that there was.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from tuf.api.exceptions import DownloadError, DownloadHTTPError

from tapetum.errors import UpdateError
from tapetum.intake import Intake
from tapetum.ledger import Ledger
from tapetum.record import Record, State
from tapetum.store import Store
from tapetum.update import child, enrolment, floor, staging
from tapetum.update.fetchers import Fetcher
from tapetum.update.floor import Floor
from tapetum.update.look import Look
from tapetum.update.messages import Found, Setup
from tapetum.update.offer import Offer
from tapetum.update.repository import CHUNK
from tapetum.update.settings import Updates
from tapetum.update.state import Device
from tapetum.update.state import State as Told
from tapetum.update.trust import Client
from tests.install.steps import bundle
from tests.install.steps import fault as fault_of_models
from tests.update.making import DAY_S, NOW_S, Desk, packed

END_S = NOW_S + 20 * DAY_S
LAST = "street@2"
Mark = tuple[int, Floor | Record | str]
"""The operation, or the place in a log, behind which a floor, a record or a bundle (its sha256) must be on the disk."""


class Files(Fetcher):
    """The published files; `cut_after`: chunks of a bundle, then the connection is lost."""

    def __init__(self, files: Mapping[str, bytes], cut_after: int = 1 << 20) -> None:
        self._files, self._cut_after = files, cut_after

    def chunks(self, name: str, start: int) -> Iterator[bytes]:
        if name not in self._files:
            raise DownloadHTTPError(name, 404)
        content = self._files[name]
        for number in range(start, -(-len(content) // CHUNK)):
            if name.startswith("targets/") and number == self._cut_after:
                raise DownloadError("the connection is lost")
            yield content[number * CHUNK : (number + 1) * CHUNK]


class Here:
    """What the process that fetches does, in this one: so that what it writes can be recorded."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to end."""

    def look(self, setup: Setup, root: bytes) -> Found:
        self._client = Client(setup, root, self._files)
        self._found = self._client.found()
        return self._found

    def fetch(self, path: Path, told: Callable[[int], None]) -> None:
        assert self._found.target
        child._fetch(self._client, self._found.target, self._files, path)


class Looking(Look):
    """A look whose files come from memory."""

    files: Files

    def _started(self, files: Any) -> Any:
        return Here(self.files)


class Installing(Intake):
    """Who takes bundles, and tells when one is there, before it takes it."""

    def __init__(self, ledger: Ledger, staged: Callable[[str], None]) -> None:
        super().__init__(ledger, lambda: None)
        self._staged = staged

    def take(self, offer: Offer) -> None:
        self._staged(offer.sha256)
        super().take(offer)


@dataclass
class Unit:
    """A device; `mark` says where in its operations it is."""

    folder: Path
    mark: Callable[[], int] = lambda: 0
    marks: list[Mark] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Store(self.folder / "models")
        self.ledger = Ledger(self.store)
        installer = Installing(self.ledger, lambda sha256: self.marks.append((self.mark(), sha256)))
        self.looking = Looking(self.folder / "update", Updates(), Device("gate", ()), installer)

    def look(self, files: Mapping[str, bytes], now_s: int, cut_after: int = 1 << 20) -> Told:
        """Look once, and have what is taken active."""
        self.looking.files = Files(files, cut_after)
        found = self.looking.look(None, now_s, lambda _: None)  # type: ignore[arg-type]
        if self.ledger.record.install.state is State.VERIFIED:
            self.ledger.demand(lambda record: record.activated(None))
        return found

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Have each floor and each record that is written marked."""
        write, keep = floor.write, Store.keep

        def written(folder: Path, one: Floor) -> None:
            write(folder, one)
            self.marks.append((self.mark(), one))

        def kept(store: Store, record: Record) -> None:
            keep(store, record)
            self.marks.append((self.mark(), record))

        with mock.patch.object(floor, "write", written), mock.patch.object(Store, "keep", kept):
            yield


@dataclass
class Story:
    """What is published, one after the other."""

    desk: Desk
    shown: list[dict[str, bytes]]

    @property
    def last(self) -> dict[str, bytes]:
        return self.shown[-1]


def published(folder: Path) -> Story:
    """Return what a desk publishes over three weeks."""
    desk = Desk(folder)
    shown = []
    desk.push(packed(1))
    shown.append(desk.files())
    desk.rotate("timestamp", "targets")
    shown.append(desk.files())
    desk.later(days=20)
    desk.push(packed(2), epoch=1)
    shown.append(desk.files())
    return Story(desk, shown)


def begin(folder: Path, cache: Path) -> None:
    """Have a model active, on the disk, and the cache elsewhere."""
    store = Store(folder / "models")
    store.install(bundle("old", 1))
    store.keep(Record("old@1"))
    (folder / "update/coming").mkdir(parents=True)
    cache.mkdir()
    (folder / "update/metadata").symlink_to(cache)


def live(unit: Unit, story: Story) -> None:
    """Do all that there is to do."""
    with unit.telling():
        enrol(unit.folder / "update", story.desk.enrolled)
        told = [unit.look(story.shown[0], NOW_S, cut_after=2).state, unit.look(story.shown[0], NOW_S).state]
        told += [unit.look(story.shown[1], NOW_S + DAY_S).state, unit.look(story.last, END_S).state]
    assert told == ["failed", "offered", "current", "offered"]


def enrol(folder: Path, root: bytes) -> None:
    enrolment.trust(folder, 1, root)


def fault(folder: Path, story: Story, marks: list[Mark], cut: int) -> str:
    """Return what is wrong with what a power cut left, "" where nothing is."""
    found = _floor_fault(folder / "update", story, *_around(marks, cut, Floor))
    done, coming = _around(marks, cut, Record)
    found = found or fault_of_models(folder, done or [Record("old@1")], coming)
    found = found or _staging_fault(folder, marks, cut)
    return found or (_later_fault(folder, story) if (folder / "update/root.json").exists() else "")


def _around(marks: list[Mark], cut: int, kind: type[Any]) -> tuple[list[Any], Any]:
    """Return what of that kind is kept before `cut`, and what is being kept."""
    own = [(mark, one) for mark, one in marks if isinstance(one, kind)]
    return [one for mark, one in own if mark <= cut], next((one for mark, one in own if mark > cut), None)


def _floor_fault(folder: Path, story: Story, done: list[Floor], coming: Floor | None) -> str:
    root = folder / "root.json"
    if not root.exists():
        return "it is enrolled no more" if len(done) > 1 else ""
    if root.read_bytes() != story.desk.enrolled:
        return "its root is not whole"
    try:
        found = floor.read(folder)
    except UpdateError as error:
        return str(error)
    return "" if found in [*done[-1:], coming] else f"the floor is {done.index(found) if found in done else found}"


def _staging_fault(folder: Path, marks: list[Mark], cut: int) -> str:
    """Return what is wrong with the bundles that come: one that has its name is whole, one that was told is there."""
    coming = folder / "update/coming"
    for path in coming.glob("*.tapetum"):
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
            return f"{path.name} is not whole"
    before = [one for mark, one in marks if mark <= cut]
    if before and isinstance(before[-1], str):
        slots = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "models").glob("*.tapetum")]
        if before[-1] not in slots and not (coming / f"{before[-1]}.tapetum").exists():
            return "the bundle that was fetched is gone"
    return ""


def _later_fault(folder: Path, story: Story) -> str:
    """Let the device go on, with its clock in 1970; return what comes of it that should not."""
    before = floor.read(folder / "update")
    unit = Unit(folder)
    if unit.ledger.record.install.state is State.VERIFIED:
        unit.ledger.demand(lambda record: record.activated(None))
    told = unit.look(story.last, 0)
    if told.state not in ("offered", "current"):
        return f"it goes on to {told}"
    if unit.store.open(LAST).name != unit.ledger.record.active:
        return f"{unit.ledger.record.active} is active"
    if left := [path.name for path in (folder / "update/coming").iterdir() if told.state == "offered"]:
        return f"{left} is left over"
    after = floor.read(folder / "update")
    if after.seen_s < max(before.seen_s, END_S) or after.push < before.push or after.root < before.root:
        return f"the floor sinks from {before} to {after}"
    return ""


def lose_cache(folder: Path, cache: Path | None) -> None:
    """Have the cache of a device as a power cut may leave it: lost, or newer than all else."""
    own = folder / "update/metadata"
    own.parent.mkdir(parents=True, exist_ok=True)
    (own.parent / "coming").mkdir(exist_ok=True)
    if own.is_symlink():
        own.unlink()
    if cache:
        shutil.copytree(cache, own, symlinks=True)


# --- what would be wrong with the staging


class _UnflushedOs:
    """`os`, as it is then, but for its fsync."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, _: int) -> None:
        """Do nothing."""


STAGED_BADLY: dict[str, dict[str, Any]] = {
    "a bundle renamed without a flush": {"os": _UnflushedOs()},
    "a bundle staged in place": {"durable": SimpleNamespace(PART="", flush=staging.durable.flush)},
    "a folder of what comes that is not flushed": {
        "durable": SimpleNamespace(PART=staging.durable.PART, flush=lambda _: None)
    },
}
