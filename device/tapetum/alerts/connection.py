"""One MQTT connection, from CONNECT to its loss, driven by one thread.

MQTT 5 first, 3.1.1 where the broker knows no other. paho's callbacks run inside `turn` and only put what they are told
into a queue: taking a lock of ours inside them deadlocks with paho's own (paho issues 226, 354).
"""

import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tapetum.alerts.broker import Broker, credentials, port, tls_context
from tapetum.errors import ConfigError
from tapetum.network import why

_CONNECT_S = 5.0
_TURN_S = 0.1
_AROUND = 16  # bytes of a PUBLISH that are neither topic nor payload, at most (MQTT 5, 3.3)
_LARGEST = 1 << 17  # bytes of a packet that comes in (MQTT 5, 3.1.2.11.4): twice a chunk of a bundle, the largest
_LOGIN = "look at broker.credentials and broker.certificate"
_PLACE = "look at broker.host and broker.port"
_NO_BROKER = "is that an MQTT broker, and does it want TLS? look at broker.port and broker.tls"
_REFUSED = {
    "Bad user name or password": _LOGIN,
    "Not authorized": _LOGIN,
    "Banned": _LOGIN,
    "Client identifier not valid": _LOGIN,
    "Session taken over": "another daemon runs under this device's name: look at device",
}
_PROTOCOL = frozenset({"Unsupported protocol version", "Protocol error", "Malformed packet"})
_V5, _V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


class ConnectionLostError(Exception):
    """The connection is not there, or no more.

    refused: the broker knows us and says no, `hint` tells what to look at; protocol: it may know another version.
    """

    def __init__(self, reason: str, hint: str = "", refused: bool = False, protocol: bool = False) -> None:
        super().__init__(reason)
        self.hint = hint
        self.refused = refused
        self.protocol = protocol


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says in our place when we are gone: retained, QoS 1."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Client:
    """Who connects. session_s: seconds for which the broker keeps what comes while we are away; 0: it keeps nothing."""

    id: str
    will: Will | None = None
    session_s: int = 0


def connected(broker: Broker, client: Client) -> "Connection":
    """Return a connection, of MQTT 5 if the broker knows it; raises ConnectionLostError when there is none."""
    try:
        return Connection(broker, client, _V5)
    except ConnectionLostError as error:
        if not error.protocol:
            raise
    return Connection(broker, client, _V311)


