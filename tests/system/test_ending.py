"""However and whenever the daemon ends, it does so at once and leaves nothing behind but its outbox."""

import json
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.simulators.daemon import Daemon, handles, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import ROOM, STREET, Plug, camera, reached_at, rows

pytestmark = pytest.mark.system

IN_S = 2.0  # the daemon promises to have ended
OF_OTHERS = re.compile("left behind: (stream|mqtt)|broker .* does not answer").search
"""What may be warned of at the end: cameras and brokers that do not answer."""
MOMENTS_S = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6, 0.9, 1.4, 2.5, 5.0]


def ended_at_once(daemon: Daemon, number: signal.Signals = signal.SIGTERM) -> None:
    """End it, and hold it to what it promises; one that is not yet there to catch the signal may die of it.

    That it ends is nothing to warn of, whatever it had to break off.
    """
    before = daemon.log
    caught = handles(daemon.pid, number)
    code, seconds = daemon.stop(number=number)
    assert code == 0 or (not caught and code == -number), daemon.log
    assert seconds < IN_S
    until(lambda: not daemon.left(), 1.0, "nothing is left running")
    if (daemon.state / "outbox.sqlite").exists():
        rows(daemon)
    assert "Traceback" not in daemon.log
    assert not [line for line in daemon.log[len(before) :].splitlines() if "WARNING" in line and not OF_OTHERS(line)]


@pytest.mark.parametrize("moment_s", MOMENTS_S)
def test_it_can_be_ended_at_any_moment(tmp_path: Path, broker: Mosquitto, model: str, plug: Plug, moment_s: float):
    cameras = camera(STREET, "street") + camera(plug.source, "pipe")
    with Daemon(tmp_path, reached_at(broker.port) + model + cameras) as daemon:
        threading.Event().wait(moment_s)
        ended_at_once(daemon)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_it_can_be_ended_at_hundreds_of_moments(tmp_path: Path, broker: Mosquitto, model: str, plug: Plug):
    cameras = camera(STREET, "street") + camera(plug.source, "pipe")
    for number in range(300):
        with Daemon(tmp_path, reached_at(broker.port) + model + cameras) as daemon:
            threading.Event().wait(0.01 * number)
            ended_at_once(daemon)


def test_an_interrupt_ends_it_too(tmp_path: Path):
    with Daemon(tmp_path, camera()) as daemon:
        daemon.until_open()
        ended_at_once(daemon, signal.SIGINT)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as taken:
        stopped = threading.Event()
        server.settimeout(0.1)

        def take() -> None:
            while not stopped.is_set():
                try:
                    taken.enter_context(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=take)
        thread.start()
        yield int(server.getsockname()[1])
        stopped.set()
        thread.join()


def test_cameras_that_do_not_answer_hold_up_neither_start_nor_end(tmp_path: Path, silent: int):
    streams = (
        f'{{ type = "stream", url = "rtsp://127.0.0.1:{silent}/{number}", timeout_s = 60 }}' for number in range(3)
    )
    command = json.dumps([sys.executable, "-c", "import time; time.sleep(1000)"])
    pipe = f'{{ type = "pipe", command = {command}, timeout_s = 60 }}'
    cameras = "".join(camera(stream, f"stream{number}") for number, stream in enumerate(streams))
    with Daemon(tmp_path, cameras + camera(pipe, "pipe") + camera(ROOM)) as daemon:
        daemon.until_open()
        ended_at_once(daemon)


def test_a_broker_that_does_not_answer_holds_up_neither_start_nor_end(tmp_path: Path, silent: int):
    with Daemon(tmp_path, reached_at(silent) + camera()) as daemon:
        daemon.until_open()
        ended_at_once(daemon)


def test_a_broker_that_is_stopped_holds_up_no_end(tmp_path: Path, broker: Mosquitto):
    with Daemon(tmp_path, reached_at(broker.port) + camera()) as daemon:
        daemon.until(lambda status: status["broker"]["acknowledged"] > 0)
        os.kill(broker.pid, signal.SIGSTOP)
        ended_at_once(daemon)


def test_a_reload_just_before_holds_up_no_end(tmp_path: Path, silent: int):
    stream = f'{{ type = "stream", url = "rtsp://127.0.0.1:{silent}/", timeout_s = 60 }}'
    with Daemon(tmp_path, camera(stream, "stream") + camera()) as daemon:
        daemon.until_open()
        daemon.write(camera())
        daemon.send(signal.SIGHUP)
        ended_at_once(daemon)
