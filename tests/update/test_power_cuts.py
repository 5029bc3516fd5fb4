"""Whenever the power is cut while updates come, what was seen stays seen, and half a bundle is gone on with or goes.

The floor never sinks, nor the time that has been; no bundle that is not whole has its name, or is installed; and the
device goes on by itself to the newest, without help and with its clock in 1970.
"""

import random
import shutil
import subprocess
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tapetum import durable
from tapetum.update import staging
from tapetum.update.floor import Floor
from tests.install.shim import Recorder
from tests.install.steps import BROKEN
from tests.install.test_power_cuts import SIZE, disk
from tests.simulators import block_device
from tests.update.cuts import STAGED_BADLY, Mark, Story, Unit, begin, fault, live, lose_cache, published

__all__ = ["disk"]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return published(tmp_path_factory.mktemp("desk") / "desk")


def recorded(folder: Path, story: Story) -> tuple[Recorder, list[Mark]]:
    """Do all steps; return what was recorded of them."""
    begin(folder / "device", folder / "cache")
    recorder = Recorder(folder / "device")
    unit = Unit(folder / "device", lambda: recorder.count)
    with recorder.recording():
        live(unit, story)
    recorder.check_complete()
    return recorder, unit.marks


def faults(folder: Path, story: Story, cuts: int) -> list[str]:
    """Cut the power so often, at any operation or just when something was told; return what was wrong."""
    recorder, marks = recorded(folder, story)
    chance, found = random.Random(cuts), []
    for number in range(cuts):
        left = folder / f"cut{number}"
        cut = chance.choice((chance.randrange(recorder.count + 1), chance.choice(marks)[0]))
        recorder.after(cut, number, left)
        lose_cache(left, chance.choice((folder / "cache", None)))
        wrong = fault(left, story, marks, cut)
        found += [f"cut {number} before operation {cut} of {recorder.count}: {wrong}"] * bool(wrong)
        shutil.rmtree(left)
    return found


def test_what_is_seen_only_rises(tmp_path: Path, story: Story):
    floors = [one for _, one in recorded(tmp_path, story)[1] if isinstance(one, Floor)]
    assert len(floors) > 5
    for before, after in pairwise(floors):
        assert (after.root, after.seen_s) >= (before.root, before.seen_s)
        assert after.push >= before.push or after.targets.keys != before.targets.keys


def test_a_power_cut_at_any_file_operation_leaves_what_was_seen_and_no_half_of_a_bundle(tmp_path: Path, story: Story):
    assert faults(tmp_path, story, 60) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_thousands_of_power_cuts_leave_what_was_seen(tmp_path: Path, story: Story):
    assert faults(tmp_path, story, 5000) == []


def do_badly(monkeypatch: pytest.MonkeyPatch, device: Path, how: str) -> None:
    """Have floors and records, or bundles that come, written in a wrong way, but for what the device begins with."""
    badly: Mapping[str, Any] = STAGED_BADLY.get(how, {})
    for name, other in badly.items():
        monkeypatch.setattr(staging, name, other)
    well = durable.write

    def write(path: Path, content: bytes, private: bool = False) -> None:
        (BROKEN[how] if (device / "update").exists() else well)(path, content)

    if how in BROKEN:
        monkeypatch.setattr(durable, "write", write)


@pytest.mark.parametrize("how", [*BROKEN, *STAGED_BADLY])
def test_the_cuts_find_what_is_written_in_a_wrong_way(
    tmp_path: Path, story: Story, monkeypatch: pytest.MonkeyPatch, how: str
):
    do_badly(monkeypatch, tmp_path / "device", how)
    found = faults(tmp_path, story, 60)
    print(f"{how}: {len(found)} of 60 cuts, the first: {found[:1]}")
    assert len(found) > 1


# --- on a real file system


def block_faults(folder: Path, story: Story, cuts: int) -> list[str]:
    """Do all steps on an ext4, cut the power so often, at any write to its disk; return what was wrong."""
    with block_device.mounted(folder, SIZE) as mounted:
        begin(mounted.folder / "device", folder / "cache")
        subprocess.run(["sync", "--file-system", str(mounted.folder)], check=True)
        begun = mounted.mark()
        unit = Unit(mounted.folder / "device", mounted.mark)
        live(unit, story)
        end = mounted.mark()
    chance, found = random.Random(cuts), []
    for name, place in block_device.each_cut(folder, SIZE, (begun, end), cuts):
        lose_cache(folder / "mounted/device", chance.choice((folder / "cache", None)))
        wrong = fault(folder / "mounted/device", story, unit.marks, place)
        found += [f"{name}: {wrong}"] * bool(wrong)
    return found


def test_a_power_cut_at_any_write_to_a_disk_leaves_what_was_seen(tmp_path: Path, disk: None, story: Story):
    assert block_faults(tmp_path, story, 15) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_thousand_power_cuts_at_writes_to_a_disk_leave_what_was_seen(tmp_path: Path, disk: None, story: Story):
    assert block_faults(tmp_path, story, 1000) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("how", [name for name in (*BROKEN, *STAGED_BADLY) if "folder of what comes" not in name])
def test_cuts_at_writes_to_a_disk_find_what_is_written_in_a_wrong_way(
    tmp_path: Path, disk: None, story: Story, monkeypatch: pytest.MonkeyPatch, how: str
):
    do_badly(monkeypatch, tmp_path / "mounted/device", how)
    found = block_faults(tmp_path, story, 200)
    print(f"{how}: {len(found)} of 200 cuts, the first: {found[:1]}")
    assert found
