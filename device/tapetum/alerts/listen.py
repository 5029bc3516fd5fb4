"""The other end: a consumer that prints each alert in a line, and confirms it if asked to."""

import random
import sys
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from tapetum.alerts.broker import Broker, check, port
from tapetum.alerts.connection import Client, Connection, ConnectionLostError, connected
from tapetum.alerts.event import decode
from tapetum.scene import Sighting

_REMEMBERED = 100_000  # ids, to know a duplicate; numbers, to know a late one
_EVENTS = "tapetum/v1/+/+/event"
_SESSION_S = 7 * 86400
_TURN_S = 0.1
_AGAIN_S, _REFUSED_S = 1.0, 10.0  # at most, before the next try to connect


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  a consumer's output


@dataclass(slots=True)
class Numbers:
    """Which numbers of a device have come: gaps are alerts that were lost or are late."""

    last: int
    gaps: set[int] = field(default_factory=set)
    given_up: int = 0

    @property
    def missing(self) -> int:
        """How many have not come."""
        return len(self.gaps) + self.given_up

    def take(self, seq: int) -> None:
        """Take in a number that had not come before. One that is too low to be late begins a new boot."""
        if seq in self.gaps:
            self.gaps.remove(seq)
        elif seq > self.last:
            self._skip(self.last + 1, seq)
        else:
            self.given_up += len(self.gaps)
            self.gaps.clear()
            self._skip(1, seq)

    def _skip(self, first: int, seq: int) -> None:
        if len(self.gaps) + seq - first <= _REMEMBERED:
            self.gaps.update(range(first, seq))
        else:
            self.given_up += seq - first
        self.last = seq


@dataclass(slots=True)
class Listener:
    """What has come so far. `heard` is called with (device, sighting) for each alert that is not a duplicate.

    receipts: confirm each alert, once `heard` has returned. session: a client id under which the broker keeps what
    comes while we are away, for a week; "": it keeps nothing. complain: takes what went wrong. listening: whether the
    broker passes alerts on now.
    """

    broker: Broker
    heard: Callable[[str, Sighting], None]
    receipts: bool = False
    session: str = ""
    complain: Callable[[str], None] = _to_stderr
    duplicates: int = 0
    listening: bool = False
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _numbers: dict[str, Numbers] = field(default_factory=dict)
    _said: str = ""

    @property
    def missing(self) -> int:
        """How many numbers have not come: alerts that were lost or are late."""
        return sum(numbers.missing for numbers in self._numbers.values())

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop` is set; connections are made again as often as they are lost.

        Raises ConfigError for a broker that must not or cannot be used.
        """
        check(self.broker)
        name = self.session or f"tapetum-listen-{uuid.uuid4().hex[:12]}"
        client = Client(name, session_s=_SESSION_S if self.session else 0)
        while not stop.is_set():
            try:
                self._listen(connected(self.broker, client), stop)
            except ConnectionLostError as error:
                hint = f"; {error.hint}" if error.hint else ""
                self._say(f"{self.broker.host}:{port(self.broker)}: {error}{hint}; trying again")
                stop.wait(_REFUSED_S if error.refused else _AGAIN_S * random.uniform(0.5, 1.0))  # noqa: S311  jitter

    def _listen(self, connection: Connection, stop: threading.Event) -> None:
        try:
            connection.subscribe(_EVENTS)
            self._said = ""
            self.listening = True
            while not stop.is_set():
                while connection.received:
                    self._take(connection, *connection.received.popleft())
                connection.turn(_TURN_S)
            connection.close()
        finally:
            self.listening = False
            connection.drop()

    def _take(self, connection: Connection, topic: str, payload: bytes) -> None:
        device = topic.split("/")[2]
        try:
            sighting = decode(payload)
        except ValueError as error:
            self._say(f"{topic}: {error}")
            return
        if sighting.id in self._seen:
            self.duplicates += 1
        else:
            self._remember(device, sighting)
            self.heard(device, sighting)
        if self.receipts:
            receipt = msgspec.json.encode({"ids": [sighting.id]})
            connection.publish(f"tapetum/v1/{device}/receipt", receipt, qos=1)

    def _remember(self, device: str, sighting: Sighting) -> None:
        self._seen[sighting.id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        self._numbers.setdefault(device, Numbers(sighting.seq - 1)).take(sighting.seq)

    def _say(self, text: str) -> None:
        if text != self._said:
            self.complain(text)
        self._said = text


def line(device: str, sighting: Sighting) -> str:
    """Return one alert as a line for people."""
    time = sighting.at[11:23] if sighting.clock == "synced" else f"({sighting.at[11:23]})"
    box = sighting.box
    where = f"{box.left:.2f},{box.top:.2f}-{box.right:.2f},{box.bottom:.2f}"
    what = f"{sighting.label} {sighting.score:.0%}"
    return f"{time}  {device}/{sighting.camera}  {sighting.kind:<8} {what:<14} track {sighting.track:<4} at {where}"
