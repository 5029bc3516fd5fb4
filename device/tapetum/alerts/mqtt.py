"""The publisher: one thread that keeps a connection to the broker and sends over it what is to be sent.

Alerts come from the outbox and are kept until they are acknowledged. All else is of the moment: what is retained is
remembered and said again after each connection, pictures are sent if there is a connection and forgotten if not.
"""

import hashlib
import logging
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import msgspec
from paho.mqtt.enums import MQTTProtocolVersion

from tapetum.alerts.broker import Broker, check, port
from tapetum.alerts.connection import Connection, ConnectionLostError, Will
from tapetum.alerts.delivery import Delivery
from tapetum.alerts.outbox import Outbox
from tapetum.alerts.topics import Topics

_log = logging.getLogger(__name__)
_TURN_S = 0.05  # an alert waits at most this long for the thread to look
_SHORTEST_S, _LONGEST_S, _REFUSED_S = 1.0, 30.0, 60.0  # between tries to connect; the last where we are not wanted
_GOODBYE_S = 0.8  # to send what is left at the end
_TIDY_S = 60.0
_VOLATILE = 64  # messages of the moment that wait for the thread
_MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True)
class BrokerState:
    """What health tells of the broker and the outbox."""

    connected: bool
    protocol: str
    sent: int
    acknowledged: int
    resent: int
    refused: int
    lost: int
    waiting: int
    waiting_bytes: int
    last_error: str


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    payload: bytes
    retain: bool


class Publisher:
    """The way out; `run` is the body of its thread, all other methods may be called from any."""

    def __init__(self, broker: Broker, topics: Topics, outbox: Outbox) -> None:
        """Make ready to send; raises ConfigError for a broker that must not or cannot be used."""
        check(broker)
        self._broker = broker
        self._topics = topics
        self._outbox = outbox
        self._delivery = Delivery(broker, outbox)
        self._client_id = client_id(topics.device)
        self._version = MQTTProtocolVersion.MQTTv5
        self._volatile: deque[_Message] = deque(maxlen=_VOLATILE)
        self._retained: dict[str, _Message] = {}
        self._lock = threading.Lock()
        self._connected = False
        self._last_error = ""
        self._tidied_s = time.monotonic()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Say something of the moment: retained and remembered, or sent only while there is a connection."""
        message = _Message(topic, payload, retain)
        with self._lock:
            if retain:
                self._retained[topic] = message
            if self._connected:
                self._volatile.append(message)

    def state(self) -> BrokerState:
        """Return the figures for health."""
        rows, size = self._outbox.waiting
        delivery = self._delivery
        return BrokerState(
            connected=self._connected,
            protocol="5" if self._version == MQTTProtocolVersion.MQTTv5 else "3.1.1",
            sent=delivery.sent,
            acknowledged=delivery.acknowledged,
            resent=delivery.resent,
            refused=delivery.refused,
            lost=self._outbox.lost,
            waiting=rows,
            waiting_bytes=size,
            last_error=self._last_error,
        )

    def run(self, stop: threading.Event) -> None:
        """Keep a connection and send over it, until `stop` is set; then say goodbye."""
        delay_s = _SHORTEST_S
        while not stop.is_set():
            self._tidy()
            if not self._broker.host:
                stop.wait(1.0)
                continue
            try:
                connection = self._connect()
                delay_s = _SHORTEST_S
                self._serve(connection, stop)
            except ConnectionLostError as error:
                self._lose(error)
                wait_s = _REFUSED_S if error.refused else delay_s * random.uniform(0.5, 1.0)  # noqa: S311  jitter
                delay_s = min(_LONGEST_S, 2 * delay_s)
                stop.wait(wait_s)

    def _connect(self) -> Connection:
        will = Will(self._topics.of_device("state"), self._state("offline"))
        try:
            connection = Connection(self._broker, self._client_id, self._version, will)
        except ConnectionLostError as error:
            if error.protocol:
                newer, older = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
                self._version = older if self._version == newer else newer
            raise
        if self._broker.delivery == "receipt":
            self._await_subscription(connection)
        self._delivery.restart()
        with self._lock:
            self._connected = True
            self._volatile.extend(self._retained.values())
        self._last_error = ""
        _log.info("connected to %s:%d", self._broker.host, port(self._broker))
        connection.publish(will.topic, self._state("online"), qos=1, retain=True)
        return connection

    def _await_subscription(self, connection: Connection) -> None:
        connection.subscribe(self._topics.of_device("receipt"))
        deadline_s = time.monotonic() + _LONGEST_S
        while not connection.subscribed:
            if time.monotonic() > deadline_s:
                raise ConnectionLostError("the broker does not answer a subscription")
            connection.turn(_TURN_S)

    def _serve(self, connection: Connection, stop: threading.Event) -> None:
        """Send until `stop` is set or the connection is lost."""
        while not stop.is_set():
            self._turn(connection)
            self._tidy()
        deadline_s = time.monotonic() + _GOODBYE_S
        while time.monotonic() < deadline_s and (self._outbox.waiting[0] or not self._delivery.idle):
            self._turn(connection)
        connection.publish(self._topics.of_device("state"), self._state("offline"), qos=1, retain=True)
        connection.turn(_TURN_S)
        connection.close()
        with self._lock:
            self._connected = False

    def _turn(self, connection: Connection) -> None:
        """Send what there is and take in what comes."""
        while self._volatile:
            message = self._volatile.popleft()
            connection.publish(message.topic, message.payload, qos=1 if message.retain else 0, retain=message.retain)
        self._delivery.push(connection)
        connection.turn(_TURN_S if self._delivery.idle else _TURN_S / 10)
        self._delivery.settle(connection)
        while connection.received:
            self._delivery.confirm(connection.received.popleft()[1])

    def _lose(self, error: ConnectionLostError) -> None:
        with self._lock:
            self._connected = False
            self._volatile.clear()
        if str(error) != self._last_error:
            where = f"{self._broker.host}:{port(self._broker)}"
            hint = "; look at broker.credentials and broker.certificate" if error.refused else ""
            _log.warning("broker %s: %s%s; alerts wait in the outbox", where, error, hint)
        self._last_error = str(error)

    def _tidy(self) -> None:
        if time.monotonic() - self._tidied_s > _TIDY_S or self._outbox.full:
            self._tidied_s = time.monotonic()
            self._outbox.tidy()

    def _state(self, status: str) -> bytes:
        return msgspec.json.encode({"status": status, "boot": self._outbox.boot})


def client_id(device: str) -> str:
    """Return the device's own client id: the same each time, no other device's."""
    try:
        machine = _MACHINE_ID.read_text().strip()
    except OSError:
        machine = ""
    return "tapetum-" + hashlib.sha256(f"tapetum/{machine}/{device}".encode()).hexdigest()[:16]
