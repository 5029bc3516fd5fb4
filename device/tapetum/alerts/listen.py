"""The other end: a consumer that prints each alert in a line, and confirms it if asked to."""

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tapetum.alerts.broker import Broker, check, credentials, port, tls_context
from tapetum.alerts.event import decode
from tapetum.scene import Sighting

_REMEMBERED = 100_000  # ids, to know a duplicate
_EVENTS = "tapetum/v1/+/+/event"


@dataclass(slots=True)
class Listener:
    """What has come so far. `heard` is called with (device, sighting) for each alert that is not a duplicate.

    session: a client id under which the broker keeps what comes while we are away; "": it keeps nothing.
    """

    broker: Broker
    heard: Callable[[str, Sighting], None]
    receipts: bool = False
    session: str = ""
    duplicates: int = 0
    missing: int = 0  # numbers that were skipped: alerts that were lost or are late
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _last: dict[str, int] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop` is set; connections are made again as often as they are lost."""
        check(self.broker)
        client = paho.Client(CallbackAPIVersion.VERSION2, self.session, clean_session=not self.session)
        known, context = credentials(self.broker), tls_context(self.broker)
        if known:
            client.username_pw_set(known.user, known.password)
        if context:
            client.tls_set_context(context)
        client.on_connect = lambda client, *_: client.subscribe(_EVENTS, 1)
        client.on_message = self._on_message
        client.reconnect_delay_set(1, 2)
        client.connect_async(self.broker.host, port(self.broker), self.broker.keepalive_s)
        client.loop_start()
        stop.wait()
        client.disconnect()
        client.loop_stop()

    def _on_message(self, client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        device = message.topic.split("/")[2]
        try:
            sighting = decode(bytes(message.payload))
        except ValueError as error:
            print(f"{message.topic}: {error}", file=sys.stderr)  # noqa: T201  a consumer's output
            return
        if self.receipts:
            client.publish(f"tapetum/v1/{device}/receipt", msgspec.json.encode({"ids": [sighting.id]}), 1)
        if sighting.id in self._seen:
            self.duplicates += 1
            return
        self._remember(device, sighting)
        self.heard(device, sighting)

    def _remember(self, device: str, sighting: Sighting) -> None:
        self._seen[sighting.id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        last = self._last.get(device, sighting.seq - 1)
        self.missing += max(0, sighting.seq - last - 1)
        self._last[device] = max(last, sighting.seq) if sighting.seq > 1 else 1


def line(device: str, sighting: Sighting) -> str:
    """Return one alert as a line for people."""
    time = sighting.at[11:23] if sighting.clock == "synced" else f"({sighting.at[11:23]})"
    box = sighting.box
    where = f"{box.left:.2f},{box.top:.2f}-{box.right:.2f},{box.bottom:.2f}"
    what = f"{sighting.label} {sighting.score:.0%}"
    return f"{time}  {device}/{sighting.camera}  {sighting.kind:<8} {what:<14} track {sighting.track:<4} at {where}"
