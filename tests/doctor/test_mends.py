"""A camera or a broker that is not there comes with a command, and the command mends it or leads to what does."""

import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tapetum import data
from tapetum.alerts.broker import Broker
from tapetum.capture import File, Stream, V4l2
from tapetum.config import load
from tapetum.doctor import cameras, service
from tapetum.doctor.finding import Finding, Machine, edit, tapetum
from tests.simulators import clips, v4l2
from tests.simulators.rtsp import Faults, RtspCamera

WRONG = "pass/word"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration that names nothing."""
    file = tmp_path / "my tapetum.toml"
    file.write_text('device = "garage"\n')
    return file


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A system with mosquitto and nothing else."""
    (tmp_path / "system/usr/sbin").mkdir(parents=True)
    (tmp_path / "system/usr/sbin/mosquitto").touch()
    return Machine(tmp_path / "system", path="")


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspCamera]:
    elementary = clips.h264(tmp_path_factory.mktemp("clips") / "clip.h264", frames=20, size="320x240")
    with RtspCamera(elementary, credentials="user:secret") as camera:
        yield camera


def mended(finding: Finding) -> None:
    """Do what the finding says."""
    subprocess.run(["bash", "-c", finding.mend], check=True)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_configuration_without_a_broker_is_mended_by_the_command(machine: Machine, file: Path) -> None:
    finding = service.broker(machine, load(file).broker, file)
    assert finding.state == "warning"
    mended(finding)
    assert load(file).broker == Broker(host="localhost")
    assert load(file).device == "garage"


def test_a_broker_is_installed_before_it_is_named(machine: Machine, file: Path) -> None:
    (machine.root / "usr/sbin/mosquitto").unlink()
    finding = service.broker(machine, Broker(), file)
    assert finding.mend.startswith("sudo apt install mosquitto; printf ")
    here = service.broker(machine, Broker(host="127.0.0.1", port=closed_port()), file)
    assert here.mend == "sudo apt install mosquitto"


@pytest.mark.parametrize("text", ["[broker]\nport = 1883\n", "broker = { port = 1883 }\n", "broker.port = 1883\n"])
def test_a_table_of_the_broker_that_is_there_is_not_written_a_second_time(
    machine: Machine, file: Path, text: str
) -> None:
    file.write_text(text)
    assert service.broker(machine, load(file).broker, file).mend == edit(machine, file)


def test_without_a_configuration_a_first_run_brings_a_broker(machine: Machine) -> None:
    assert service.broker(machine, Broker(), None).mend == tapetum("run", "--first-run")


def test_a_broker_on_another_machine_that_refuses_may_listen_to_itself_alone(
    machine: Machine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Broker(host="127.0.0.1", port=closed_port())
    assert service.broker(machine, settings, file).mend == "sudo systemctl start mosquitto"
    monkeypatch.setattr(service, "_LOOPBACK", ())  # this machine is then as any other
    finding = service.broker(machine, settings, file)
    assert "listens to its own machine alone" in finding.what
    assert finding.mend == "ssh 127.0.0.1 sudo systemctl start mosquitto"


def test_a_configuration_without_a_camera_is_given_the_one_that_is_there(
    machine: Machine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    assert service.configuration(machine, file)[0].mend == f"editor {shlex.quote(str(file))}", "there is none"
    device = v4l2.Device()
    monkeypatch.setattr(cv2, "VideoCapture", device)
    (machine.root / "dev").mkdir()
    (machine.root / "dev/video0").touch()
    finding, _ = service.configuration(machine, file)
    assert (finding.state, device.holder) == ("warning", None)
    mended(finding)
    assert load(file).camera["front"].source == V4l2(device=str(machine.root / "dev/video0"))


def test_who_may_not_write_a_file_does_it_as_root(file: Path) -> None:
    other = Machine(access=lambda *_: False)
    assert edit(other, file) == f"sudoedit {shlex.quote(str(file))}"
    assert service.broker(other, Broker(), file).mend.endswith(f"| sudo tee -a {shlex.quote(str(file))}")


def test_tapetum_is_called_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/opt/tapetum/venv/bin/tapetum", "doctor"])
    assert tapetum("status") == "/opt/tapetum/venv/bin/tapetum status"
    monkeypatch.setattr(sys, "argv", ["/somewhere/tapetum/__main__.py", "doctor"])
    assert tapetum("--version").endswith(" -m tapetum --version")
    mended(Finding("", "ok", "", tapetum("--version")))


def test_a_network_camera_that_gives_pictures_is_told_without_its_password(
    machine: Machine, file: Path, camera: RtspCamera
) -> None:
    finding = cameras.stream(machine, Stream(url=camera.url), file)
    assert (finding.state, finding.what) == ("ok", f"rtsp://127.0.0.1:{camera.port}/live gives pictures")


def test_a_network_camera_with_another_password_or_path_is_a_matter_of_the_configuration(
    machine: Machine, file: Path, camera: RtspCamera
) -> None:
    finding = cameras.stream(machine, Stream(url=camera.url.replace("secret", WRONG)), file)
    assert (finding.state, finding.mend) == ("missing", edit(machine, file))
    assert "word" not in finding.line
    camera.faults = Faults(status=404)
    gone = cameras.stream(machine, Stream(url=camera.url), file)
    camera.faults = Faults()
    assert "404" in gone.what


def test_a_network_camera_that_answers_and_gives_no_picture_is_missing(
    machine: Machine, file: Path, camera: RtspCamera
) -> None:
    camera.faults = Faults(stall_after=0)
    finding = cameras.stream(machine, Stream(url=camera.url, timeout_s=1), file)
    camera.faults = Faults()
    assert finding.state == "missing"


def test_a_network_camera_that_is_not_there_is_looked_for(machine: Machine, file: Path) -> None:
    port = closed_port()
    refused = cameras.stream(machine, Stream(url=f"rtsp://user:{WRONG}@127.0.0.1:{port}/live"), file)
    assert refused.what == f"rtsp://127.0.0.1:{port}/live: nothing listens on that port"
    assert refused.mend == edit(machine, file)
    unknown = cameras.stream(machine, Stream(url=f"rtsp://user:{WRONG}@camera.invalid/live"), file)
    assert (unknown.state, unknown.mend) == ("missing", "getent hosts camera.invalid")
    nonsense = cameras.stream(machine, Stream(url=f"rtsp://user:{WRONG}@127.0.0.1:port/live"), file)
    assert (nonsense.state, nonsense.mend) == ("missing", "ping -c 3 127.0.0.1")
    assert not any("word" in finding.line for finding in (refused, unknown, nonsense))


def test_a_clip_must_be_there_and_be_one(machine: Machine, file: Path) -> None:
    assert cameras.clip(machine, File(path=str(data.clip())), file).state == "ok"
    for path in (file.parent / "none.mp4", file):
        finding = cameras.clip(machine, File(path=str(path)), file)
        assert (finding.state, finding.mend) == ("missing", edit(machine, file))
        assert str(path) in finding.what


def test_a_configuration_that_only_root_may_read_is_looked_at_as_root(file: Path) -> None:
    file.write_text("what a user who may not read it does not see")
    finding, _ = service.configuration(Machine(access=lambda *_: False), file)
    assert finding.mend == f"sudo {tapetum('doctor', '--config', str(file))}"
