"""All that installings write, in their order, and what must be on the disk whenever the power is cut.

A good model is pushed, brought, tried and stays; a bad one after it is rolled back, one more is refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tapetum import durable
from tapetum.errors import TapetumError
from tapetum.record import Install, Record, State
from tapetum.store import Store
from tests.store.making import TRIAL, packed

COMING = "coming/bundle.tapetum"
PADDING = 64 << 10
"""Bytes by which each bundle is larger than it need be, so that it has many pages."""


def bundle(name: str, version: int) -> bytes:
    return packed(version, name, card=f"# {name}\n" * (PADDING // 8))


def begin(folder: Path) -> None:
    """Have a model active and one before it, on the disk."""
    store = Store(folder / "models")
    for version in (1, 2):
        store.install(bundle("old", version))
        store.keep(Record(f"old@{version}"))
    store.keep(Record("old@2", "old@1", push=1))
    (folder / "coming").mkdir()
    durable.flush(folder)


def steps(folder: Path) -> Iterator[Record]:
    """Make one change after another; yield the record that is on the disk from then on."""
    store = Store(folder / "models")
    for push, (model, end) in enumerate({"good@2": "stays", "bad@3": "is rolled back", "worse@4": "fails"}.items(), 2):
        yield from _installed(store, folder / COMING, Install(State.OFFERED, model, push=push), end)


def _installed(store: Store, coming: Path, install: Install, end: str) -> Iterator[Record]:
    """Take one model through its states as `intake` and `installing` do."""
    kept = store.record()

    def keep(change: Callable[[Record], Record]) -> Record:
        nonlocal kept
        kept = change(kept)
        store.keep(kept)
        return kept

    yield keep(lambda record: replace(record, install=install))
    store.sweep()
    name, version = install.model.split("@")
    durable.write(coming, bundle(name, int(version)))
    yield keep(lambda record: record.come_to(State.DOWNLOADING))
    store.adopt(coming, install.model)
    yield keep(lambda record: record.begun(replace(install, state=State.VERIFIED)))
    if end == "fails":
        yield keep(lambda record: record.unwilling("it is bad"))
    else:
        for state in (State.TESTED, State.SHADOW):
            yield keep(lambda record, state=state: record.come_to(state))  # type: ignore[misc]
        yield keep(lambda record: record.activated(TRIAL, State.TRIAL))
        yield keep(lambda record: record.rolled_back("bad") if end != "stays" else record.come_to(State.COMMITTED))
    store.tidy()


def fault(folder: Path, done: list[Record], coming: Record | None) -> str:
    """Return what is wrong with what a power cut left, "" where nothing is.

    done: the records that were kept before it, in their order; coming: the one that was being kept.
    """
    store = Store(folder / "models")
    record = store.record()
    if record not in [done[-1], coming]:
        lost = f"step {done.index(record)} of {len(done)}" if record in done else "nothing that was ever kept"
        return f"the record is {lost}"
    for name in {record.active, record.previous} - {""}:
        try:
            store.open(name)
        except TapetumError as error:
            return f"{name} is not whole: {error}"
    if record.install.state in (State.VERIFIED, State.TESTED, State.SHADOW):
        try:
            store.open(record.install.model)
        except TapetumError as error:
            return f"{record.install.model} is verified, and not whole: {error}"
    return ""


# --- what would be wrong


def renamed_unflushed(path: Path, content: bytes) -> None:
    """Replace a file without a flush: its name may be on the disk before what is in it."""
    part = path.with_name(path.name + durable.PART)
    part.write_bytes(content)
    part.rename(path)


def written_in_place(path: Path, content: bytes) -> None:
    """Write over the file that is there."""
    path.write_bytes(content)


def folder_unflushed(path: Path, content: bytes) -> None:
    """Replace a file and leave its name to chance: the old one may be there again after it was said to be gone."""
    part = path.with_name(path.name + durable.PART)
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        durable.os.fsync(file.fileno())
    part.rename(path)


BROKEN: dict[str, Callable[[Path, bytes], None]] = {
    "a rename without a flush": renamed_unflushed,
    "written in place": written_in_place,
    "a folder that is not flushed": folder_unflushed,
}
