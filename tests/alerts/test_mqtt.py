"""The publisher, with a real mosquitto that is absent, refuses, dies and comes back."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tapetum.alerts import embedded
from tapetum.alerts.broker import Broker
from tapetum.alerts.listen import Listener
from tapetum.alerts.mqtt import Publisher, client_id
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.alerts.topics import Topics
from tapetum.bench import delivery
from tapetum.clock import SystemClock
from tests.alerts.making import sighting
from tests.simulators.mosquitto import Mosquitto, free_port

TOPIC = "tapetum/v1/garage/hall/event"
STATE = "tapetum/v1/garage/state"


def wait_for(condition, seconds=15.0):
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it does not come to pass")


@pytest.fixture
def mosquitto(tmp_path):
    folder = tmp_path / "broker"
    folder.mkdir()
    with Mosquitto(folder) as broker:
        yield broker


@pytest.fixture
def outbox(tmp_path):
    outbox = Outbox(tmp_path / "outbox.sqlite", OutboxSettings(), SystemClock())
    yield outbox
    outbox.close()


@contextmanager
def publishing(outbox, **broker):
    """A publisher at work."""
    publisher = Publisher(Broker(host="127.0.0.1", **broker), Topics("garage"), outbox)
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run, args=(stop,))
    thread.start()
    try:
        yield publisher
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


class Consumer:
    """Any MQTT client: what it hears, topic by topic."""

    def __init__(self, port, topic="tapetum/#", **login):
        self.heard = []
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        if login:
            self._client.username_pw_set(login["user"], login["password"])
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _c, _d, message: self.heard.append(message)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()

    def on(self, topic):
        return [message.payload for message in list(self.heard) if message.topic == topic]


def test_an_alert_arrives_and_leaves_the_outbox(mosquitto, outbox):
    one = sighting()
    with Consumer(mosquitto.port) as consumer, publishing(outbox, port=mosquitto.port):
        outbox.append(one, TOPIC)
        wait_for(lambda: consumer.on(TOPIC))
        wait_for(lambda: outbox.waiting == (0, 0))
    assert json.loads(consumer.on(TOPIC)[0])["id"] == one.id


def test_alerts_are_never_retained_and_the_state_is(mosquitto, outbox):
    with publishing(outbox, port=mosquitto.port) as publisher:
        outbox.append(sighting(), TOPIC)
        wait_for(lambda: publisher.state().acknowledged == 1)
        with Consumer(mosquitto.port) as late:
            wait_for(lambda: late.on(STATE))
            assert json.loads(late.on(STATE)[0])["status"] == "online"
            assert not late.on(TOPIC)


def test_who_leaves_says_offline(mosquitto, outbox):
    with publishing(outbox, port=mosquitto.port) as publisher:
        wait_for(lambda: publisher.state().connected)
    with Consumer(mosquitto.port) as late:
        wait_for(lambda: late.on(STATE))
        assert json.loads(late.on(STATE)[0])["status"] == "offline"


KILLED = """
import sys, threading
from pathlib import Path
from tapetum.alerts.broker import Broker
from tapetum.alerts.mqtt import Publisher
from tapetum.alerts.outbox import Outbox, OutboxSettings
from tapetum.alerts.topics import Topics
from tapetum.clock import SystemClock
outbox = Outbox(Path(sys.argv[1]), OutboxSettings(), SystemClock())
Publisher(Broker(host="127.0.0.1", port=int(sys.argv[2])), Topics("garage"), outbox).run(threading.Event())
"""


def test_of_who_is_killed_the_broker_says_offline(mosquitto, tmp_path):
    with Consumer(mosquitto.port, STATE) as consumer:
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "o.sqlite"), str(mosquitto.port)])
        wait_for(lambda: consumer.on(STATE))
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for(lambda: len(consumer.on(STATE)) == 2)
    assert [json.loads(payload)["status"] for payload in consumer.on(STATE)] == ["online", "offline"]


def test_a_broker_that_is_absent_at_the_start_gets_all_when_it_comes(tmp_path, outbox):
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Mosquitto(folder, port=free_port())
    taken = [sighting(seq) for seq in range(1, 21)]
    with publishing(outbox, port=broker.port) as publisher:
        for one in taken:
            outbox.append(one, TOPIC)
        wait_for(lambda: publisher.state().last_error)
        assert outbox.waiting[0] == 20
        with broker:
            wait_for(lambda: outbox.waiting[0] == 0)
            assert publisher.state().last_error == ""


def test_a_broker_that_stands_still_is_waited_for(mosquitto, outbox):
    with Consumer(mosquitto.port) as consumer, publishing(outbox, port=mosquitto.port) as publisher:
        wait_for(lambda: publisher.state().connected)
        os.kill(mosquitto.pid, signal.SIGSTOP)
        for seq in range(1, 11):
            outbox.append(sighting(seq), TOPIC)
        time.sleep(0.5)
        assert outbox.waiting[0] == 10
        os.kill(mosquitto.pid, signal.SIGCONT)
        wait_for(lambda: outbox.waiting[0] == 0)
        assert len({json.loads(payload)["id"] for payload in consumer.on(TOPIC)}) == 10


def secret(tmp_path, user, password):
    path = tmp_path / "credentials.toml"
    path.write_text(f'user = "{user}"\npassword = "{password}"\n')
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def guarded(tmp_path):
    """A broker that lets in the user garage with the password right."""
    folder = tmp_path / "broker"
    folder.mkdir()
    words = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", words, "garage", "right"], check=True, env=_path())
    words.chmod(0o644)
    with Mosquitto(folder, f"password_file {words}", anonymous=False) as broker:
        yield broker


def _path():
    return os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin"}


def test_a_wrong_password_is_said_and_nothing_is_lost(guarded, outbox, tmp_path, caplog):
    wrong = secret(tmp_path, "garage", "wrong")
    with caplog.at_level(logging.WARNING), publishing(outbox, port=guarded.port, credentials=wrong) as publisher:
        outbox.append(sighting(), TOPIC)
        wait_for(lambda: "refuses" in publisher.state().last_error)
        assert not publisher.state().connected
    assert "broker.credentials" in caplog.text
    assert "wrong" not in caplog.text.replace("wrong password", "")
    assert outbox.waiting[0] == 1


def test_the_right_password_is_let_in(guarded, outbox, tmp_path):
    with publishing(outbox, port=guarded.port, credentials=secret(tmp_path, "garage", "right")):
        outbox.append(sighting(), TOPIC)
        wait_for(lambda: outbox.waiting[0] == 0)


def _openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def secured(tmp_path):
    """A broker that shows a certificate of an authority of ours, and asks for one."""
    folder = tmp_path / "tls"
    folder.mkdir()
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _openssl(folder, "req", "-x509", *key, "-days", "2", "-subj", "/CN=ours", "-keyout", "ca.key", "-out", "ca.pem")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    for name in ("server", "garage"):
        _openssl(folder, "req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        _openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")
    for file in folder.iterdir():
        file.chmod(0o644)
    files = [f"cafile {folder}/ca.pem", f"certfile {folder}/server.pem", f"keyfile {folder}/server.key"]
    with Mosquitto(folder, *files, "require_certificate true") as broker:
        yield broker


def test_certificates_of_both_sides_secure_the_way(secured, outbox):
    folder = secured.folder
    files = {"ca": f"{folder}/ca.pem", "certificate": f"{folder}/garage.pem", "key": f"{folder}/garage.key"}
    with publishing(outbox, port=secured.port, tls=True, **files):
        outbox.append(sighting(), TOPIC)
        wait_for(lambda: outbox.waiting[0] == 0)


def test_a_broker_whose_authority_is_not_trusted_gets_nothing(secured, outbox):
    with publishing(outbox, port=secured.port, tls=True) as publisher:
        outbox.append(sighting(), TOPIC)
        wait_for(lambda: "certificate" in publisher.state().last_error.lower())
        assert outbox.waiting[0] == 1


@pytest.mark.filterwarnings("ignore")
def test_a_broker_that_knows_no_version_5_is_talked_to_in_3_1_1(outbox):
    broker, port = embedded.start()
    try:
        with publishing(outbox, port=port) as publisher:
            outbox.append(sighting(), TOPIC)
            wait_for(lambda: outbox.waiting[0] == 0, 30)
            assert publisher.state().protocol == "3.1.1"
    finally:
        broker.stop()


def test_a_row_stays_until_a_consumer_confirms_it(mosquitto, outbox):
    with publishing(outbox, port=mosquitto.port, delivery="receipt", receipt_s=0.3) as publisher:
        outbox.append(sighting(), TOPIC)
        wait_for(lambda: publisher.state().resent >= 1)
        assert outbox.waiting[0] == 1
        heard, stop = [], threading.Event()
        listener = Listener(
            Broker(host="127.0.0.1", port=mosquitto.port), lambda *told: heard.append(told), receipts=True
        )
        thread = threading.Thread(target=listener.run, args=(stop,))
        thread.start()
        wait_for(lambda: outbox.waiting[0] == 0)
        stop.set()
        thread.join()
    assert len(heard) == 1


def test_a_thousand_alerts_of_four_threads_arrive_once_each(mosquitto, outbox):
    def work(first):
        for seq in range(first, first + 250):
            outbox.append(sighting(seq), TOPIC)

    with Consumer(mosquitto.port) as consumer, publishing(outbox, port=mosquitto.port):
        threads = [threading.Thread(target=work, args=(1000 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: outbox.waiting[0] == 0, 60)
        wait_for(lambda: len(consumer.on(TOPIC)) >= 1000)
    assert len({json.loads(payload)["id"] for payload in consumer.on(TOPIC)}) == 1000


@pytest.mark.parametrize(
    ("kills", "alerts"), [(5, 200), pytest.param(50, 2000, marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
def test_with_receipts_every_alert_arrives_however_often_the_broker_is_killed(kills, alerts):
    by_receipt, by_broker = delivery.run(kills, alerts)["modes"]
    assert (by_receipt["arrived"], by_receipt["lost"]) == (alerts, 0)
    print(f"without receipts {by_broker['lost']} of {alerts} alerts were lost")
    assert by_broker["arrived"] + by_broker["lost"] == alerts


def test_a_device_has_one_client_id_and_no_other_device_has_it():
    assert client_id("garage") == client_id("garage") != client_id("kitchen")
    assert Path("/etc/machine-id").exists() is False or "garage" not in client_id("garage")
