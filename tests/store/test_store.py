"""Slots on disk: whatever cuts a change off, there is one whole active model, or none."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tapetum import durable, lock
from tapetum.errors import BundleError, ConfigError, Unreadable, Unsuitable
from tapetum.install.probation import Pace
from tapetum.record import Install, Record, Refusal, State, Wish
from tapetum.store import Store
from tests.store.killed import CHANGES
from tests.store.making import TRIAL, packed


@pytest.fixture
def slots(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def begun(record: Record, model: str, wish: str = "") -> Record:
    return record.begun(Install(State.VERIFIED, model, wish=wish))


def active(record: Record, model: str, wish: str = "") -> Record:
    return begun(record, model, wish).activated(TRIAL)


def files(slots: Store) -> set[str]:
    return {path.name for path in slots.folder.iterdir()} - {"lock"}


def test_a_bundle_that_is_installed_can_be_opened_by_its_name(slots: Store):
    content = packed(1)
    assert slots.install(content) == "street@1"
    assert slots.slots() == ["street@1"]
    assert slots.path("street@1").read_bytes() == content
    assert slots.open("street@1").manifest.labels == ("person",)
    assert files(slots) == {"street@1.tapetum"}


def test_what_is_no_sound_bundle_is_not_installed(slots: Store):
    content = bytearray(packed(1))
    content[len(content) // 2] ^= 1
    with pytest.raises(BundleError):
        slots.install(bytes(content))
    assert slots.slots() == []


def test_a_slot_never_changes(slots: Store):
    slots.install(packed(1))
    with pytest.raises(Unsuitable, match=r"street@1 is there with another content, .* give it a higher version"):
        slots.install(packed(1, label="dog"))
    assert slots.install(packed(1)) == "street@1"
    assert slots.path("street@1").read_bytes() == packed(1)


@pytest.mark.parametrize("left", [0, 1, 100, -1])
def test_a_slot_that_is_damaged_is_told_apart_and_mended_by_its_bundle(slots: Store, left: int):
    slots.install(packed(1))
    slots.path("street@1").write_bytes(packed(1)[:left])
    with pytest.raises(BundleError):
        slots.open("street@1")
    slots.install(packed(1))
    assert slots.open("street@1").name == "street@1"


def test_a_bundle_in_the_slot_of_another_is_not_opened(slots: Store):
    slots.install(packed(1))
    slots.path("street@1").rename(slots.path("street@2"))
    with pytest.raises(Unreadable, match="the bundle in it is street@1"):
        slots.open("street@2")


def test_two_slots_and_one_that_comes_are_kept_and_no_more(slots: Store):
    slots.install(packed(1))
    slots.keep(Record("street@1"))
    slots.install(packed(2))
    slots.keep(active(slots.record(), "street@2"))
    slots.install(packed(3))
    assert slots.slots() == ["street@1", "street@2", "street@3"]
    slots.install(packed(4))
    assert slots.slots() == ["street@1", "street@2", "street@4"]
    slots.keep(active(slots.record(), "street@4"))
    slots.install(packed(5))
    assert slots.slots() == ["street@2", "street@4", "street@5"]


def test_a_slot_that_is_wanted_is_kept_until_the_wish_is_answered(slots: Store):
    slots.install(packed(1))
    wish = slots.want("street@1")
    slots.install(packed(2))
    assert slots.slots() == ["street@1", "street@2"]
    slots.keep(begun(Record(), "street@1", wish.id).unwilling("it is bad"))
    slots.install(packed(3))
    assert slots.slots() == ["street@3"]


def test_nothing_is_removed_while_nobody_can_tell_what_is_active(slots: Store, caplog):
    slots.install(packed(1))
    (slots.folder / "active.json").write_text('{"active": "street@')
    slots.install(packed(2))
    assert slots.slots() == ["street@1", "street@2"]
    assert slots.record() == Record()
    assert caplog.text.count("active.json counts as not there") == 1  # told once


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0" * 50, b"[]", b'{"active": 3}', b'{"active": "../../etc/passwd"}', b'{"active": "a@1\\n"}',
        b'{"active": "street@1", "refused": {"model": "/"}}', b"\xff\xfe", b"[" * 60_000,
    ],
    ids=lambda content: str(content[:20]),
)  # fmt: skip
def test_a_record_or_a_wish_that_is_damaged_counts_as_not_there_and_is_told(slots: Store, content: bytes, caplog):
    slots.keep(Record("street@1"))
    for name in ("active.json", "wanted.json"):
        (slots.folder / name).write_bytes(content)
    if b"model" not in content:
        assert slots.wish().id == ""
    assert slots.record() == Record()
    assert "counts as not there" in caplog.text
    slots.keep(Record("street@1"))
    assert slots.record() == Record("street@1")


def test_what_is_kept_is_read_again(slots: Store):
    install = Install(State.TRIAL, "a@2", "", "wish", 7, False, "b@1", 1, True, Pace(600.0, 6000, 5999, 12))
    kept = Record("a@2", "a@1", Refusal("a@3", "it is bad"), TRIAL, "two", 7, install)
    slots.keep(kept)
    assert Store(slots.folder).record() == kept
    wish = slots.want("a@1")
    assert (Store(slots.folder).wish(), wish.model) == (wish, "a@1")
    assert slots.want("a@1").id != wish.id
    assert json.loads((slots.folder / "active.json").read_bytes())["active"] == "a@2"


@pytest.mark.parametrize(
    "name", ["..@1", "../a@1", "a/b@1", "a@0", "a@01", "a", "", "A@1", ".a@1", "a@1\n", "a@1/../b", "a" * 65 + "@1"]
)
def test_no_name_leads_out_of_the_folder(slots: Store, name: str):
    slots.install(packed(1))
    with pytest.raises(Unreadable, match="no name of a slot"):
        slots.path(name)
    with pytest.raises(BundleError):
        slots.open(name)


def test_files_that_are_no_slots_are_not_listed(slots: Store):
    slots.install(packed(1))
    for name in ("A@1.tapetum", "notes.tapetum", "street@2.tapetum.part", "street@3"):
        (slots.folder / name).touch()
    (slots.folder / "street@4.tapetum").mkdir()
    assert slots.slots() == ["street@1"]


def test_going_back_and_forth_exchanges_the_two():
    first = active(Record("a@1"), "a@2", "x")
    assert (first.active, first.previous, first.answered) == ("a@2", "a@1", "x")
    assert active(first, "a@1").previous == "a@2"
    assert active(first, "a@2").previous == "a@1"  # once more the same: nothing is forgotten
    refused = begun(first, "a@3", "z").unwilling("it is bad")
    assert (refused.active, refused.previous, refused.refused) == ("a@2", "a@1", Refusal("a@3", "it is bad"))
    assert active(refused, "a@3").refused is None


def test_commands_at_the_same_time_do_not_spoil_each_others_work(slots: Store):
    contents = [packed(version, name) for name in "abcdef" for version in (1, 2)]
    failed: list[Exception] = []

    def install(content: bytes) -> None:
        try:
            Store(slots.folder).install(content)
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=install, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(slots.slots()) == 1  # none is active, so each removed all before it
    assert files(slots) == {f"{slots.slots()[0]}.tapetum"}


# --- power cuts


def test_a_change_that_is_killed_at_any_step_leaves_whole_slots_and_the_active_one(tmp_path: Path):
    command = [sys.executable, "-m", "tests.store.killed", str(tmp_path)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    steps = {name: int(count) for name, count in map(str.split, done.stdout.splitlines())}
    assert steps.keys() == CHANGES.keys()
    assert min(steps.values()) > 15


def replaced(slots: Store, change: Callable[[], object], monkeypatch) -> list[str]:
    """Make the change, and return in which order files were flushed and renamed, and what a flushed file then held."""
    order: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def flushed(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        order.append(f"flush {path.name} {path.stat().st_size if path.is_file() else ''}".strip())
        fsync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        order.append(f"rename {path.name} {target.name}")
        return rename(path, target)

    monkeypatch.setattr(durable.os, "fsync", flushed)
    monkeypatch.setattr(Path, "rename", renamed)
    change()
    monkeypatch.undo()
    return order


@pytest.mark.parametrize("name", ["street@1.tapetum", "active.json", "wanted.json"])
def test_a_file_is_on_the_disk_before_it_has_its_name_and_then_its_name_is(slots: Store, name: str, monkeypatch):
    changes = {
        "street@1.tapetum": lambda: slots.install(packed(1)),
        "active.json": lambda: slots.keep(Record("street@1")),
        "wanted.json": lambda: slots.want("street@1"),
    }
    order = replaced(slots, changes[name], monkeypatch)
    size = (slots.folder / name).stat().st_size
    assert order == [f"flush {name}.part {size}", f"rename {name}.part {name}", "flush models"]


def test_a_half_written_file_of_an_earlier_cut_is_in_nobodys_way(slots: Store):
    slots.folder.mkdir()
    for name in ("street@1.tapetum", "street@7.tapetum", "active.json", "wanted.json"):
        (slots.folder / f"{name}.part").write_bytes(packed(1)[:50])
    slots.install(packed(1))
    slots.keep(Record("street@1"))
    slots.want("street@1")
    assert files(slots) == {"street@1.tapetum", "active.json", "wanted.json"}
    assert (slots.record().active, slots.wish().model) == ("street@1", "street@1")


def test_a_link_that_lies_where_something_is_to_be_written_is_not_followed(slots: Store, tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    slots.folder.mkdir()
    (slots.folder / "street@1.tapetum.part").symlink_to(victim)
    slots.install(packed(1))
    assert victim.read_text() == "mine"
    assert not slots.path("street@1").is_symlink()


def test_without_a_wish_there_is_none(slots: Store):
    assert slots.wish() == Wish()
    assert slots.record() == Record()


# --- the lock of the folder above


def test_whether_a_daemon_runs_is_told_by_its_lock(tmp_path: Path):
    assert not lock.is_held(tmp_path)
    with lock.held(tmp_path):
        assert lock.is_held(tmp_path)
        with pytest.raises(ConfigError, match="in use by another tapetum"):
            lock.held(tmp_path)
    assert not lock.is_held(tmp_path)


def test_who_is_patient_gets_the_lock_when_it_is_let_go(tmp_path: Path):
    first = lock.held(tmp_path)
    threading.Timer(0.2, first.close).start()
    lock.held(tmp_path, patience_s=10).close()
