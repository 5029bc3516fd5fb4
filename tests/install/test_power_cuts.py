"""Whenever the power is cut while models are installed, there is a whole, verified one, and no step told is lost.

The same harness finds what would be wrong: a file that is renamed before it is flushed, or written in place.
"""

import random
import subprocess
from pathlib import Path

import pytest

from tapetum import durable
from tapetum.record import Record
from tapetum.store import Store
from tests.install.shim import Recorder
from tests.install.steps import BROKEN, begin, fault, steps
from tests.simulators import block_device

Marks = list[tuple[int, Record]]
"""The operation, or the place in a log, behind which a record must be on the disk."""


def around(marks: Marks, cut: int) -> tuple[list[Record], Record | None]:
    """Return the records that are kept before `cut`, and the one that is being kept."""
    done = [record for mark, record in marks if mark <= cut]
    return done, next((record for mark, record in marks if mark > cut), None)


def recorded(folder: Path) -> tuple[Recorder, Marks]:
    """Do all steps; return what was recorded of them."""
    begin(folder)
    recorder = Recorder(folder)
    marks = [(0, Store(folder / "models").record())]
    with recorder.recording():
        marks += [(recorder.count, record) for record in steps(folder)]
    recorder.check_complete()
    return recorder, marks


def faults(folder: Path, cuts: int) -> list[str]:
    """Cut the power so often, at any operation; return what was wrong."""
    (folder / "device").mkdir()
    recorder, marks = recorded(folder / "device")
    chance, found = random.Random(cuts), []
    for number in range(cuts):
        left = folder / f"cut{number}"
        cut = chance.randrange(recorder.count + 1)
        recorder.after(cut, number, left)
        wrong = fault(left, *around(marks, cut))
        found += [f"cut {number} before operation {cut}: {wrong}"] * bool(wrong)
    return found


def test_a_power_cut_at_any_file_operation_leaves_whole_models_and_all_that_was_told(tmp_path: Path):
    assert faults(tmp_path, 300) == []


@pytest.mark.long
def test_thousands_of_power_cuts_leave_whole_models(tmp_path: Path):
    assert faults(tmp_path, 5000) == []


def write_badly(monkeypatch: pytest.MonkeyPatch, device: Path, how: str) -> None:
    """Have files written in a wrong way, but for what the device begins with."""
    well = durable.write

    def write(path: Path, content: bytes) -> None:
        (BROKEN[how] if (device / "coming").exists() else well)(path, content)

    monkeypatch.setattr(durable, "write", write)


@pytest.mark.parametrize("how", BROKEN)
def test_the_cuts_find_files_that_are_written_in_a_wrong_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str):
    write_badly(monkeypatch, tmp_path / "device", how)
    found = faults(tmp_path, 300)
    print(f"{how}: {len(found)} of 300 cuts, the first: {found[0]}")
    assert len(found) > 10


# --- on a real file system


SIZE = 24 << 20


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where there can be no disk that remembers."""
    pytest.importorskip("mfusepy", reason="mfusepy is not installed")
    reason = block_device.missing() or block_device.forbidden(tmp_path_factory.mktemp("disk"))
    if reason:
        pytest.skip(f"no disk that remembers can be had: {reason}")


def block_faults(folder: Path, cuts: int) -> list[str]:
    """Do all steps on an ext4, cut the power so often, at any write to its disk; return what was wrong."""
    with block_device.mounted(folder, SIZE) as mounted:
        begin(mounted.folder / "device")
        subprocess.run(["sync", "--file-system", str(mounted.folder)], check=True)
        begun = mounted.mark()
        marks = [(begun, Store(mounted.folder / "device/models").record())]
        marks += [(mounted.mark(), record) for record in steps(mounted.folder / "device")]
        end = mounted.mark()
    found = []
    for name, place in block_device.each_cut(folder, SIZE, (begun, end), cuts):
        wrong = fault(folder / "mounted/device", *around(marks, place))
        found += [f"{name}: {wrong}"] * bool(wrong)
    return found


def test_a_power_cut_at_any_write_to_a_disk_leaves_whole_models_and_all_that_was_told(tmp_path: Path, disk: None):
    assert block_faults(tmp_path, 25) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_thousand_power_cuts_at_writes_to_a_disk_leave_whole_models(tmp_path: Path, disk: None):
    assert block_faults(tmp_path, 1000) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("how", BROKEN)
def test_cuts_at_writes_to_a_disk_find_files_that_are_written_in_a_wrong_way(
    tmp_path: Path, disk: None, monkeypatch: pytest.MonkeyPatch, how: str
):
    write_badly(monkeypatch, tmp_path / "mounted/device", how)
    found = block_faults(tmp_path, 300)
    print(f"{how}: {len(found)} of 300 cuts, the first: {found[:1]}")
    assert found
