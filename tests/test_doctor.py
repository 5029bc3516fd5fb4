"""`tapetum doctor` says of each thing whether it is there, and of what is not the command that mends it."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from tapetum.alerts.broker import Broker
from tapetum.capture import File, Picamera, Stream, Synthetic, V4l2
from tapetum.commands import doctor
from tapetum.config import CameraSettings, Config
from tapetum.doctor import machine as machines
from tapetum.doctor import service, software
from tapetum.doctor.finding import Finding, Machine
from tapetum.doctor.software import Package
from tapetum.inference.accelerators import Cpu, EdgeTpu
from tapetum.inference.settings import Inference
from tests.simulators.mosquitto import Authority, Mosquitto

CORE = ["numpy", "opencv-python-headless", "msgspec", "paho-mqtt", "lap"]
UNIT = Path(__file__).parents[1] / "firmware-config/systemd/tapetum.service"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty system."""
    (tmp_path / "system").mkdir()
    return tmp_path / "system"


def written(path: Path, text: str = "") -> Path:
    """Write a file, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def pi(root: Path) -> Machine:
    """Return a Raspberry Pi as its device tree describes it."""
    written(root / "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    return Machine(root)


def outcome(finding: Finding) -> tuple[str, str]:
    return finding.state, finding.mend


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    command = [sys.executable, "-m", "tapetum", "doctor", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment
    )


# The command.


def test_a_machine_on_which_nothing_is_missing_is_told_so_line_by_line(tmp_path: Path) -> None:
    file = written(
        tmp_path / "tapetum.toml", f'state_dir = "{tmp_path}"\n[camera.front]\nsource = {{ type = "synthetic" }}\n'
    )
    done = run("--config", file)
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(re.fullmatch(r"(ok      |warning ) [\w-]+: .+", line) for line in lines)
    checks = [line[9:].partition(":")[0] for line in lines]
    assert checks[:6] == ["python", *CORE]
    assert {"configuration", "state_dir", "disk", "clock", "service", "watchdog", "broker", "model"} <= set(checks)
    assert f"ok       configuration: {file}: device " in done.stdout


def test_what_is_missing_comes_with_its_command_and_a_status(tmp_path: Path) -> None:
    file = written(tmp_path / "tapetum.toml", '[camera.front.source]\ntype = "v4l2"\ndevice = "/dev/no-camera"\n')
    done = run("--config", file)
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("missing  camera: "))
    assert line.startswith("missing  camera: /dev/no-camera: there is no such device; ")
    assert line.endswith(("v4l2-ctl --list-devices", f"-> editor {file}"))  # the latter where this machine has another


def test_a_machine_reads_the_same_as_one_object(tmp_path: Path) -> None:
    file = written(tmp_path / "tapetum.toml", "[broker]\nprot = 1\n")
    lines, found = run("--config", file), run("--config", file, "--json")
    report = json.loads(found.stdout)
    assert (lines.returncode, found.returncode, report["ok"]) == (1, 1, False)
    assert set(report) == {"ok", "checks"}
    free = re.compile(r"\d+ MB are free")  # while others write
    told = [free.sub("", Finding(**check).line) for check in report["checks"]]
    assert told == [free.sub("", line) for line in lines.stdout.splitlines()]
    (configuration,) = (check for check in report["checks"] if check["check"] == "configuration")
    assert configuration["what"].startswith(f"{file}: broker.prot: there is no such key; did you mean port?")
    assert configuration["mend"] == f"editor {file}"


def test_it_works_where_no_package_is_installed() -> None:
    packages = ("numpy", "cv2", "msgspec", "paho", "lap", "ai_edge_litert", "tflite_runtime", "av", "iotcore")
    code = f"""
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {packages}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from tapetum.cli import main
sys.exit(main(["doctor"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    for name in [*CORE, "ai-edge-litert"]:
        (line,) = (line for line in lines if line.startswith(f"missing  {name}: is not installed  -> "))
        command = shlex.split(line.partition(" -> ")[2])
        assert command[:4] == [sys.executable, "-m", "pip", "install"]
        assert re.fullmatch(rf"{name}[<>=].*", command[4])
    assert lines[-1].startswith("warning  configuration: not looked at")


def test_the_configuration_of_the_system_is_taken_where_none_is_named(root: Path) -> None:
    file = written(root / "etc/tapetum/tapetum.toml", 'device = "porch"\n')
    found = {finding.check: finding for finding in doctor.findings(Machine(root), None)}
    assert found["configuration"].what == f"{file}: names no camera"


# Python and its packages.


@pytest.mark.parametrize(
    ("version", "largest", "state"),
    [
        ((3, 11, 2), 2**63 - 1, "ok"),
        ((3, 13, 0), 2**63 - 1, "ok"),
        ((3, 10, 12), 2**63 - 1, "missing"),
        ((3, 14, 0), 2**63 - 1, "missing"),
        ((3, 11, 2), 2**31 - 1, "missing"),
    ],
)
def test_python_must_be_64_bit_and_3_11_to_3_13(version: tuple[int, ...], largest: int, state: str) -> None:
    finding = software.python(version, largest)
    assert finding.state == state
    assert finding.what.startswith(".".join(map(str, version)))


@pytest.mark.parametrize("package", software.CORE, ids=lambda package: package.name)
def test_a_package_that_is_there_is_told_with_its_version(package: Package) -> None:
    finding = software.look(package, needed=True)
    assert finding.state == "ok"
    assert re.match(r"\d+\.\d+", finding.what)


@pytest.mark.parametrize(("needed", "state"), [(True, "missing"), (False, "warning")])
def test_a_package_that_is_not_there_is_missing_only_where_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, needed: bool, state: str
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    finding = software.look(software.STREAM, needed)
    bounds = software.requirements()["av"]
    assert outcome(finding) == (state, shlex.join([sys.executable, "-m", "pip", "install", f"av{bounds}"]))
    assert "files, network cameras and replay" in finding.what


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages of our own, which goes with all that came from it."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("raise ValueError('numpy.dtype size changed')", "does not load: ValueError: numpy.dtype size changed"),
        ("raise ImportError('libGL.so.1: cannot open')", "does not load: ImportError: libGL.so.1: cannot open"),
        ("import something_that_it_needs", "does not load: ModuleNotFoundError: No module named"),
        ("__version__ = '0.9'", "0.9 is installed, >=14 is needed"),
    ],
)
def test_a_package_that_is_damaged_or_too_old_is_missing(
    site: Path, monkeypatch: pytest.MonkeyPatch, source: str, what: str
) -> None:
    monkeypatch.delitem(sys.modules, "av", raising=False)
    written(site / "av/__init__.py", source)
    monkeypatch.setattr(software, "requirements", lambda: {"av": ">=14"})
    finding = software.look(software.STREAM, needed=True)
    assert finding.state == "missing"
    assert finding.what.startswith(what)


def test_either_runtime_will_do(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    *_, without = software.packages()
    assert (without.check, without.state) == ("ai-edge-litert", "missing")
    written(site / "tflite_runtime/interpreter.py", "__version__ = '2.14.0'")
    *_, older = software.packages()
    assert (older.check, older.state, older.what) == ("tflite-runtime", "ok", "2.14.0")


def test_the_bounds_are_those_of_the_installed_tapetum() -> None:
    found = software.requirements()
    assert set(CORE) <= set(found)
    assert all(">=" in bounds for bounds in (found[name] for name in [*CORE, "av", "iotcore"]))


versions = st.lists(st.integers(0, 30), min_size=1, max_size=3).map(lambda numbers: ".".join(map(str, numbers)))


@given(versions, versions, versions)
def test_versions_are_compared_as_pip_compares_them(version: str, least: str, limit: str) -> None:
    bounds = f">={least},<{limit}"
    assert software.fits(version, bounds) is SpecifierSet(bounds).contains(version)


def test_a_version_that_says_nothing_is_not_held_against_anybody() -> None:
    assert software.fits("of an unknown version", ">=3")
    assert software.fits("1.0", "")
    assert software.fits("2.1rc1", ">=2.1")


# A Raspberry Pi's own camera.

CAMERAS = "class Picamera2:\n    @staticmethod\n    def global_camera_info():\n        return {}\n"


def test_the_pi_s_camera_is_seen_by_picamera2(root: Path, site: Path) -> None:
    written(site / "picamera2/__init__.py", CAMERAS.format("[{'Model': 'imx708'}]"))
    assert outcome(software.picamera(pi(root), needed=True)) == ("ok", "")


def test_a_pi_without_a_camera_on_its_connector_is_told_how_to_look(root: Path, site: Path) -> None:
    written(site / "picamera2/__init__.py", CAMERAS.format("[]"))
    assert outcome(software.picamera(pi(root), needed=True)) == ("missing", "rpicam-hello --list-cameras")


def test_picamera2_comes_from_apt_and_must_be_in_sight(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    install = "sudo apt install --reinstall python3-picamera2"
    assert outcome(software.picamera(pi(root), needed=False)) == ("warning", install)
    (root / "usr/lib/python3/dist-packages/picamera2").mkdir(parents=True)
    mend = f"python3 -m venv --system-site-packages {shlex.quote(sys.prefix)}"
    assert outcome(software.picamera(pi(root), needed=True)) == ("missing", mend)


def test_picamera2_beside_a_numpy_that_it_was_not_compiled_for_is_named(root: Path, site: Path) -> None:
    written(
        site / "picamera2/__init__.py", "raise ValueError('numpy.dtype size changed, may indicate incompatibility')"
    )
    finding = software.picamera(pi(root), needed=True)
    assert finding.state == "missing"
    assert "numpy.dtype size changed" in finding.what
    assert "numpy<2" in shlex.split(finding.mend)


def test_a_package_that_picamera2_needs_is_told_as_it_is(root: Path, site: Path) -> None:
    written(site / "picamera2/__init__.py", "import libcamera_of_no_machine")
    assert "libcamera_of_no_machine" in software.picamera(pi(root), needed=True).what


# The machine.


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


# What the configuration says.


def configured(root: Path, *sources: object, **settings: object) -> list[Finding]:
    """Return what is found with a configuration of such sources, on an empty system."""
    cameras = {f"c{number}": CameraSettings(source=source) for number, source in enumerate(sources)}  # type: ignore[arg-type]
    return list(service._extras(Machine(root), Config(camera=cameras, **settings)))  # type: ignore[arg-type]


def test_an_extra_is_missing_only_where_a_camera_needs_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("av", "iotcore", "picamera2"):
        monkeypatch.setitem(sys.modules, module, None)
    states = {
        source: {finding.check: finding.state for finding in configured(root, *source)}
        for source in [(), (V4l2(),), (File(path="a.mp4"),), (V4l2(), Stream(url="rtsp://camera"))]
    }
    assert [states[source].get("av") for source in states] == ["warning", None, "missing", "missing"]
    assert all(found["iotcore"] == "warning" for found in states.values())
    assert not any("picamera2" in found for found in states.values())
    named = configured(root, V4l2(), broker=Broker(host="localhost"))
    assert named == []


def test_picamera2_is_looked_for_on_a_pi_or_where_a_camera_wants_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    (elsewhere,) = (one for one in configured(root, Picamera()) if one.check == "picamera2")
    assert (elsewhere.state, "no Raspberry Pi" in elsewhere.what) == ("missing", True)
    pi(root)
    for sources, state in (((), "warning"), ((Picamera(),), "missing")):
        (found,) = (one for one in configured(root, *sources) if one.check == "picamera2")
        assert found.state == state
    assert not any(one.check == "picamera2" for one in configured(root, V4l2()))


def test_every_device_and_command_of_the_configuration_is_looked_at(root: Path, tmp_path: Path) -> None:
    text = f"""
state_dir = "{tmp_path}"
[camera.a]
source = {{ type = "v4l2", device = "/dev/video7" }}
[camera.b]
source = {{ type = "pipe", command = ["no-such-camera", "--y4m"] }}
"""
    found = list(service.look(Machine(root), written(tmp_path / "tapetum.toml", text)))
    missing = {finding.what.partition(" ")[0] for finding in found if finding.state == "missing"}
    assert missing == {"/dev/video7:", "no-such-camera"}


def test_a_configuration_that_cannot_be_used_ends_neither_the_report_nor_the_reader(root: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "tapetum.toml", "[broker]\nport = 70000\n")
    checks = {finding.check: finding for finding in service.look(Machine(root), file)}
    assert outcome(checks["configuration"]) == ("missing", f"editor {file}")
    assert "broker.port: " in checks["configuration"].what
    assert {"state_dir", "clock", "service"} <= set(checks)
    assert not {"broker", "model", "camera"} & set(checks), "what it names is not known"


def test_a_configuration_that_is_not_there_or_names_no_camera_is_told(tmp_path: Path) -> None:
    assert service.configuration(Machine(), None)[0].state == "warning"
    missing, config = service.configuration(Machine(), tmp_path / "no.toml")
    assert (missing.state, config) == ("missing", Config())
    assert "No such file or directory" in missing.what
    assert service.configuration(Machine(), written(tmp_path / "empty.toml"))[0].state == "warning"


def test_a_broker_that_answers_is_told_and_one_that_does_not_is_missing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = Broker(host="127.0.0.1", port=server.getsockname()[1])
        assert outcome(service.broker(Machine(), settings, tmp_path)) == ("ok", "")
    finding = service.broker(Machine(), settings, tmp_path)
    assert outcome(finding) == ("missing", "sudo systemctl start mosquitto")
    assert finding.what == f"127.0.0.1:{settings.port}: Connection refused"


def test_a_broker_that_says_nothing_is_given_two_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        finding = service.broker(Machine(), Broker(host="127.0.0.1", port=server.getsockname()[1], tls=True), None)
    assert finding.state == "missing"
    assert finding.what.endswith("no answer within 2 s")


def test_a_broker_s_certificate_must_be_right(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path / "ours"), Authority(tmp_path / "another")
    certificate, key = authority.of("device")
    with Mosquitto(tmp_path / "broker", *authority.lines()) as running:
        settings = Broker(
            host="127.0.0.1", port=running.port, tls=True, ca=authority.ca, certificate=certificate, key=key
        )
        assert service.broker(Machine(), settings, None).what.endswith("answers, and shows the right certificate")
        wrong = service.broker(Machine(), Broker(host="127.0.0.1", port=running.port, tls=True, ca=stranger.ca), None)
        assert wrong.state == "missing"
        assert "its certificate is not right" in wrong.what
        assert wrong.mend == f"openssl s_client -connect 127.0.0.1:{running.port} -CAfile {stranger.ca}"


def test_how_a_broker_that_is_not_found_is_looked_for() -> None:
    far = Broker(host="broker.example", tls=True)
    assert (
        service._look_at(Machine(), far, socket.gaierror(-2, "Name or service not known"))
        == "getent hosts broker.example"
    )
    assert service._look_at(Machine(), far, TimeoutError()) == "ping -c 3 broker.example"
    refused = service._look_at(Machine(), far, ConnectionRefusedError(111, "Connection refused"))
    assert refused == "ssh broker.example sudo systemctl start mosquitto"


def test_a_model_must_load(tmp_path: Path, data: Path) -> None:
    folder = data / "models/coco_ssd_mobilenet_v1_quant"
    config = Config(inference=Inference(model=str(folder / "detect.tflite")))
    finding = service.model(Machine(), config, None)
    assert finding.what.startswith(f"{folder / 'detect.tflite'} loads, on cpu; locked in by ")


def test_an_accelerator_that_is_not_there_is_told_with_its_model(data: Path) -> None:
    model = str(data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite")
    chain = (EdgeTpu(library="libnowhere.so.1"), Cpu())
    finding = service.model(Machine(), Config(inference=Inference(model=model, accelerators=chain)), None)
    assert finding.state == "warning"
    assert "loads, on cpu; " in finding.what
    assert "accelerator edgetpu: libnowhere.so.1 cannot be used" in finding.what


def test_a_model_that_cannot_be_had_is_missing_and_none_is_none(tmp_path: Path) -> None:
    file = tmp_path / "tapetum.toml"
    assert outcome(service.model(Machine(), Config(), file)) == ("ok", "")
    for path in (tmp_path / "no.tflite", written(tmp_path / "broken.tflite", "no model")):
        written(tmp_path / "labelmap.txt", "person")
        finding = service.model(Machine(), Config(inference=Inference(model=str(path))), file)
        assert outcome(finding) == ("missing", f"editor {file}")
        assert finding.what.startswith("inference.model: ")


def test_a_scene_that_is_drawn_needs_nothing(root: Path) -> None:
    assert configured(root, Synthetic(), broker=Broker(host="localhost")) == []
