"""One MQTT connection, from CONNECT to its loss, driven by one thread.

MQTT 5 first, 3.1.1 where the broker knows no other. paho's callbacks run inside `turn` and only put what they are told
into a queue: taking a lock of ours inside them deadlocks with paho's own (paho issues 226, 354).
"""

import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from tapetum.alerts.broker import Broker, credentials, port, tls_context

_CONNECT_S = 5.0
_REFUSED = frozenset({"Bad user name or password", "Not authorized", "Banned", "Client identifier not valid"})
_PROTOCOL = frozenset({"Unsupported protocol version", "Protocol error", "Malformed packet"})


class ConnectionLostError(Exception):
    """The connection is not there, or no more. `refused`: the broker knows us and says no."""

    def __init__(self, reason: str, refused: bool = False, protocol: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused
        self.protocol = protocol


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says in our place when we are gone: retained, QoS 1."""

    topic: str
    payload: bytes


class Connection:
    """One connection; all methods from one thread."""

    def __init__(self, broker: Broker, client_id: str, version: MQTTProtocolVersion, will: Will) -> None:
        """Connect and wait for the broker's word; raises ConnectionLostError when it does not come or is no."""
        self.acknowledged: deque[tuple[int, bool]] = deque()  # (message id, whether the broker took it)
        self.received: deque[tuple[str, bytes]] = deque()
        self.subscribed = 0
        self._connected: ReasonCode | None = None
        self._client = _client(broker, client_id, version, will)
        self._client.user_data_set(self)
        self._begin(broker)

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool = False) -> int:
        """Hand over a message; return the id under which it is acknowledged."""
        return self._client.publish(topic, payload, qos, retain).mid

    def subscribe(self, topic: str) -> None:
        """Ask for messages, QoS 1; `subscribed` counts the broker's answers."""
        self._client.subscribe(topic, 1)

    def turn(self, wait_s: float) -> None:
        """Send and receive for at most `wait_s`; raises ConnectionLostError when the connection is gone."""
        code = self._client.loop(wait_s)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionLostError(paho.error_string(code))

    def close(self) -> None:
        """Say goodbye, so that the broker does not speak our will."""
        self._client.disconnect()
        self._client.loop(0.1)

    def drop(self) -> None:
        """Let the socket go without a word."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _begin(self, broker: Broker) -> None:
        try:
            self._client.connect(broker.host, port(broker), broker.keepalive_s, **_start(self._client))
        except (OSError, ValueError) as error:
            raise ConnectionLostError(getattr(error, "strerror", None) or str(error)) from None
        deadline = time.monotonic() + _CONNECT_S
        while self._connected is None and time.monotonic() < deadline:
            if self._client.loop(0.1) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
        if self._connected is None:
            self.drop()
            raise ConnectionLostError("the broker does not answer a connection", protocol=True)
        if self._connected.is_failure:
            name = self._connected.getName()
            self.drop()
            raise ConnectionLostError(f"the broker refuses: {name}", name in _REFUSED, name in _PROTOCOL)


def _client(broker: Broker, client_id: str, version: MQTTProtocolVersion, will: Will) -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=version, reconnect_on_failure=False)
    client.connect_timeout = _CONNECT_S
    client.will_set(will.topic, will.payload, qos=1, retain=True)
    known = credentials(broker)
    if known:
        client.username_pw_set(known.user, known.password)
    context = tls_context(broker)
    if context:
        client.tls_set_context(context)
    client.on_socket_open = _without_delay
    client.on_connect = _on_connect
    client.on_publish = _on_publish
    client.on_message = _on_message
    client.on_subscribe = _on_subscribe
    return client


def _start(client: paho.Client) -> dict[str, Any]:
    return {"clean_start": True} if client.protocol == MQTTProtocolVersion.MQTTv5 else {}


def _without_delay(_client: paho.Client, _data: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _on_connect(_client: paho.Client, self: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
    self._connected = reason


def _on_publish(_client: paho.Client, self: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
    self.acknowledged.append((mid, not reason.is_failure))


def _on_message(_client: paho.Client, self: Any, message: paho.MQTTMessage) -> None:
    self.received.append((message.topic, bytes(message.payload)))


def _on_subscribe(_client: paho.Client, self: Any, _mid: int, _reasons: Any, _properties: Any) -> None:
    self.subscribed += 1
