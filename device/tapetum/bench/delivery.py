"""Which alerts arrive while the broker is killed again and again: by a consumer's receipts, and by the broker's word.

A real mosquitto, which keeps its sessions on disk, is killed with SIGKILL and started again at random moments, while
alerts flow through a real outbox and publisher to a real listener with a session that the broker keeps.
"""

import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from tapetum.alerts.broker import Broker
from tapetum.alerts.listen import Listener
from tapetum.alerts.mqtt import Publisher
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.alerts.stamp import SequenceStamper
from tapetum.alerts.topics import Topics
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError, TapetumError
from tapetum.progress import Progress
from tapetum.scene import Box, Kind, Sighting

_BETWEEN_S = (0.8, 2.4)  # from one kill to the next: around the second in which lost connections are made again
_DOWN_S = (0.0, 0.3)
_START_S = 10.0
_DRAIN_S = 90.0
_QUIET_S = 3.0  # without a further alert, no more is expected

Mode = Literal["receipt", "broker"]


def run(kills: int, alerts: int) -> dict[str, Any]:
    """Return `modes`: for each word that lets go of an alert, how many arrived, how many were lost, and duplicates.

    Raises ConfigError when there is no mosquitto.
    """
    modes = [one("receipt", kills, alerts), one("broker", kills, alerts)]
    return {"kills": kills, "alerts": alerts, "modes": modes}


def one(mode: Mode, kills: int, alerts: int) -> dict[str, Any]:
    """Return what came of `alerts` when `mode` let go of them."""
    start_s = time.monotonic()
    arrived: set[str] = set()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mosquitto = _Mosquitto(folder)
        broker = Broker(host="127.0.0.1", port=mosquitto.port, delivery=mode, receipt_s=1.0)
        outbox = Outbox(folder / "outbox.sqlite", OutboxSettings(), SystemClock())
        publisher = Publisher(broker, Topics("bench"), outbox)
        listener = Listener(
            broker,
            lambda _, sighting: arrived.add(sighting.id),
            receipts=mode == "receipt",
            session="bench-consumer",
            complain=lambda _: None,
        )
        with _running(mosquitto, publisher, listener), Progress(f"delivery by {mode}", alerts) as bar:
            sent = _flow(mosquitto, outbox, kills, alerts, bar)
            _drain(outbox, arrived, sent)
        state = publisher.state()
        outbox.close()
    lost = len(sent - arrived)
    return {
        "delivery": mode,
        "arrived": len(sent & arrived),
        "lost": lost,
        "lost_share": round(lost / max(1, alerts), 4),
        "duplicates": listener.duplicates,
        "resent": state.resent,
        "seconds": round(time.monotonic() - start_s, 1),
    }


def _flow(mosquitto: "_Mosquitto", outbox: Outbox, kills: int, alerts: int, bar: Progress) -> set[str]:
    """Let alerts flow evenly over all kills; return their ids."""
    stamper = SequenceStamper(SystemClock(), 1)
    chance = random.Random(1)  # noqa: S311  moments, no secrets
    killer = threading.Thread(target=mosquitto.suffer, args=(kills, chance))
    interval_s = kills * (sum(_BETWEEN_S) + sum(_DOWN_S)) / 2 / max(1, alerts)
    killer.start()
    sent = set()
    for number in range(alerts):
        sighting = _sighting(stamper, number)
        outbox.append(sighting, "tapetum/v1/bench/camera/event")
        sent.add(sighting.id)
        bar.step()
        time.sleep(interval_s)
    killer.join()
    if mosquitto.failed:
        raise TapetumError("mosquitto does not start again")
    return sent


def _sighting(stamper: SequenceStamper, number: int) -> Sighting:
    stamp = stamper.stamp(SystemClock().now_ns())
    return Sighting(
        id=stamp.id,
        seq=stamp.seq,
        camera="camera",
        kind=Kind.ENDED if number % 2 else Kind.STARTED,
        track=number // 2,
        label="person",
        score=0.8,
        box=Box(0.1, 0.2, 0.3, 0.4),
        at=stamp.at,
        clock=stamp.clock,
        model="bench@0",
    )


def _drain(outbox: Outbox, arrived: set[str], sent: set[str]) -> None:
    """Wait until all have arrived, or nothing waits and nothing more comes."""
    deadline_s = time.monotonic() + _DRAIN_S
    count, since_s = len(arrived), time.monotonic()
    while time.monotonic() < deadline_s and not sent <= arrived:
        time.sleep(0.1)
        if len(arrived) != count or outbox.waiting[0]:
            count, since_s = len(arrived), time.monotonic()
        elif time.monotonic() - since_s > _QUIET_S:
            return


@contextmanager
def _running(mosquitto: "_Mosquitto", publisher: Publisher, listener: Listener) -> Iterator[None]:
    stop = threading.Event()
    mosquitto.start()
    threads = [threading.Thread(target=body, args=(stop,)) for body in (listener.run, publisher.run)]
    for thread in threads:
        thread.start()
    try:
        _await(lambda: listener.listening and publisher.state().connected)  # before the first alert
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        mosquitto.kill()


def _await(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + _START_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise TapetumError("mosquitto does not answer")
        time.sleep(0.02)


def _free_port(chance: random.Random) -> int:
    """Return a port below those that the kernel gives to clients: nobody takes it while the broker is dead."""
    while True:
        port = chance.randrange(12_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class _Mosquitto:
    """The broker that suffers."""

    def __init__(self, folder: Path) -> None:
        self._program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if self._program is None:
            raise ConfigError("bench delivery needs a broker that it may kill: sudo apt install mosquitto")
        self.port = _free_port(random.Random())  # noqa: S311  no secret
        self.failed = False
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
            f"persistence true\npersistence_location {folder}/\nautosave_interval 1\nlog_dest none\n"
            + ("user root\n" if os.geteuid() == 0 else "")  # else it becomes one who may not look into the folder
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        null = subprocess.DEVNULL
        command = [str(self._program), "-c", str(self._config)]
        self._process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null)
        _await(self._answers)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def suffer(self, kills: int, chance: random.Random) -> None:
        """Be killed and started again `kills` times; `failed`: it did not come up again."""
        try:
            for _ in range(kills):
                time.sleep(chance.uniform(*_BETWEEN_S))
                self.kill()
                time.sleep(chance.uniform(*_DOWN_S))
                self.start()
        except TapetumError:
            self.failed = True
