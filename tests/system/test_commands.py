"""The command line, as people use it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import pytest

from tapetum import data as shipped
from tapetum import health
from tapetum.alerts.event import decode
from tapetum.errors import ConfigError
from tests.simulators.daemon import Daemon, tagged, until
from tests.simulators.mosquitto import Mosquitto, free_port
from tests.system.conftest import camera, reached_at

pytestmark = pytest.mark.system

TAPETUM = [sys.executable, "-m", "tapetum"]


def run(*arguments: object, **options: object) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    command = [*TAPETUM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]


@contextmanager
def running(folder: Path, *arguments: object, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run one command meanwhile, its output in FOLDER/out and FOLDER/err; what it started is gone afterwards."""
    tag = f"TAPETUM_TEST={folder}"
    command = [*TAPETUM, *map(str, arguments)]
    own = {"TAPETUM_TEST": str(folder), **environment}
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env={**os.environ, **own}, start_new_session=True)
    try:
        yield process
        until(lambda: not tagged(tag), 5, "nothing is left running")
    finally:
        for pid in tagged(tag):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def interrupted(process: "subprocess.Popen[bytes]") -> tuple[int, float]:
    """Press Ctrl-C, which reaches all of the terminal's processes; return the exit status and how long it took."""
    start_s = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    return process.wait(20), time.monotonic() - start_s


# Help


def test_help_imports_nothing_heavy():
    probe = run("--help")
    assert probe.returncode == 0
    assert "watch the cameras and send alerts" in probe.stdout
    command = [sys.executable, "-X", "importtime", "-m", "tapetum", "--help"]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    names = {line.rpartition("|")[2].strip().split(".")[0] for line in imported.splitlines()}
    assert "tapetum" in names
    assert not names & {"numpy", "cv2", "msgspec", "paho", "av", "ai_edge_litert", "sqlite3"}


@pytest.mark.parametrize("command", ["run", "replay", "listen", "status", "check-config", "doctor", "bench"])
def test_every_command_has_its_own_help(command: str):
    found = run(command, "--help")
    assert found.returncode == 0
    assert f"tapetum {command}" in found.stdout


@pytest.mark.parametrize("arguments", [[], ["walk"], ["replay"], ["run", "--colour"]])
def test_what_is_misused_is_told(arguments: list[str]):
    found = run(*arguments)
    assert found.returncode == 2
    assert "usage: tapetum" in found.stderr


# replay


def test_a_replay_prints_each_sighting_as_a_line_of_json_and_a_summary():
    found = run("replay", shipped.clip())
    assert found.returncode == 0
    sightings = [decode(line.encode()) for line in found.stdout.splitlines()]
    started = [sighting.track for sighting in sightings if sighting.kind == "started"]
    assert len(started) >= 3
    assert sorted(started) == sorted(sighting.track for sighting in sightings if sighting.kind == "ended")
    assert [sighting.seq for sighting in sightings] == list(range(1, len(sightings) + 1))
    summary = found.stderr.splitlines()[-1]
    assert f"{len(started)} sightings, the model asked 0 times" in summary
    assert "ms of CPU a frame" in summary


def test_a_replay_with_a_model_names_people_the_same_each_time(data: Path):
    model = data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite"
    first, second = (run("replay", shipped.clip(), "--model", model).stdout for _ in range(2))
    told = [[seen(line) for line in text.splitlines()] for text in (first, second)]
    assert told[0] == told[1]
    assert any(sighting["label"] == "person" for sighting in told[0])


def seen(line: str) -> dict[str, object]:
    """Return a sighting without what differs from one run to another: its id and its date."""
    return {name: value for name, value in json.loads(line).items() if name not in ("id", "at", "clock")}


def test_a_replay_can_save_what_it_saw_as_a_clip(tmp_path: Path):
    film = tmp_path / "film.mp4"
    found = run("replay", shipped.clip(), "--save-video", film)
    assert found.returncode == 0
    with av.open(str(shipped.clip())) as before, av.open(str(film)) as after:
        assert sum(1 for _ in after.decode(video=0)) == sum(1 for _ in before.decode(video=0))
        assert after.streams.video[0].average_rate == before.streams.video[0].average_rate


