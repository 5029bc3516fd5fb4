"""What the operator must mend ends the daemon with 78 and names the file, the key and what would be right."""

import json
import os
from pathlib import Path

import pytest

from tapetum.cli import CONFIG_ERROR, main
from tapetum.record import Record
from tapetum.store import FOLDER, Store
from tests.simulators.daemon import Daemon
from tests.system.conftest import ROOM, STREET, Plug, camera

pytestmark = pytest.mark.system

MISTAKES = {  # what is written, which key is named, what else is told
    "unknown key": (
        "[camera.room]\nsource = { type = 'v4l2' }\nsauce = 1",
        "camera.room.sauce",
        "did you mean source?",
    ),
    "unknown table": ("[brocker]\nhost = ''", "brocker", "did you mean broker?"),
    "wrong type": ('[outbox]\nmax_mb = "much"', "outbox.max_mb", "expected"),
    "out of range": ("[inference]\ndeadline_s = 0", "inference.deadline_s", "> 0"),
    "unknown kind": ("[camera.room]\nsource = { type = 'webcam' }", "camera.room.source", "v4l2"),
    "missing key": ("[camera.room.source]\ntype = 'file'", "camera.room.source", "path"),
    "out of range in a list": (
        "[inference]\naccelerators = [{ type = 'cpu', threads = 99 }]",
        "inference.accelerators[0].threads",
        "<= 16",
    ),
    "unknown key in a list": (
        "[inference]\naccelerators = [{ type = 'cpu', thread = 2 }]",
        "inference.accelerators[0].thread",
        "did you mean threads? known are threads, type",
    ),
    "unknown kind in a list": (
        "[inference]\naccelerators = [{ type = 'tpu' }]",
        "inference.accelerators[0].type",
        "one of cpu, edgetpu, gpu, delegate is wanted",
    ),
    "no source": ("[camera.room]", "camera.room", "source"),
    "no TOML": ("device = ", "is no TOML", "document"),
    "twice": (camera() + camera(), "is no TOML", "room"),
    "no name": (camera(name='"front door"'), "camera.front door", "1 to 64 letters"),
    "in the clear": ("[broker]\nhost = '192.0.2.1'", "broker.tls", "set tls = true"),
    "half a pair": ("[broker]\ncertificate = 'a.pem'", "broker.key", "certificate and key go together"),
    "no credentials": ("[broker]\ncredentials = '/no/c.toml'", "broker.credentials", "/no/c.toml: No such file"),
    "no authority": (
        "[camera.gate.source]\ntype = 'stream'\nurl = 'rtsps://192.0.2.1/'\nca = '/no/gate.pem'",
        "camera.gate.source.ca: /no/gate.pem",
        "it must name a PEM file",
    ),
    "authority without TLS": (
        "[camera.gate.source]\ntype = 'stream'\nurl = 'rtsp://192.0.2.1/'\nca = '/no/gate.pem'",
        "camera.gate.source.ca",
        "rtsps:// and https:// alone",
    ),
    "no model": (
        "[inference]\nmodel = '/no/m.tflite'\n" + camera(),
        "inference.model: /no/m.tflite",
        "a .tflite, a bundle (.tapetum) or `shipped` is wanted",
    ),
}


