"""What breaks around the daemon is told, outlived and mended; what breaks in it ends it for its supervisor."""

import os
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tapetum.daemon import BUG
from tests.simulators.daemon import Daemon, alive, until, workers
from tests.simulators.mosquitto import Mosquitto, free_port
from tests.system.conftest import ROOM, STREET, Plug, Subscriber, Systemd, camera, reached_at, rows

pytestmark = pytest.mark.system


def test_a_worker_that_is_killed_or_hangs_is_replaced_while_the_camera_goes_on(tmp_path: Path, model: str):
    with Daemon(tmp_path, model + "deadline_s = 0.5\n" + camera(STREET)) as daemon:
        status = daemon.until(lambda status: status if status["inference"]["answered"] else None)
        for restarts, how in enumerate((signal.SIGKILL, signal.SIGSTOP), start=1):
            old = status["inference"]["pid"]
            assert old in workers(daemon.pid)
            os.kill(old, how)
            status = answering_again(daemon, status["inference"]["answered"], restarts)
            assert status["inference"]["mode"] == "cpu"
            assert not alive(old)


def test_a_worker_that_runs_out_of_memory_while_it_answers_is_replaced_while_the_camera_goes_on(
    tmp_path: Path, model: str
):
    # glibc then asks the system for each picture anew, instead of keeping what was freed (mallopt(3))
    with Daemon(tmp_path, model + camera(STREET), environment={"MALLOC_MMAP_THRESHOLD_": "65536"}) as daemon:
        before = daemon.until(lambda status: status if status["inference"]["answered"] else None)
        old = before["inference"]["pid"]
        _, most = resource.prlimit(old, resource.RLIMIT_AS)
        resource.prlimit(old, resource.RLIMIT_AS, (1 << 20, most))  # it has more, so no more is granted
        status = answering_again(daemon, before["inference"]["answered"], restarts=1)
        assert status["inference"]["last_error"].startswith(
            "the worker died ("
        )  # by MemoryError, or within the runtime
        assert status["inference"]["mode"] == "cpu"
        assert status["cameras"]["room"]["analysed"] > before["cameras"]["room"]["analysed"]
        assert status["cameras"]["room"]["failures"] == 0
        assert not alive(old)
        daemon.until(lambda now: now["cameras"]["room"]["analysed"] > status["cameras"]["room"]["analysed"])


def answering_again(daemon: Daemon, before: int, restarts: int) -> dict[str, Any]:
    """Wait until more is answered than `before`, by a worker replaced so many times; return the status."""

    def answers(status: dict[str, Any]) -> dict[str, Any] | None:
        inference = status["inference"]
        return status if inference["restarts"] == restarts and inference["answered"] > before else None

    return daemon.until(answers)


def test_a_camera_that_ends_is_opened_again(tmp_path: Path, plug: Plug):
    with Daemon(tmp_path, camera(plug.source)) as daemon:
        daemon.until_open()
        plug.be("gone")
        until(lambda: "has ended" in daemon.log)
        plug.be("well")
        daemon.until_open(times=2)
        status = daemon.until(lambda status: status["cameras"]["room"])
        daemon.until(lambda now: now["cameras"]["room"]["analysed"] > status["analysed"])


def test_a_camera_without_a_picture_for_ten_seconds_is_lost_until_it_comes_back(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, plug: Plug, systemd: Systemd
):
    clip = '{ type = "synthetic", width = 320, height = 180, frames = 5, pace = "analysis" }'
    patient = plug.source.replace("timeout_s = 1 ", "timeout_s = 60 ")  # so that it comes back when it does
    cameras = camera(patient) + camera(ROOM, "other") + camera(clip, "clip")
    with Daemon(tmp_path, reached_at(broker.port) + cameras, environment=systemd.environment) as daemon:
        until(lambda: subscriber.events(kind="started"))
        plug.be("stalled")
        lost = until(lambda: conditions(subscriber)[1:])
        assert [condition["condition"] for condition in lost] == ["lost"]
        until(lambda: subscriber.events(kind="ended"), what="what was under way has ended")
        until(lambda: subscriber.last("room/motion") == "OFF")
        status = daemon.until(lambda status: status if status["faults"] else None)
        assert status["cameras"]["room"]["condition"] == "lost"
        assert "camera room is lost: it gives no picture" in status["faults"]
        until(lambda: any("room is lost" in fault for fault in subscriber.last("health")["faults"]))
        fed = systemd.fed()
        until(lambda: systemd.fed() > fed + 1, what="neither it nor a clip that has ended starves the watchdog")
        started = len(subscriber.events(kind="started"))
        plug.be("well")
        until(lambda: conditions(subscriber)[2:])
        until(lambda: len(subscriber.events(kind="started")) > started, what="what moves is told again")
        assert subscriber.last("room/condition")["condition"] == "clear"
        until(lambda: not any("room" in fault for fault in subscriber.last("health")["faults"]))
        assert subscriber.last("health")["cameras"]["other"]["condition"] == "clear"


