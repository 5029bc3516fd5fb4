"""The broker configuration that ships: a real mosquitto runs with it and keeps everybody to their own topics."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

CONFIG = Path(__file__).parents[2] / "firmware-config/mosquitto"
PATH = os.environ.get("PATH", "") + ":/usr/sbin"
PASSWORD = "correct horse"  # noqa: S105  of a broker that lives for one test
EVENT = "tapetum/v1/gate-1/front/event"
NOT_AUTHORIZED = 0x87
OF_THE_DAEMON = ("state", "health", "inventory", "config", "model/state", "model/event", "model/update", "model/fetch")
OF_A_CAMERA = ("event", "snapshot", "motion", "condition", "damped")


@dataclass
class Broker:
    port: int
    ca: Path


@dataclass
class Client:
    """A connected client; `heard` fills up with (topic, payload) as `turn` is called."""

    mqtt: paho.Client
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    granted: dict[int, int] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)
    refused: str = ""

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "nothing came"
            self.mqtt.loop(0.02)

    def say(self, topic: str, payload: bytes = b"{}", retain: bool = False) -> bool:
        """Publish and return whether the broker took it."""
        mid = self.mqtt.publish(topic, payload, 1, retain).mid
        self.until(lambda: mid in self.answers)
        return self.answers[mid] != NOT_AUTHORIZED

    def listen(self, topic: str) -> None:
        _, mid = self.mqtt.subscribe(topic, 1)
        self.until(lambda: mid in self.granted)


Connect = Callable[..., Client]


@pytest.fixture
def connected(broker: Broker) -> Iterator[Connect]:
    """Connects a user, and lets the connection go at the end."""
    clients: list[Client] = []

    def connect(user: str, password: str = PASSWORD) -> Client:
        mqtt = paho.Client(CallbackAPIVersion.VERSION2, f"test-{user}", protocol=MQTTProtocolVersion.MQTTv5)
        client = Client(mqtt)
        clients.append(client)
        come: list[str] = []
        mqtt.on_connect = lambda _c, _d, _f, reason, _p: come.append(str(reason))
        mqtt.on_message = lambda _c, _d, message: client.heard.append((message.topic, message.payload))
        mqtt.on_subscribe = lambda _c, _d, mid, reasons, _p: client.granted.update({mid: reasons[0].value})
        mqtt.on_publish = lambda _c, _d, mid, reason, _p: client.answers.update({mid: reason.value})
        mqtt.username_pw_set(user, password)
        mqtt.tls_set(str(broker.ca))
        mqtt.connect("localhost", broker.port, 30)
        client.until(lambda: bool(come))
        client.refused = "" if come[0] == "Success" else come[0]
        return client

    yield connect
    for client in clients:
        client.mqtt.disconnect()
        client.mqtt.loop(0.05)


def certificates(folder: Path) -> None:
    """Make an authority and a certificate for localhost."""
    folder.mkdir()
    common = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", "req", "-x509", *common, *arguments], cwd=folder, check=True, capture_output=True)

    openssl("-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.crt")
    signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    openssl(*signed, *names, "-keyout", "broker.key", "-out", "broker.crt")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def adapted(name: str, folder: Path, port: int) -> None:
    """Copy a shipped file with its paths, and the port, put where this test may use them."""
    text = (CONFIG / name).read_text(encoding="utf-8")
    text = text.replace("/etc/mosquitto/", f"{folder}/").replace("listener 8883", f"listener {port} 127.0.0.1")
    (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    programs = [shutil.which(name, path=PATH) for name in ("mosquitto", "mosquitto_passwd", "openssl")]
    if not all(programs):
        pytest.skip("mosquitto or openssl is not installed")
    folder = tmp_path_factory.mktemp("broker")
    port = free_port()
    certificates(folder / "certs")
    passwords = folder / "tapetum.passwd"
    passwords.touch(0o600)
    for user in ("gate-1", "gate-2", "consumer", "operator", "publisher"):
        subprocess.run([str(programs[1]), "-b", str(passwords), user, PASSWORD], check=True, capture_output=True)
    for name in ("tapetum.conf", "tapetum.acl"):
        adapted(name, folder, port)
    main = folder / "mosquitto.conf"  # as Debian's, with the user who runs the test
    main.write_text(
        f"user {os.environ.get('USER', 'root')}\npersistence true\npersistence_location {folder}/\n"
        f"log_dest file {folder}/log\ninclude_dir {folder}/conf.d\n"
    )
    (folder / "conf.d").mkdir()
    (folder / "tapetum.conf").rename(folder / "conf.d/tapetum.conf")
    process = subprocess.Popen([str(programs[0]), "-c", str(main)], stderr=subprocess.PIPE)
    try:
        await_port(port, process)
        yield Broker(port, folder / "certs/ca.crt")
    finally:
        process.terminate()
        process.communicate(timeout=10)


def await_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1].decode()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("mosquitto does not listen")


def test_a_device_says_what_is_its_own_and_consumers_hear_it(connected: Connect):
    consumer, device = connected("consumer"), connected("gate-1")
    consumer.listen("tapetum/v1/+/+/event")
    assert device.say(EVENT, b"mine")
    consumer.until(lambda: consumer.heard)
    assert consumer.heard == [(EVENT, b"mine")]


@pytest.mark.parametrize("topic", [*OF_THE_DAEMON, *(f"front/{name}" for name in OF_A_CAMERA)])
def test_a_device_may_say_all_that_the_daemon_says(connected: Connect, topic: str):
    assert connected("gate-1").say(f"tapetum/v1/gate-1/{topic}")


@pytest.mark.parametrize("device", ["gate-1", "gate-2"])
def test_a_device_tells_home_assistant_of_itself_alone(connected: Connect, device: str):
    assert connected("gate-1").say(f"homeassistant/device/{device}/config") is (device == "gate-1")


@pytest.mark.parametrize(
    "topic",
    [
        "tapetum/v1/gate-2/front/event",
        "tapetum/v1/gate-2/state",
        "tapetum/v1/gate-2/cmd/restart",
        "tapetum/v1/gate-1/cmd/restart",
        "tapetum/v1/gate-1/receipt",
        "tapetum/v1/repository/1.root.json",
        "elsewhere",
    ],
)
def test_a_device_cannot_say_what_is_not_its_own(connected: Connect, topic: str):
    assert not connected("gate-1").say(topic)


def test_a_device_hears_its_commands_and_receipts_and_nothing_of_another(connected: Connect):
    device, operator, consumer = (connected(user) for user in ("gate-1", "operator", "consumer"))
    device.listen("#")
    device.listen("tapetum/v1/gate-2/#")
    assert operator.say("tapetum/v1/gate-2/cmd/restart")
    assert consumer.say("tapetum/v1/gate-2/receipt")
    assert connected("gate-2").say("tapetum/v1/gate-2/front/event")
    assert operator.say("tapetum/v1/gate-1/cmd/restart")
    assert consumer.say("tapetum/v1/gate-1/receipt")
    device.until(lambda: len({topic for topic, _ in device.heard}) == 2)
    assert {topic for topic, _ in device.heard} == {"tapetum/v1/gate-1/cmd/restart", "tapetum/v1/gate-1/receipt"}


def test_only_the_publisher_of_models_writes_the_repository_and_devices_read_it(connected: Connect):
    topic = "tapetum/v1/repository/timestamp.json"
    for user in ("consumer", "operator", "gate-1"):
        assert not connected(user).say(topic, b"forged", retain=True)
    assert connected("publisher").say(topic, b"signed", retain=True)
    device = connected("gate-1")
    device.listen("tapetum/v1/repository/#")
    device.until(lambda: device.heard)
    assert device.heard == [(topic, b"signed")]


def test_the_publisher_of_models_hears_how_devices_do_with_them_and_no_alert(connected: Connect):
    topics = [f"tapetum/v1/gate-1/{name}" for name in ("state", "inventory", "model/state", "model/fetch")]
    publisher, device = connected("publisher"), connected("gate-1")
    for name in ("state", "inventory", "model/state", "model/fetch", "front/event"):
        publisher.listen(f"tapetum/v1/+/{name}")
    assert device.say(EVENT)
    for topic in topics:
        assert device.say(topic)
    publisher.until(lambda: len(publisher.heard) == len(topics))
    assert [topic for topic, _ in publisher.heard] == topics


def test_a_consumer_and_the_publisher_cannot_speak_for_a_device(connected: Connect):
    for user in ("consumer", "publisher", "operator"):
        assert not connected(user).say(EVENT)


def test_a_wrong_password_is_refused(connected: Connect):
    assert connected("gate-1", "wrong").refused in ("Not authorized", "Bad user name or password")


def test_a_connection_in_the_clear_is_refused(broker: Broker):
    with socket.create_connection(("127.0.0.1", broker.port), 5) as plain:
        plain.sendall(bytes.fromhex("101000044d5154540502003c000003616263"))  # CONNECT of MQTT 5, client id "abc"
        with contextlib.suppress(ConnectionResetError):
            assert b"\x20" not in plain.recv(64)  # no CONNACK: an alert of TLS, or nothing


def test_a_device_can_tell_the_broker_from_another_by_its_certificate(broker: Broker, tmp_path: Path):
    certificates(tmp_path / "other")
    stranger = ssl.create_default_context(cafile=str(tmp_path / "other/ca.crt"))
    with socket.create_connection(("127.0.0.1", broker.port), 5) as plain, pytest.raises(ssl.SSLCertVerificationError):
        stranger.wrap_socket(plain, server_hostname="localhost")
