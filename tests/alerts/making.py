"""Sightings to send, made the shortest way; who sends them, and who hears them."""

import json
import threading
from contextlib import contextmanager

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tapetum.alerts.broker import Broker
from tapetum.alerts.listen import Listener
from tapetum.alerts.mqtt import Publisher
from tapetum.alerts.stamp import uuid7
from tapetum.alerts.topics import Topics
from tapetum.scene import Box, Kind, Sighting

TOPIC = "tapetum/v1/garage/hall/event"
STATE = "tapetum/v1/garage/state"
RECEIPT = "tapetum/v1/garage/receipt"


def sighting(seq=1, kind=Kind.STARTED, **fields):
    values = {
        "id": uuid7(1_700_000_000_000 + seq),
        "seq": seq,
        "camera": "hall",
        "kind": kind,
        "track": 1,
        "label": "person",
        "score": 0.75,
        "box": Box(0.1, 0.2, 0.3, 0.4),
        "at": "2026-01-02T03:04:05.678Z",
        "clock": "synced",
        "model": "detect@0",
    }
    return Sighting(**values | fields)


@contextmanager
def running(body):
    """`body` in a thread, which must end when it is told to."""
    stop = threading.Event()
    thread = threading.Thread(target=body, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def publishing(outbox, device="garage", **broker):
    """A publisher at work."""
    publisher = Publisher(Broker(**{"host": "127.0.0.1"} | broker), Topics(device), outbox)
    with running(publisher.run):
        yield publisher


@contextmanager
def listening(port, heard, **settings):
    """A listener at work, as `tapetum listen` is one; `heard` takes (device, sighting)."""
    broker = {name: settings.pop(name) for name in ("credentials", "tls", "ca") if name in settings}
    listener = Listener(Broker(host="127.0.0.1", port=port, **broker), heard, **settings)
    with running(listener.run):
        yield listener


class Consumer:
    """Any MQTT client: what it hears, topic by topic."""

    def __init__(self, port, topic="tapetum/#"):
        self.heard = []
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
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

    def ids(self, topic=TOPIC):
        return [json.loads(payload)["id"] for payload in self.on(topic)]

    def states(self):
        return [json.loads(payload)["status"] for payload in self.on(STATE)]

    def retained(self):
        """What was there when it came, by topic."""
        return {message.topic: message.payload for message in list(self.heard) if message.retain}

    def say(self, topic, payload, **how):
        self._client.publish(topic, payload, 1, **how).wait_for_publish(10)
