"""What the doctor sees of the machine: devices, disk, clock, service, watchdog."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tapetum.doctor import machine as machines
from tapetum.doctor.finding import Machine
from tests.doctor.making import outcome, pi, written

UNIT = Path(__file__).parents[2] / "firmware-config/systemd/tapetum.service"


def test_a_camera_s_device_must_be_there_and_open_to_us(root: Path) -> None:
    node, file = root / "dev/video0", root / "tapetum.toml"
    finding = machines.device(Machine(root), "/dev/video0", file)
    assert (finding.state, "plug it in" in finding.what) == ("missing", True)
    assert finding.mend.endswith("v4l2-ctl --list-devices")
    written(root / "dev/video2")
    finding = machines.device(Machine(root), "/dev/video0", file)
    assert finding.what.endswith("; there are /dev/video2")
    assert outcome(finding) == ("missing", f"editor {file}")
    written(node)
    assert outcome(machines.device(Machine(root), "/dev/video0")) == ("ok", "")
    asked: list[tuple[Path, int]] = []
    closed = Machine(root, access=lambda path, mode: bool(asked.append((path, mode))))
    finding = machines.device(closed, "/dev/video0")
    assert asked == [(node, os.R_OK | os.W_OK)]
    assert finding.state == "missing"
    assert re.fullmatch(r"sudo usermod -aG \S+ \S+", finding.mend)


def test_without_a_configuration_any_camera_will_do(root: Path) -> None:
    first_run = f"{sys.executable} -m tapetum run --first-run"
    assert outcome(machines.any_camera(Machine(root))) == ("warning", first_run)
    assert outcome(machines.any_camera(pi(root))) == ("warning", "rpicam-hello --list-cameras")
    for number in (0, 1):
        written(root / f"dev/video{number}")
    assert machines.any_camera(Machine(root)).what == "/dev/video0, /dev/video1"
    one = Machine(root, access=lambda path, _: path.name == "video1")
    assert machines.any_camera(one).what == "/dev/video1"
    none = machines.any_camera(Machine(root, access=lambda *_: False))
    assert none.state == "warning"
    assert none.mend.startswith("sudo usermod -aG ")


def test_the_command_of_a_pipe_must_be_installed(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    machine = Machine(path=str(folder))
    assert outcome(machines.program(machine, "gst-launch-1.0")) == ("missing", "sudo apt install gstreamer1.0-tools")
    assert outcome(machines.program(machine, "my-camera")) == ("missing", "")
    assert "none of ffmpeg, " in machines.programs(machine).what
    written(folder / "ffmpeg").chmod(0o755)
    assert outcome(machines.program(machine, "ffmpeg")) == ("ok", "")
    assert machines.programs(machine).what.startswith("ffmpeg; ")


def test_the_folder_of_the_outbox_is_there_or_can_be_made(tmp_path: Path) -> None:
    machine = Machine()
    assert machines.state_dir(machine, tmp_path).what == f"{tmp_path} can be written"
    assert machines.state_dir(machine, tmp_path / "a/b").what == f"{tmp_path / 'a/b'} will be made"
    assert not (tmp_path / "a").exists()


def test_a_folder_of_the_outbox_that_cannot_be_had_is_missing(tmp_path: Path) -> None:
    closed = Machine(access=lambda *_: False)
    for folder in (tmp_path, tmp_path / "a b"):
        finding = machines.state_dir(closed, folder)
        assert finding.state == "missing"
        assert shlex.split(finding.mend)[:3] == ["sudo", "install", "-d"]
        assert shlex.split(finding.mend)[-1] == str(folder)
    file = written(tmp_path / "file")
    assert outcome(machines.state_dir(Machine(), file)) == ("missing", f"rm {file}")


@pytest.mark.parametrize(("free_mb", "state"), [(0, "missing"), (15, "missing"), (70, "warning"), (80, "ok")])
def test_the_disk_has_room_for_a_full_outbox(free_mb: int, state: str) -> None:
    finding = machines.room(free_mb, outbox_mb=64)
    assert finding.state == state
    assert f"{free_mb} MB" in finding.what
    assert bool(finding.mend) is (state != "ok")


def test_the_room_under_a_folder_that_is_not_yet_there_is_that_of_its_disk(tmp_path: Path) -> None:
    assert machines.free_mb(tmp_path / "a/b") == pytest.approx(shutil.disk_usage(tmp_path).free / 2**20, rel=0.05)


def test_a_clock_that_nobody_keeps_right_is_told() -> None:
    assert outcome(machines.clock(True)) == ("ok", "")
    assert outcome(machines.clock(False)) == ("warning", "sudo timedatectl set-ntp true")


def test_the_service_is_installed_watched_and_enabled(root: Path) -> None:
    machine, unit = Machine(root), root / "etc/systemd/system/tapetum.service"
    assert outcome(machines.service(machine)) == ("warning", "sudo scripts/provision")
    written(unit, UNIT.read_text().replace("WatchdogSec=", "#"))
    assert outcome(machines.service(machine)) == ("warning", "sudo scripts/provision")
    written(unit, UNIT.read_text())
    assert outcome(machines.service(machine)) == ("warning", "sudo systemctl enable --now tapetum")
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "tapetum.service").symlink_to("/etc/systemd/system/tapetum.service")
    assert machines.service(machine).state == "ok"


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("[Manager]\nRuntimeWatchdogSec=15\n", "ok"),
        ("[Manager]\nRuntimeWatchdogSec = 1min\n", "ok"),
        ("[Manager]\n#RuntimeWatchdogSec=15\n", "warning"),
        ("[Manager]\nRuntimeWatchdogSec=0\n", "warning"),
        ("[Manager]\nRuntimeWatchdogSec=off\n", "warning"),
        ("", "warning"),
    ],
)
@pytest.mark.parametrize("place", ["system.conf", "system.conf.d/watchdog.conf"])
def test_the_board_s_watchdog_must_be_fed(root: Path, place: str, text: str, state: str) -> None:
    written(root / "dev/watchdog0")
    written(root / "etc/systemd" / place, text)
    finding = machines.watchdog(Machine(root))
    assert finding.state == state
    assert ("RuntimeWatchdogSec=15" in finding.mend) is (state != "ok")


def test_a_machine_without_a_watchdog_has_none_to_be_fed_but_a_pi_has_one(root: Path) -> None:
    assert machines.watchdog(Machine(root)).state == "ok"
    finding = machines.watchdog(pi(root))
    assert finding.state == "warning"
    assert "dtparam=watchdog=on" in finding.mend