def test_a_replay_of_what_is_not_there_is_told(tmp_path: Path):
    found = run("replay", tmp_path / "nowhere.mp4")
    assert found.returncode == 78
    assert f"{tmp_path}/nowhere.mp4: there is no such file" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_replay_of_what_is_no_video_is_told(tmp_path: Path):
    (tmp_path / "clip.mp4").write_text("no video")
    found = run("replay", tmp_path / "clip.mp4")
    assert found.returncode == 1
    assert f"{tmp_path}/clip.mp4: " in found.stderr
    assert "; CLIP must name a video that is whole" in found.stderr, "not a key of a configuration"
    assert "Traceback" not in found.stderr


def test_a_replay_of_a_folder_is_told(tmp_path: Path):
    found = run("replay", tmp_path)
    assert (found.returncode, found.stdout) == (78, "")
    assert found.stderr == f"tapetum: CLIP: {tmp_path}: it is a folder; name a video in it\n"


def test_a_film_that_cannot_be_written_is_told_before_anything_is_seen(tmp_path: Path):
    found = run("replay", shipped.clip(), "--save-video", tmp_path / "nodir/film.mp4")
    assert (found.returncode, found.stdout) == (78, "")
    assert found.stderr.startswith(f"tapetum: --save-video {tmp_path}/nodir/film.mp4: No such file or directory")


def test_a_replay_as_a_camera_that_is_not_there_is_told(tmp_path: Path):
    config = tmp_path / "mine.toml"
    config.write_text(camera())
    found = run("replay", shipped.clip(), "--config", config, "--camera", "door")
    assert found.returncode == 78
    assert "--camera door: the configuration names room" in found.stderr


