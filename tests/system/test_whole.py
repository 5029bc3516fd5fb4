"""The daemon as a process: what ends it, what does not, and what is left behind."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tapetum import data as package_data
from tapetum.alerts.broker import Broker
from tapetum.alerts.listen import Listener
from tapetum.cli import CONFIG_ERROR, main
from tests.simulators.daemon import Daemon, alive, until, workers
from tests.simulators.mosquitto import Mosquitto

pytestmark = [pytest.mark.system]

CLIP = json.dumps(str(package_data.clip()))
LOOPED = f'[camera.street]\nsource = {{ type = "file", path = {CLIP}, loop = true }}\n'
FAST = f'[camera.street]\nsource = {{ type = "file", path = {CLIP}, pace = "analysis" }}\n'
STILL = '[camera.room]\nsource = { type = "synthetic", movers = 0 }\n'


@pytest.fixture
def mosquitto(tmp_path):
    folder = tmp_path / "broker"
    folder.mkdir()
    with Mosquitto(folder) as broker:
        yield broker


def to(broker):
    return f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\n'


def model(data):
    folder = data / "models" / "coco_ssd_mobilenet_v1_quant"
    return (
        f"[inference]\nmodel = {json.dumps(str(folder / 'detect.tflite'))}\n"
        f"labels = {json.dumps(str(folder / 'labelmap.txt'))}\ndeadline_s = 2.0\n"
    )


class Subscriber:
    def __init__(self, broker):
        self.heard = []
        self._stop = threading.Event()
        listener = Listener(Broker(host="127.0.0.1", port=broker.port), lambda _, one: self.heard.append(one))
        self._thread = threading.Thread(target=listener.run, args=(self._stop,))
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def outbox_of(daemon):
    with sqlite3.connect(daemon.state / "outbox.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return [json.loads(row[0]) for row in database.execute("SELECT payload FROM row ORDER BY number")]


@pytest.mark.parametrize("moment_s", [0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0])
def test_sigterm_at_any_moment_ends_all_within_two_seconds(tmp_path, data, moment_s):
    with Daemon(tmp_path, model(data) + LOOPED) as daemon:
        until(lambda: b"SigCgt" and _catches_sigterm(daemon), what="a handler of SIGTERM")
        threading.Event().wait(moment_s)
        started = workers(daemon.pid)
        code, seconds = daemon.stop()
        assert code == 0, daemon.log
        assert seconds < 2.0
        until(lambda: not any(alive(pid) for pid in started), 2.0, "no worker is left")


def _catches_sigterm(daemon):
    assert daemon.process.poll() is None, daemon.log
    mask = int(Path(f"/proc/{daemon.pid}/status").read_text().partition("SigCgt:")[2].split()[0], 16)
    return bool(mask & 1 << (signal.SIGTERM - 1))


def test_a_daemon_killed_at_any_moment_keeps_its_outbox_and_its_numbers(tmp_path):
    chance = random.Random(3)
    with Daemon(tmp_path, LOOPED) as daemon:
        for _ in range(4):
            daemon.until(lambda status: status["broker"]["waiting"] > 0)
            threading.Event().wait(chance.uniform(0, 1.5))
            daemon.kill()
            rows = outbox_of(daemon)
            assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
            assert len({row["id"] for row in rows}) == len(rows)
            daemon.start()
        daemon.until_watching()


def test_a_clip_of_its_own_ends_the_daemon_well_with_all_ended(tmp_path, mosquitto):
    with Subscriber(mosquitto) as subscriber, Daemon(tmp_path, to(mosquitto) + FAST) as daemon:
        assert daemon.wait(60) == 0, daemon.log
        assert not outbox_of(daemon)
        until(lambda: subscriber.heard and subscriber.heard[-1].kind == "ended")
    started = [one.track for one in subscriber.heard if one.kind == "started"]
    assert sorted(started) == sorted(one.track for one in subscriber.heard if one.kind == "ended")
    assert len(started) >= 3


def test_a_broker_that_is_not_there_stops_nothing(tmp_path, mosquitto):
    mosquitto.kill()
    with Daemon(tmp_path, to(mosquitto) + LOOPED) as daemon:
        daemon.until(lambda status: status["broker"]["waiting"] >= 2 and status["broker"]["last_error"])
        mosquitto.start()
        daemon.until(lambda status: status["broker"]["connected"] and status["broker"]["acknowledged"] >= 2)
        assert daemon.stop()[0] == 0


def test_a_worker_that_is_killed_is_replaced_at_once(tmp_path, data):
    with Daemon(tmp_path, model(data) + LOOPED) as daemon:
        daemon.until(lambda status: status["inference"]["answered"] > 0)
        for restarts in (1, 2):
            (old,) = workers(daemon.pid)
            os.kill(old, signal.SIGKILL)
            until(lambda old=old: [pid for pid in workers(daemon.pid) if pid != old], 10.0, "another worker")
            daemon.until(lambda status, restarts=restarts: status["inference"]["restarts"] >= restarts)
        answered = daemon.status()["inference"]["answered"]
        daemon.until(lambda status: status["inference"]["answered"] > answered)


def test_a_worker_that_hangs_is_replaced_after_its_deadline(tmp_path, data):
    with Daemon(tmp_path, model(data) + LOOPED) as daemon:
        daemon.until(lambda status: status["inference"]["answered"] > 0)
        (old,) = workers(daemon.pid)
        os.kill(old, signal.SIGSTOP)
        daemon.until(lambda status: status["inference"]["restarts"] >= 1)
        answered = daemon.status()["inference"]["answered"]
        daemon.until(lambda status: status["inference"]["answered"] > answered)
        assert not alive(old)


def test_a_worker_dies_with_its_daemon(tmp_path, data):
    with Daemon(tmp_path, model(data) + LOOPED) as daemon:
        daemon.until_watching()
        (worker,) = workers(daemon.pid)
        os.kill(daemon.pid, signal.SIGKILL)
        until(lambda: not alive(worker), 5.0)


def test_a_camera_that_goes_is_opened_again(tmp_path):
    """Its command writes two seconds of pictures and ends, again and again."""
    command = ["ffmpeg", "-v", "error", "-re", "-t", "2", "-i", str(package_data.clip()), "-f", "yuv4mpegpipe", "-"]
    pipe = f'[camera.pipe]\nsource = {{ type = "pipe", command = {json.dumps(command)} }}\n'
    with Daemon(tmp_path, pipe) as daemon:
        daemon.until(lambda status: status["cameras"]["pipe"]["failures"] >= 1)
        analysed = daemon.status()["cameras"]["pipe"]["analysed"]
        daemon.until(lambda status: status["cameras"]["pipe"]["analysed"] > analysed + 5)
        assert daemon.stop()[0] == 0


def test_a_camera_that_never_comes_is_told_lost_and_the_others_go_on(tmp_path):
    gone = '[camera.gone]\nsource = { type = "stream", url = "rtsp://127.0.0.1:9/none", timeout_s = 1 }\n'
    with Daemon(tmp_path, STILL + gone) as daemon:
        daemon.until(lambda status: status["cameras"]["gone"]["condition"] == "lost", 30)
        status = daemon.status()
        assert any("camera gone is lost" in fault for fault in status["faults"])
        assert status["cameras"]["room"]["analysed"] > 50
        assert daemon.stop()[0] == 0


def test_sighup_takes_a_new_configuration_or_refuses_it_whole(tmp_path, mosquitto):
    with Daemon(tmp_path, to(mosquitto) + STILL) as daemon:
        daemon.until_watching()
        daemon.write(to(mosquitto) + STILL + LOOPED)
        daemon.send(signal.SIGHUP)
        daemon.until(lambda status: set(status["cameras"]) == {"room", "street"})
        daemon.write(to(mosquitto) + STILL.replace("movers = 0", 'movers = "many"'))
        daemon.send(signal.SIGHUP)
        until(lambda: "refused" in daemon.log and "movers" in daemon.log)
        assert set(daemon.status()["cameras"]) == {"room", "street"}
        daemon.write("[outbox]\nmax_mb = 1\n" + STILL)
        daemon.send(signal.SIGHUP)
        until(lambda: "only [camera] is taken without a restart" in daemon.log)
        assert daemon.stop()[0] == 0


def test_two_daemons_on_one_folder_would_send_all_twice_so_the_second_is_refused(tmp_path):
    with Daemon(tmp_path, STILL) as first:
        first.until_watching()
        second = subprocess.run(
            [sys.executable, "-m", "tapetum", "run", "--config", first.config],
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == CONFIG_ERROR
        assert "in use by another tapetum" in second.stderr


def test_a_model_that_outgrows_its_memory_ends_the_start_with_what_would_be_right(tmp_path, data, capsys):
    path = tmp_path / "tapetum.toml"
    path.write_text(model(data) + "memory_mb = 128\n" + STILL)
    assert main(["check-config", str(path)]) == CONFIG_ERROR
    assert "memory_mb" in capsys.readouterr().err


MISTAKES = {
    "unknown key": ("colour = 1", "colour: there is no such key"),
    "a near one": ("[broker]\nhots = 'a'", "did you mean host"),
    "wrong type": ("[outbox]\nmax_mb = 'much'", "outbox.max_mb"),
    "out of range": ("[outbox]\nmax_mb = 0", "outbox.max_mb"),
    "unknown kind": ("[camera.a]\nsource = { type = 'webcam' }", "camera.a.source"),
    "missing source": ("[camera.a]", "camera.a"),
    "no topic": ("device = 'a/b'", "device"),
    "in the clear": ("[broker]\nhost = '192.168.1.2'", "broker.tls"),
    "missing model": ("[inference]\nmodel = '/none/detect.tflite'", "/none/detect.tflite"),
    "no TOML": ("device = ", "is no TOML"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_file_its_key_and_what_would_be_right(tmp_path, capsys, mistake):
    text, told = MISTAKES[mistake]
    path = tmp_path / "tapetum.toml"
    path.write_text(text)
    assert main(["check-config", str(path)]) == CONFIG_ERROR
    said = capsys.readouterr().err
    assert told in said
    assert "tapetum.toml" in said or "model" in mistake


@pytest.mark.parametrize("name", ["detect.tflite", "tapetum.toml"])
def test_what_is_no_model_is_refused(tmp_path, capsys, name):
    (tmp_path / name).write_text("no model")
    path = tmp_path / "config.toml"
    path.write_text(f"[inference]\nmodel = {json.dumps(str(tmp_path / name))}\n")
    assert main(["check-config", str(path)]) == CONFIG_ERROR
    assert name in capsys.readouterr().err


def test_labels_that_do_not_fit_the_model_are_told_with_both_counts(tmp_path, data, capsys):
    (tmp_path / "labels.txt").write_text("person\ncat\n")
    folder = data / "models" / "coco_ssd_mobilenet_v1_quant"
    path = tmp_path / "config.toml"
    path.write_text(f"[inference]\nmodel = '{folder}/detect.tflite'\nlabels = '{tmp_path}/labels.txt'\n")
    assert main(["check-config", str(path)]) == CONFIG_ERROR
    said = capsys.readouterr().err
    assert "2" in said
    assert "90" in said