def test_a_camera_that_never_opens_is_never_said_to_be_clear(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, plug: Plug, systemd: Systemd
):
    plug.be("stalled")
    patient = plug.source.replace("timeout_s = 1 ", "timeout_s = 60 ")
    with Daemon(tmp_path, reached_at(broker.port) + camera(patient), environment=systemd.environment) as daemon:
        status = daemon.until(lambda status: status)
        assert status["cameras"]["room"]["condition"] == "opening"
        assert status["faults"] == []
        until(lambda: conditions(subscriber))
        assert [told["condition"] for told in subscriber.all("room/condition")] == ["opening", "lost"]
        fed = systemd.fed()
        until(lambda: systemd.fed() > fed + 1, what="the watchdog is fed from then on")
        plug.be("well")
        until(lambda: conditions(subscriber)[1:])
        assert subscriber.last("room/condition")["condition"] == "clear"


def test_a_camera_that_cannot_be_reached_is_told_with_host_port_and_key_and_no_password(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
):
    port = free_port()
    stream = f'{{ type = "stream", url = "rtsp://viewer:geheim@127.0.0.1:{port}/live" }}'
    with Daemon(tmp_path, reached_at(broker.port) + camera(stream)) as daemon:
        status = daemon.until(lambda status: status if status["faults"] else None)
        (fault,) = status["faults"]
        until(lambda: fault in subscriber.last("health")["faults"])
        nowhere = f"rtsp://127.0.0.1:{port}/live: 127.0.0.1:{port}: nothing listens there (Connection refused)"
        assert fault.startswith(f"camera room is lost: {nowhere}; ")
        assert fault.endswith("; look at camera.room.source.url")
        assert f"camera room: {nowhere}" in daemon.log
        assert "geheim" not in daemon.log + str(status) + str(subscriber.heard)


def conditions(subscriber: Subscriber) -> list[dict[str, str]]:
    """What was said of the room's picture, beside that there is none yet, or that it has changed as a whole."""
    return [told for told in subscriber.all("room/condition") if told["condition"] not in ("opening", "changed")]


BROKEN = {
    "analysis": "from tapetum.pipeline import Pipeline as broken; name = 'step'",
    "capture": "from tapetum.capture.synthetic import SyntheticSource as broken; name = 'read'",
    "inference": "from tapetum.inference.client import Worker as broken; name = 'run'",
    "mqtt": "from tapetum.alerts.mqtt import Publisher as broken; name = 'run'",
    "main": "from tapetum.daemon import Daemon as broken; name = '_health'",
}


@pytest.mark.parametrize("where", BROKEN)
def test_a_bug_in_any_thread_ends_the_daemon_for_its_supervisor(tmp_path: Path, where: str):
    bug = f"{BROKEN[where]}\ndef bug(*_): raise ZeroDivisionError('a bug')\nsetattr(broken, name, bug)\n"
    program = bug + "import sys; from tapetum.cli import main; sys.exit(main())"
    with Daemon(tmp_path, camera(), program=("-c", program)) as daemon:
        assert daemon.wait() == BUG
        assert "ZeroDivisionError: a bug" in daemon.log
        assert rows(daemon) == []
        assert daemon.left() == []
        assert not (daemon.state / "status.json").exists()


def test_a_bug_in_the_midst_of_alerts_loses_none_of_them_and_ends_them(tmp_path: Path):
    program = (
        "from tapetum.camera import Camera\nstep = Camera._step\n"
        "def stumble(self, frame):\n    step(self, frame)\n    assert frame.seq < 30, 'a bug'\n"
        "Camera._step = stumble\nimport sys; from tapetum.cli import main; sys.exit(main())"
    )
    with Daemon(tmp_path, camera(), program=("-c", program)) as daemon:
        assert daemon.wait() == BUG
    kinds = [row["kind"] for row in rows(daemon)]
    assert kinds.count("started") == kinds.count("ended") == 2


def test_a_second_daemon_on_the_same_state_is_refused_and_the_first_goes_on(tmp_path: Path):
    with Daemon(tmp_path, camera()) as first:
        first.until_open()
        second = subprocess.run(first.command, capture_output=True, text=True, check=False)
        assert second.returncode == 78
        assert f"state_dir: {first.state} is in use by another tapetum" in second.stderr
        first.until_watching()
