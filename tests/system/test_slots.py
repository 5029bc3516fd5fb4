"""`tapetum models install`, `list`, `activate` and `rollback` where no daemon runs."""

import dataclasses
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tapetum import lock
from tapetum.inference.contract import ModelSpec
from tapetum.record import Record
from tests.simulators.bundles import packed, with_box_moved
from tests.simulators.daemon import Daemon, until
from tests.system.conftest import camera
from tests.system.test_commands import TAPETUM
from tests.system.test_models import Device

pytestmark = pytest.mark.system
NOBODY = 65534


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """A device that was never started."""
    return Device(tmp_path, Daemon(tmp_path, camera()))


def test_a_bundle_is_installed_listed_tried_and_made_active(device: Device, old: ModelSpec, new: ModelSpec):
    empty = device.models("list")
    assert (empty.returncode, empty.stdout) == (0, "none is active; inference.model is used: none, motion alone\n")
    done = device.models("install", device.file(old))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ssd@1\n", "")
    done = device.models("activate", "ssd@1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ssd@1 is active: tried on cpu, 2 probes answered, ")
    assert done.stdout.endswith(" ms each; no daemon runs; it is used at the next start\n")
    assert device.models("install", device.file(new), "--activate").returncode == 0
    shown = device.models("list").stdout
    assert shown.splitlines() == ["ssd@1  4.7 MB  previous", "yolo@1  4.3 MB  active", "yolo@1 is on trial"]
    told = json.loads(device.models("list", "--json").stdout)
    size = len(packed(old))
    assert (told["active"], told["previous"]) == ("yolo@1", "ssd@1")
    assert told["slots"][0] == {"model": "ssd@1", "bytes": size, "problem": ""}
    device.store.want("yolo@1")  # by somebody before us, and nobody answered
    assert device.models("rollback").stdout.startswith("ssd@1 is active: ")
    with device.daemon as daemon:
        assert daemon.until(lambda status: status["inference"])["model"] == "ssd@1"
        daemon.until_watching()
        time.sleep(1)  # no wish is open
        assert daemon.log.count("ssd@1") == 1
        assert "yolo@1" not in daemon.log


def test_a_slot_that_goes_for_another_is_told(device: Device, old: ModelSpec, new: ModelSpec):
    assert device.models("install", device.file(old)).stderr == ""
    done = device.models("install", device.file(new))
    removed = "tapetum: ssd@1 is removed: it was neither active nor the one before\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "yolo@1\n", removed)
    assert device.store.slots() == ["yolo@1"]


def test_a_model_that_fails_its_probes_is_not_made_active(device: Device, old: ModelSpec, new: ModelSpec):
    device.has(old)
    before = device.store.record()
    done = device.models("install", device.file(with_box_moved(new)), "--activate")
    assert (done.returncode, done.stdout) == (1, "yolo@1\n")
    assert done.stderr.startswith("tapetum: probe 1 of 2 on cpu: person of 0.92 is expected, and not found: ")
    assert device.store.record() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["activate", "ssd@9"], "ssd@9: there is no such slot; there are: ssd@1"),
        (["activate", "../ssd@1"], "../ssd@1: there is no such slot; there are: ssd@1"),
        (
            ["install", "nowhere.tapetum"],
            "nowhere.tapetum: there is no such file; a .tflite, a bundle (.tapetum) or `shipped` is wanted",
        ),
        (["rollback"], "there is nothing to go back to: no slot was ever active"),
    ],
)
def test_what_cannot_be_done_is_told(device: Device, old: ModelSpec, arguments: list[str], told: str):
    device.store.install(packed(old))
    done = device.models(*arguments)
    assert (done.returncode, done.stderr) == (78, f"tapetum: {told}\n")


def test_what_is_no_bundle_or_another_one_of_that_name_is_not_installed(device: Device, old: ModelSpec, data: Path):
    plain = data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite"
    done = device.models("install", plain)
    assert done.returncode == 78
    assert done.stderr == f"tapetum: {plain}: it is no bundle; a plain .tflite is named by inference.model\n"
    device.store.install(packed(old))
    other = device.file(dataclasses.replace(old, min_score={"person": 0.9}))
    done = device.models("install", other)
    assert done.returncode == 78
    assert f"{other}: ssd@1 is there with another content, and a slot never changes" in done.stderr
    damaged = device.folder / "damaged.tapetum"
    damaged.write_bytes(packed(old)[:-100])
    assert device.models("install", damaged).returncode == 78
    assert device.store.slots() == ["ssd@1"]


def test_a_damaged_slot_is_listed_as_such_and_not_made_active(device: Device, old: ModelSpec):
    device.store.install(packed(old))
    device.store.path("ssd@1").write_bytes(packed(old)[:50_000])
    assert "ssd@1  0.1 MB  damaged: " in device.models("list").stdout
    done = device.models("activate", "ssd@1")
    assert done.returncode == 1
    assert device.store.record() == Record()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_as_root_a_command_writes_as_the_one_whose_folder_it_is(device: Device, old: ModelSpec):
    file = device.file(old)
    file.chmod(0o600)  # root alone can read it, and the folder that it is in
    with tempfile.TemporaryDirectory() as folder:
        state = device.daemon.state = Path(folder)
        state.chmod(0o755)
        os.chown(state, NOBODY, NOBODY)
        device.daemon.write(camera())
        done = device.models("install", file)
        assert (done.returncode, done.stdout) == (0, "ssd@1\n"), done.stderr
        written = [state / "models", *(state / "models").iterdir()]
        assert {path.stat().st_uid for path in written} == {NOBODY}
        assert state / "models/ssd@1.tapetum" in written


def test_a_folder_that_cannot_be_written_is_told(device: Device, old: ModelSpec):
    device.daemon.state.write_text("no folder")
    done = device.models("install", device.file(old))
    assert done.returncode == 78
    assert done.stderr.startswith(f"tapetum: state_dir: {device.daemon.state}/models: ")


def test_a_command_that_waits_is_told_when_the_daemon_ends(device: Device, old: ModelSpec):
    device.store.install(packed(old))
    held = lock.held(device.daemon.state)  # by a daemon that answers nothing
    command = [*TAPETUM, "models", "activate", "ssd@1", "--config", str(device.daemon.config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        until(lambda: device.store.wish().id)
        held.close()
        assert process.wait(20) == 1
        assert process.stderr is not None
        assert b"ssd@1 is not active: the daemon ended before it was tried" in process.stderr.read()