class Connection:
    """One connection; all methods from one thread."""

    def __init__(self, broker: Broker, client: Client, version: MQTTProtocolVersion) -> None:
        """Connect and wait for the broker's word; raises ConnectionLostError when it does not come or is no."""
        self.acknowledged: deque[tuple[int, str]] = deque()  # (message id, why the broker refused it or "")
        self.received: deque[tuple[str, bytes]] = deque()
        self.subscriptions: deque[bool] = deque()  # for each answer to `subscribe`: whether it is granted
        self.retained: deque[tuple[str, bytes | None]] = deque()  # what came of `ask`; None: the broker refuses it
        self._asked: dict[int, str] = {}  # what `ask` asked for and was not answered yet, by message id
        self._asking: set[str] = set()
        self._largest = 1 << 28  # bytes of a packet (MQTT 5, 2.1.4); the broker may say less
        self.version = "5" if version == _V5 else "3.1.1"
        self._connected: ReasonCode | None = None
        self._goodbye = ""
        try:
            self._client = _client(broker, client, version)
        except ConfigError as error:  # the files may have changed since they were checked
            raise ConnectionLostError(str(error), refused=True) from None
        self._client.user_data_set(self)
        try:
            self._begin(broker, client)
        except ConnectionLostError:
            self.drop()
            raise

    def takes(self, topic: str, payload: bytes) -> bool:
        """Return whether the broker takes so much; it ends the connection over what is larger (MQTT 5, 3.2.2.3.6)."""
        return len(topic.encode()) + len(payload) + _AROUND <= self._largest

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool = False) -> int:
        """Hand over a message; return the id under which it is acknowledged."""
        return self._client.publish(topic, payload, qos, retain).mid

    def subscribe(self, topic: str) -> None:
        """Ask for messages, QoS 1, and wait for the answer; raises ConnectionLostError when it does not come or is no.

        Messages may come in meanwhile.
        """
        self._client.subscribe(topic, 1)
        deadline_s = time.monotonic() + _CONNECT_S
        while not self.subscriptions:
            if time.monotonic() > deadline_s:
                raise ConnectionLostError("the broker does not answer a subscription")
            self.turn(_TURN_S)
        if not self.subscriptions.popleft():
            hint = "look at its access rules"
            raise ConnectionLostError(f"the broker refuses a subscription to {topic}", hint, refused=True)

    def ask(self, topic: str) -> None:
        """Ask for what is retained on `topic`, and is said there from now on: it comes into `retained`."""
        self._asking.add(topic)
        mid = self._client.subscribe(topic, 1)[1]
        if mid is not None:
            self._asked[mid] = topic

    def leave(self, topic: str) -> None:
        """Ask for `topic` no more."""
        self._asking.discard(topic)
        self._client.unsubscribe(topic)

    def is_asked(self, topic: str) -> bool:
        """Return whether `topic` is among what was asked for."""
        return topic in self._asking or any(paho.topic_matches_sub(one, topic) for one in self._asking)

    def answered(self, mid: int, granted: bool) -> None:
        """Take in what the broker says to a subscription."""
        topic = self._asked.pop(mid, None)
        if topic is None:
            self.subscriptions.append(granted)
        elif not granted:
            self.retained.append((topic, None))

    def turn(self, wait_s: float) -> None:
        """Send and receive for at most `wait_s`; raises ConnectionLostError when the connection is gone."""
        code = self._client.loop(wait_s)
        if vars(self._client).get("_in_packet", {}).get("remaining_length", 0) > _LARGEST:
            raise ConnectionLostError("the broker sends a message that is larger than any that was asked for")
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS:
            return
        hint = _REFUSED.get(self._goodbye, "")
        reason = (
            f"the broker ends the connection: {self._goodbye}" if self._goodbye else paho.error_string(code).rstrip(".")
        )
        raise ConnectionLostError(reason, hint, refused=bool(hint))

    def close(self) -> None:
        """Say goodbye, so that the broker does not speak our will."""
        self._client.disconnect()
        self._client.loop(_TURN_S)
        self.drop()

    def drop(self) -> None:
        """Let the socket go without a word."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()
        self._client.user_data_set(None)  # else only the garbage collector would end the circle, and close what is open

    def _begin(self, broker: Broker, client: Client) -> None:
        try:
            self._client.connect(broker.host, port(broker), broker.keepalive_s, **_start(self._client, client))
        except (OSError, ValueError) as error:
            raise _unreachable(error) from None
        deadline_s = time.monotonic() + _CONNECT_S
        while self._connected is None:
            if time.monotonic() > deadline_s:
                raise ConnectionLostError("the broker does not answer a connection", _NO_BROKER)
            if self._client.loop(_TURN_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        if self._connected is None:
            hint = "look at broker.certificate" if broker.tls else _NO_BROKER
            raise ConnectionLostError("the broker ends the connection without an answer", hint, protocol=True)
        if self._connected.is_failure:
            name = self._connected.getName()
            hint = _REFUSED.get(name, "")
            raise ConnectionLostError(f"the broker refuses: {name}", hint, bool(hint), name in _PROTOCOL)


def _unreachable(error: Exception) -> ConnectionLostError:
    reason, question = why(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConnectionLostError(reason, "look at broker.ca and broker.host, and at this machine's clock")
    if isinstance(error, ssl.SSLError | ConnectionResetError):
        return ConnectionLostError(reason, f"{question}? look at broker.port and broker.tls")
    return ConnectionLostError(reason, f"{question}? {_PLACE}" if question else _PLACE)


def _client(broker: Broker, who: Client, version: MQTTProtocolVersion) -> paho.Client:
    clean = None if version == _V5 else not who.session_s
    client = paho.Client(
        CallbackAPIVersion.VERSION2, who.id, clean_session=clean, protocol=version, reconnect_on_failure=False
    )
    client.connect_timeout = _CONNECT_S
    if who.will:
        client.will_set(who.will.topic, who.will.payload, qos=1, retain=True)
    known = credentials(broker)
    if known:
        client.username_pw_set(known.user, known.password)
    context = tls_context(broker)
    if context:
        client.tls_set_context(context)
    client.on_socket_open = _without_delay
    client.on_connect = _on_connect
    client.on_disconnect = _on_disconnect
    client.on_publish = _on_publish
    client.on_message = _on_message
    client.on_subscribe = _on_subscribe
    return client


def _start(client: paho.Client, who: Client) -> dict[str, Any]:
    if client.protocol != _V5:
        return {}
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = who.session_s
    properties.MaximumPacketSize = _LARGEST
    return {"clean_start": not who.session_s, "properties": properties}


def _without_delay(_client: paho.Client, _data: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _LARGEST)  # paho reads 100 of these before we see how large


def _on_connect(_client: paho.Client, self: Any, _flags: Any, reason: ReasonCode, properties: Any) -> None:
    self._connected = reason
    self._largest = getattr(properties, "MaximumPacketSize", self._largest)


def _on_disconnect(_client: paho.Client, self: Any, flags: Any, reason: ReasonCode, _properties: Any) -> None:
    if self is not None and flags.is_disconnect_packet_from_server:
        self._goodbye = reason.getName()


def _on_publish(_client: paho.Client, self: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
    self.acknowledged.append((mid, reason.getName() if reason.is_failure else ""))


def _on_message(_client: paho.Client, self: Any, message: paho.MQTTMessage) -> None:
    if self.is_asked(message.topic):
        self.retained.append((message.topic, bytes(message.payload)))
    elif not message.retain:  # alerts, receipts and commands never are: this one is from another time
        self.received.append((message.topic, bytes(message.payload)))


def _on_subscribe(_client: paho.Client, self: Any, mid: int, reasons: list[ReasonCode], _properties: Any) -> None:
    self.answered(mid, not any(reason.is_failure for reason in reasons))
