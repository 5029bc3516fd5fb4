"""The publisher: one thread that keeps a connection to the broker and sends over it what is to be sent.

Alerts come from the outbox and are kept until they are acknowledged. All else is of the moment: of what is retained the
newest of each topic is remembered, and said again after each connection; pictures are sent if there is a connection and
forgotten if not.
"""

import hashlib
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tapetum.alerts.broker import Broker, check, port
from tapetum.alerts.connection import Client, Connection, ConnectionLostError, Will, connected
from tapetum.alerts.delivery import Delivery
from tapetum.alerts.outbox import Outbox
from tapetum.alerts.retained import Reader
from tapetum.alerts.topics import Topics

_log = logging.getLogger(__name__)
_TURN_S = 0.05  # an alert waits at most this long for the thread to look
_SHORTEST_S, _LONGEST_S, _REFUSED_S = 1.0, 30.0, 60.0  # between tries to connect; the last where we are not wanted
_GOODBYE_S = 0.8  # to send what is left at the end
_TIDY_S, _TIDY_FULL_S = 60.0, 1.0  # between two looks at the outbox; while the disk takes nothing
_PICTURES = 16  # that wait for the thread
_MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True)
class BrokerState:
    """What health tells of the broker and the outbox.

    sent: alerts handed to the broker, each time counted; resent: those that had been before; refused: those that it
    did not take; lost: those that the outbox dropped at its bounds; expired: those of them that had waited too long.
    waiting, waiting_bytes: what the outbox holds.
    """

    connected: bool
    protocol: str
    sent: int
    acknowledged: int
    resent: int
    refused: int
    lost: int
    expired: int
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
        self.reader = Reader()
        self._client_id = client_id(topics.device)
        self._retained: dict[str, _Message] = {}  # all that was ever said, by topic
        self._unsaid: dict[str, _Message] = {}  # what of it this connection has not carried
        self._pictures: deque[_Message] = deque(maxlen=_PICTURES)
        self._commands: dict[str, Callable[[str], None]] = {}  # by topic
        self._lock = threading.Lock()
        self._connected = False
        self._protocol = ""
        self._last_error = ""
        self._tidied_s = time.monotonic()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Say something of the moment: retained and remembered, or sent only while there is a connection."""
        message = _Message(topic, payload, retain)
        with self._lock:
            if retain:
                self._retained[topic] = message
                self._unsaid[topic] = message
            elif self._connected:
                self._pictures.append(message)

    def obey(self, topic: str, command: Callable[[str], None]) -> None:
        """Call `command`, from the publisher's thread, with what is said on `topic`; before `run`."""
        self._commands[topic] = command

    def state(self) -> BrokerState:
        """Return the figures for health."""
        rows, size = self._outbox.waiting
        delivery = self._delivery
        return BrokerState(
            connected=self._connected,
            protocol=self._protocol,
            sent=delivery.sent,
            acknowledged=delivery.acknowledged,
            resent=delivery.resent,
            refused=delivery.refused,
            lost=self._outbox.lost,
            expired=self._outbox.expired,
            waiting=rows,
            waiting_bytes=size,
            last_error=self._last_error or delivery.refusal,
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
                self._pause(stop, _REFUSED_S if error.refused else delay_s * random.uniform(0.5, 1.0))  # noqa: S311  jitter
                delay_s = min(_LONGEST_S, 2 * delay_s)

    def _connect(self) -> Connection:
        will = Will(self._topics.of_device("state"), self._state("offline"))
        connection = connected(self._broker, Client(self._client_id, will))
        try:
            if self._broker.delivery == "receipt":
                connection.subscribe(self._topics.of_device("receipt"))
            for topic in self._commands:
                self._listen(connection, topic)
            connection.publish(will.topic, self._state("online"), qos=1, retain=True)
        except ConnectionLostError:
            connection.drop()
            raise
        self._delivery.restart()
        self.reader.restart()
        with self._lock:
            self._connected = True
            self._unsaid = dict(self._retained)
        self._protocol = connection.version
        self._last_error = ""
        _log.info("connected to %s:%d, MQTT %s", self._broker.host, port(self._broker), connection.version)
        return connection

    def _listen(self, connection: Connection, topic: str) -> None:
        """Ask for commands; a broker that does not want that is no reason to send it nothing."""
        try:
            connection.subscribe(topic)
        except ConnectionLostError as error:
            if not error.refused:
                raise
            _log.warning("%s; %s", error, error.hint)

    def _serve(self, connection: Connection, stop: threading.Event) -> None:
        """Send until `stop` is set or the connection is lost."""
        try:
            while not stop.is_set():
                self._turn(connection)
                self._tidy()
            self._say_goodbye(connection)
        finally:
            connection.drop()
            with self._lock:
                self._connected = False
                self._pictures.clear()

    def _say_goodbye(self, connection: Connection) -> None:
        """Send what is left, in so far as the broker takes it at once."""
        deadline_s = time.monotonic() + _GOODBYE_S
        self._turn(connection)
        while time.monotonic() < deadline_s and (self._outbox.waiting[0] or not self._delivery.idle):
            self._turn(connection)
        # QoS 0: what waits for an acknowledgement holds it up no more than the DISCONNECT that follows
        connection.publish(self._topics.of_device("state"), self._state("offline"), qos=0, retain=True)
        connection.turn(_TURN_S)
        connection.close()

    def _turn(self, connection: Connection) -> None:
        """Send what there is and take in what comes."""
        for message in self._to_say():
            self._say(connection, message)
        self._delivery.push(connection)
        self.reader.ask(connection)
        connection.turn(_TURN_S if self._delivery.idle and self.reader.idle else _TURN_S / 10)
        self._delivery.settle(connection)
        self.reader.settle(connection)
        while connection.received:
            topic, payload = connection.received.popleft()
            command = self._commands.get(topic)
            if command:
                command(payload.decode(errors="replace"))
            else:
                self._delivery.confirm(payload)

    def _to_say(self) -> list[_Message]:
        with self._lock:
            messages = [*self._unsaid.values(), *self._pictures]
            self._unsaid.clear()
            self._pictures.clear()
        return messages

    def _say(self, connection: Connection, message: _Message) -> None:
        if not connection.takes(message.topic, message.payload):
            _log.warning("%s: %d bytes are more than the broker takes: not sent", message.topic, len(message.payload))
            return
        connection.publish(message.topic, message.payload, qos=1 if message.retain else 0, retain=message.retain)

    def _lose(self, error: ConnectionLostError) -> None:
        hint = f"; {error.hint}" if error.hint else ""
        text = f"{self._broker.host}:{port(self._broker)}: {error}{hint}"
        if text != self._last_error:
            _log.warning("broker %s; alerts wait in the outbox", text)
        self._last_error = text

    def _pause(self, stop: threading.Event, seconds: float) -> None:
        """Wait before the next try; a disk that takes nothing is looked at meanwhile."""
        deadline_s = time.monotonic() + seconds
        while not stop.wait(min(_TIDY_FULL_S, max(0.0, deadline_s - time.monotonic()))):
            self._tidy()
            if time.monotonic() >= deadline_s:
                return

    def _tidy(self) -> None:
        if time.monotonic() - self._tidied_s > (_TIDY_FULL_S if self._outbox.full else _TIDY_S):
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
