"""The daemon's surroundings: a broker, somebody who hears everything, cameras."""

import json
import socket
import sqlite3
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tapetum import data as shipped
from tapetum.inference.contract import ModelSpec
from tests.simulators.bundles import ssd, yolo
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto

ROOM = '{ type = "synthetic", width = 320, height = 180 }'
"""A room through which two things move from its second second on, ten pictures a second."""
STREET = f'{{ type = "file", path = {json.dumps(str(shipped.clip()))}, loop = true }}'

CURIOUS = """scheduling.per_s = 20
scheduling.look_s = 0.2
scheduling.retry_s = 0.1
scheduling.recheck_s = 0.2
scheduling.longest_s = 0.4
"""
"""So much is asked in a few seconds as else in minutes."""


def camera(source: str = ROOM, name: str = "room", more: str = "") -> str:
    """Return the table of a camera."""
    return f"[camera.{name}]\nsource = {source}\n{more}\n"


def reached_at(port: int) -> str:
    """Return the table of a broker on this machine."""
    return f'[broker]\nhost = "127.0.0.1"\nport = {port}\n'


class Subscriber:
    """Hears everything under tapetum/, in order."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[tuple[str, bytes]] = []
        self.ready = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("tapetum/#", 1)
        self._client.on_subscribe = lambda *_: setattr(self, "ready", True)
        self._client.on_message = lambda _client, _data, message: self.heard.append((message.topic, message.payload))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(lambda: self.ready, what="subscribed")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: str) -> None:
        """Say something in `tapetum/v1/unit/<topic>`."""
        self._client.publish(f"tapetum/v1/unit/{topic}", payload, 1).wait_for_publish(10)

    def retain(self, topic: str, payload: bytes) -> None:
        """Have the broker retain a message, an empty one none, whatever the topic."""
        self._client.publish(topic, payload, 1, retain=True).wait_for_publish(10)

    def all(self, topic: str) -> list[Any]:
        """Everything that was said in `tapetum/v1/unit/<topic>`, as JSON, or text where it is none."""
        return [read(payload) for where, payload in list(self.heard) if where == f"tapetum/v1/unit/{topic}"]

    def last(self, topic: str) -> Any:
        """What was said last in the topic, None before."""
        return next(reversed(self.all(topic)), None)

    def events(self, camera: str = "room", kind: str = "") -> list[dict[str, Any]]:
        return [event for event in self.all(f"{camera}/event") if kind in ("", event["kind"])]


@contextmanager
def subscribed(port: int) -> Iterator[Subscriber]:
    found = Subscriber(port)
    try:
        yield found
    finally:
        found.close()


def read(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")


def rows(daemon: Daemon) -> list[dict[str, Any]]:
    """Return the alerts that wait in the outbox of a daemon that has ended; fails when the file is damaged."""
    with closing(sqlite3.connect(daemon.state / "outbox.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return waiting(daemon)


def waiting(daemon: Daemon) -> list[dict[str, Any]]:
    """Return the alerts that wait in the outbox of a daemon, which may run."""
    path = daemon.state / "outbox.sqlite"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'row'").fetchone():
            return []
        return [json.loads(payload) for (payload,) in database.execute("SELECT payload FROM row ORDER BY number")]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with Mosquitto(folder) as running:
        yield running


@pytest.fixture
def subscriber(broker: Mosquitto) -> Iterator[Subscriber]:
    with subscribed(broker.port) as found:
        yield found


@pytest.fixture
def model(data: Path) -> str:
    """The table of a real detector."""
    folder = data / "models/coco_ssd_mobilenet_v1_quant"
    return f"[inference]\nmodel = {json.dumps(str(folder / 'detect.tflite'))}\n"


class Systemd:
    """The socket on which a service manager hears its services."""

    def __init__(self) -> None:
        self._name = f"tapetum-test-{uuid.uuid4().hex}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + self._name)
        self._socket.setblocking(False)
        self.environment = {"NOTIFY_SOCKET": "@" + self._name}
        self.heard: list[str] = []

    def hear(self) -> list[str]:
        """Return all that was said so far, in order."""
        while True:
            try:
                self.heard.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return self.heard

    def fed(self) -> int:
        """How often the watchdog was fed so far."""
        return self.hear().count("WATCHDOG=1")

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd() -> Iterator[Systemd]:
    found = Systemd()
    yield found
    found.close()


_CAMERA = Path(__file__).with_name("y4m_camera.py")


class Plug:
    """A camera behind a command, whose plug can be drawn: `source` is its settings."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        command = json.dumps([sys.executable, str(_CAMERA), str(folder)])
        self.source = f'{{ type = "pipe", command = {command}, timeout_s = 1 }}'

    def be(self, state: str) -> None:
        """Be "well", "gone" (the command ends) or "stalled" (it writes nothing more)."""
        for other in ("gone", "stalled"):
            (self._folder / other).unlink(missing_ok=True)
        if state != "well":
            (self._folder / state).touch()


@pytest.fixture
def plug(tmp_path: Path) -> Plug:
    return Plug(tmp_path / "plug")


@pytest.fixture
def old(data: Path) -> ModelSpec:
    """What is active before another model comes."""
    return ssd(data)


@pytest.fixture
def new(data: Path) -> ModelSpec:
    """The model that comes."""
    return yolo(data)