def checked(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what `check-config` says of a file that it refuses."""
    assert main(["check-config", str(path)]) == CONFIG_ERROR
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    return captured.err


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_file_key_and_what_would_be_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mistake: str
):
    text, key, told = MISTAKES[mistake]
    path = tmp_path / "mine.toml"
    path.write_text(text)
    said = checked(path, capsys)
    assert said.startswith(f"tapetum: {path}: {key}")
    assert told in said


def test_a_file_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert (
        checked(tmp_path / "nowhere.toml", capsys) == f"tapetum: {tmp_path}/nowhere.toml: No such file or directory\n"
    )


def test_a_file_that_is_no_text_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    assert checked(tmp_path / "mine.toml", capsys).startswith(
        f"tapetum: {tmp_path}/mine.toml: " + "is no text in UTF-8"
    )


def with_model(tmp_path: Path, model: Path, labels: Path | None = None, more: str = "") -> Path:
    path = tmp_path / "mine.toml"
    lines = ["[inference]", f"model = {json.dumps(str(model))}", more]
    lines += [f"labels = {json.dumps(str(labels))}"] if labels else []
    path.write_text("\n".join(lines) + "\n" + camera())
    return path


def test_a_model_that_is_none_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model, labels = tmp_path / "m.tflite", tmp_path / "l.txt"
    model.write_text("no model")
    labels.write_text("person")
    path = with_model(tmp_path, model, labels)
    told = f"inference.model: {model}: it is no flatbuffer"
    assert checked(path, capsys).startswith(f"tapetum: {path}: {told}")


def test_a_model_without_labels_is_refused_by_name(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model = tmp_path / "m.tflite"
    model.write_bytes((data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite").read_bytes())
    path = with_model(tmp_path, model)
    told = "inference.labels: m.tflite brings no labels; name a file"
    assert checked(path, capsys).startswith(f"tapetum: {path}: {told}")


def test_labels_of_another_number_are_refused_with_both_numbers(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    model, labels = data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite", tmp_path / "l.txt"
    labels.write_text("person\ncar\n")
    path = with_model(tmp_path, model, labels)
    told = f"inference.labels: {labels}: 2 labels are given, and {model} tells 90 classes apart"
    assert checked(path, capsys).startswith(f"tapetum: {path}: {told}")


def test_too_little_memory_for_a_model_is_told(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model = data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite"
    path = with_model(tmp_path, model, more="memory_mb = 128")
    said = checked(path, capsys)
    assert said.startswith(f"tapetum: {path}: inference.model: {model}: ")
    assert "inference.memory_mb = 128 may be too little" in said


def test_a_good_file_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "mine.toml"
    path.write_text('device = "unit"\n' + camera() + camera(ROOM, "door"))
    assert main(["check-config", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: can be used: device unit, cameras room, door, motion alone\n"


def test_a_slot_that_goes_before_the_model_of_the_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "mine.toml"
    path.write_text(f'state_dir = "{tmp_path}"\n' + camera())
    Store(tmp_path / FOLDER).keep(Record("street@3"))
    assert main(["check-config", str(path)]) == 0
    told = "inference.model: the slot street@3 is active, and is used instead; tapetum doctor tries it"
    assert capsys.readouterr().err == f"tapetum: {path}: {told}\n"


def test_a_file_without_a_camera_is_refused_as_the_daemon_refuses_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    told = refused(Daemon(tmp_path))
    assert checked(tmp_path / "tapetum.toml", capsys) == told


@pytest.mark.parametrize(
    ("source", "key", "reason"),
    [
        ("{ type = 'file', path = '/no/clip.mp4' }", "path", "/no/clip.mp4: there is no such file"),
        ("{ type = 'pipe', command = ['rpicam-nothing', '-n'] }", "command", "'rpicam-nothing' is no program"),
    ],
)
def test_what_a_camera_needs_and_does_not_find_is_told_and_may_come_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, key: str, reason: str
):
    path = tmp_path / "mine.toml"
    path.write_text(camera(source, "gate"))
    assert main(["check-config", str(path)]) == 0
    said = capsys.readouterr()
    assert said.err.startswith(f"tapetum: {path}: camera.gate.source.{key}: {reason}")
    assert said.out.startswith(f"{path}: can be used")


def test_what_a_camera_needs_and_finds_is_not_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], plug: Plug):
    path = tmp_path / "mine.toml"
    path.write_text(camera(STREET, "street") + camera(plug.source, "pipe"))
    assert main(["check-config", str(path)]) == 0
    assert capsys.readouterr().err == ""


WRONG_LABELS = {
    "mistyped": (
        'rules.labels = ["car", "persn"]',
        "rules.labels: 'persn' is no label of detect@0; did you mean person?",
    ),
    "unlike any": ('rules.labels = ["Aardvark"]', "rules.labels: 'Aardvark' is no label of detect@0; it has person, "),
    "looked for": ('scheduling.look_for = ["persons"]', "scheduling.look_for: 'persons' is no label of detect@0; did "),
}


@pytest.mark.parametrize("wrong", WRONG_LABELS)
def test_a_label_that_the_model_lacks_is_refused_with_those_like_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, wrong: str
):
    line, told = WRONG_LABELS[wrong]
    said = refused(Daemon(tmp_path, model + camera(more=line)))
    assert said.startswith(f"tapetum: {tmp_path}/tapetum.toml: camera.room.{told}")
    assert checked(tmp_path / "tapetum.toml", capsys) == said


def test_a_label_that_the_model_has_or_that_motion_has_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str
):
    path = tmp_path / "mine.toml"
    path.write_text(model + camera(more='rules.labels = ["person", "motion"]\nscheduling.look_for = ["dog"]'))
    assert main(["check-config", str(path)]) == 0
    assert capsys.readouterr().err == ""


def test_a_model_without_people_is_taken_though_people_are_what_is_looked_for_unasked(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"thing {number}" for number in range(90)))
    path = with_model(tmp_path, data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite", labels)
    assert main(["check-config", str(path)]) == 0, capsys.readouterr().err


NEVER = "camera.room.rules.labels: no model is there, and all is called motion: it never alerts"


def test_without_a_model_labels_that_never_come_are_told_and_may_come_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with Daemon(tmp_path, camera(more='rules.labels = ["person"]')) as daemon:
        fault = daemon.until(lambda status: next(iter(status["faults"]), ""))
        assert fault.startswith(NEVER)
        assert f"WARNING {NEVER}" in daemon.log
    assert main(["check-config", str(daemon.config)]) == 0
    assert capsys.readouterr().err.startswith(f"tapetum: {daemon.config}: {NEVER}")


@pytest.mark.parametrize("line", ["", 'rules.labels = ["motion"]'])
def test_without_a_model_motion_is_nothing_to_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str):
    path = tmp_path / "mine.toml"
    path.write_text(camera(more=line))
    assert main(["check-config", str(path)]) == 0
    assert capsys.readouterr().err == ""


# The same from the daemon itself


def refused(daemon: Daemon) -> str:
    """Return what a daemon says that refuses to run."""
    with daemon:
        assert daemon.wait() == CONFIG_ERROR
        assert daemon.left() == []
    return daemon.log


def test_a_daemon_without_a_camera_says_what_to_do(tmp_path: Path):
    told = f"tapetum: {tmp_path}/tapetum.toml: camera: none is named; add a table [camera.NAME] with its source"
    assert refused(Daemon(tmp_path)).startswith(told)


def test_a_daemon_with_a_model_that_is_missing_says_so(tmp_path: Path):
    config = '[inference]\nmodel = "/nowhere/m.tflite"\n' + camera()
    told = f"tapetum: {tmp_path}/tapetum.toml: inference.model: /nowhere/m.tflite: there is no such file"
    assert refused(Daemon(tmp_path, config)).startswith(told)


@pytest.mark.parametrize("how", ["under a file", "no permission"])
def test_a_daemon_that_cannot_keep_its_state_says_so(tmp_path: Path, how: str):
    daemon = Daemon(tmp_path, camera())
    if how == "under a file":
        tmp_path.joinpath("state").write_text("")
    elif os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    else:
        tmp_path.joinpath("state").mkdir(mode=0o500)
    told = f"tapetum: {tmp_path}/tapetum.toml: state_dir: {daemon.state}: "
    said = refused(daemon)
    assert said.startswith(told)
    assert "it must be a writable folder" in said


def test_a_daemon_without_any_configuration_says_what_to_do(tmp_path: Path):
    daemon = Daemon(tmp_path)
    daemon.config.unlink()
    assert refused(daemon) == f"tapetum: {tmp_path}/tapetum.toml: No such file or directory\n"