def test_a_replay_whose_reader_has_enough_ends_without_a_complaint():
    with subprocess.Popen(
        [*TAPETUM, "replay", str(shipped.clip())], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as found:
        assert found.stdout is not None
        assert found.stderr is not None
        found.stdout.readline()
        found.stdout.close()
        said = found.stderr.read().decode()
    assert found.returncode == 0
    assert "Traceback" not in said
    assert "BrokenPipeError" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_can_be_broken_off(tmp_path: Path, data: Path, number: signal.Signals):
    model = data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite"
    with running(tmp_path, "replay", shipped.clip(), "--model", model) as process:
        until((tmp_path / "out").read_bytes)
        process.send_signal(number)
        assert process.wait(5) == 128 + number
    assert "Traceback" not in (tmp_path / "err").read_text()


# status


def test_status_tells_whether_a_daemon_runs_and_how_it_does(tmp_path: Path, broker: Mosquitto):
    def status(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return run("status", "--config", tmp_path / "tapetum.toml", *arguments)

    daemon = Daemon(tmp_path, reached_at(broker.port) + camera())
    assert (status().returncode, status().stderr) == (3, f"no daemon runs on {daemon.state}\n")
    with daemon:
        daemon.until(lambda now: now["broker"]["connected"] and now["cameras"]["room"]["condition"] == "clear")
        found = status()
        assert found.returncode == 0
        assert "camera room: clear" in found.stdout
        assert "broker: connected, MQTT 5" in found.stdout
        assert "inference: off\n" in found.stdout, "there is no model that could give answers"
        assert json.loads(status("--json").stdout)["pid"] == daemon.pid
        broker.kill()
        daemon.until(lambda status: status["faults"])
        found = status()
        assert found.returncode == 1
        assert "FAULT: broker: " in found.stdout
        daemon.stop()
        assert status().returncode == 3


def test_a_status_that_nobody_writes_any_more_is_not_believed(tmp_path: Path):
    daemon = Daemon(tmp_path, camera())
    with daemon:
        left = daemon.until_watching()
        daemon.kill()
    now_ns, written = time.clock_gettime_ns(time.CLOCK_BOOTTIME), daemon.state / "status.json"
    assert run("status", "--config", daemon.config).returncode == 3, "its process is gone"
    for at_ns in (now_ns - 60_000_000_000, now_ns + 3_600_000_000_000):  # a minute ago, before this boot
        written.write_text(json.dumps({**left, "pid": os.getpid(), "at_ns": at_ns}))
        assert run("status", "--config", daemon.config).returncode == 3, "its number is another process's by now"
    written.write_text('{"pid": "one"}')
    assert run("status", "--config", daemon.config).returncode == 3, "it is nonsense"


def test_a_status_that_we_may_not_read_is_told(tmp_path: Path):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    path = tmp_path / "status.json"
    path.write_text("{}")
    path.chmod(0o600)
    os.seteuid(65534)
    try:
        with pytest.raises(ConfigError, match=r"status\.json: Permission denied; ask as root"):
            health.read(path)
    finally:
        os.seteuid(0)


# listen and a first run


@pytest.mark.parametrize("port", ["0", "99999", "-1", "mqtt"])
def test_listen_refuses_a_port_that_is_none(port: str):
    found = run("listen", "--host", "127.0.0.1", f"--port={port}")
    assert found.returncode == 2
    assert f"argument --port: '{port}' is no whole number from 1 to 65535" in found.stderr


def test_listen_prints_a_line_for_each_alert_and_what_was_missing(tmp_path: Path, broker: Mosquitto):
    (tmp_path / "listen").mkdir()
    with running(tmp_path / "listen", "listen", "--host", "127.0.0.1", "--port", broker.port) as listening:
        out = tmp_path / "listen/out"
        with Daemon(tmp_path, reached_at(broker.port) + camera()) as daemon:
            until(lambda: out.read_text().count("started") >= 2)
            daemon.stop()
        until(lambda: out.read_text().count("ended") >= 2)
        assert "unit/room  started  motion 100%" in out.read_text()
        assert interrupted(listening) < (0, 2.0)
    assert (tmp_path / "listen/err").read_text() == "0 duplicates, 0 missing\n"


def test_listen_without_a_broker_says_what_is_missing(tmp_path: Path):
    (tmp_path / "mine.toml").write_text("")
    found = run("listen", "--config", tmp_path / "mine.toml")
    assert found.returncode == 78
    assert "name one with --host, or in the configuration as broker.host" in found.stderr


def test_listen_waits_for_a_broker_that_is_not_there(tmp_path: Path):
    with running(tmp_path, "listen", "--host", "127.0.0.1", "--port", free_port()) as listening:
        until(lambda: "trying again" in (tmp_path / "err").read_text())
        assert interrupted(listening) < (0, 2.0)


def test_a_first_run_without_anything_shows_alerts_until_it_is_interrupted(tmp_path: Path):
    if list(Path("/dev").glob("video*")) or Path("/etc/tapetum/tapetum.toml").exists():
        pytest.skip("this machine has a camera or a configuration, and a first run would take it")
    home = tmp_path / "home"
    home.mkdir()
    with running(tmp_path, "run", "--first-run", HOME=str(home), XDG_STATE_HOME="") as first:
        until(lambda: "  person " in (tmp_path / "out").read_text())
        own = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": ""}
        assert f", process {first.pid}, " in run("status", env=own).stdout, "it is found where it keeps its state"
        second = run("run", "--first-run", env=own)
        assert second.returncode == 78
        assert second.stderr == f"tapetum: state_dir: {home}/.local/state/tapetum is in use by another tapetum\n"
        code, seconds = interrupted(first)
        assert (code, seconds < 3) == (0, True)
    said = (tmp_path / "err").read_text()
    assert "Model: the one that comes along." in said
    assert "a clip of a real one is played" in said
    assert "an embedded one, on 127.0.0.1:" in said
    assert "Traceback" not in said
    assert (home / ".local/state/tapetum/outbox.sqlite").exists()
    nowhere = f"no daemon runs on /var/lib/tapetum or {home}/.local/state/tapetum\n"
    assert run("status", env=own).stderr == nowhere


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_first_run_ends_with_its_terminal_or_by_request(tmp_path: Path, number: signal.Signals):
    config = tmp_path / "mine.toml"
    clip = camera(f'{{ type = "file", path = {json.dumps(str(shipped.clip()))}, loop = true }}')
    config.write_text(f"state_dir = {json.dumps(str(tmp_path / 'state'))}\n{clip}")
    with running(tmp_path, "run", "--first-run", "--config", config) as first:
        until(lambda: "started" in (tmp_path / "out").read_text())
        first.send_signal(number)
        assert first.wait(5) == 0
    assert "Traceback" not in (tmp_path / "err").read_text()
