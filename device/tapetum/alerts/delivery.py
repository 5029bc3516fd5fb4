"""Which rows of the outbox are on their way, and when one may be let go.

With `delivery = "broker"` a row goes when the broker acknowledged it; a broker that dies then may still lose it. With
"receipt" it goes when a consumer confirmed its id, and is sent again until then.
"""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from tapetum.alerts.broker import Broker
from tapetum.alerts.connection import Connection
from tapetum.alerts.outbox import Outbox, Row

_WINDOW = 20  # rows sent and not acknowledged by the broker
_UNCONFIRMED = 200  # rows acknowledged by the broker and not confirmed by a consumer
_LONGEST_S = 60.0  # between two tries of one row
_REFUSED_S, _REFUSED_LONGEST_S = 60.0, 3600.0  # before rows that the broker refused are tried again


@dataclass(slots=True)
class _Sent:
    row: Row
    due_s: float  # monotonic time at which it is sent again
    tries: int = 1


class Delivery:
    """The rows on their way over one publisher; begun anew with each connection."""

    def __init__(self, broker: Broker, outbox: Outbox) -> None:
        self._by_receipt = broker.delivery == "receipt"
        self._receipt_s = broker.receipt_s
        self._outbox = outbox
        self._flying: dict[int, Row] = {}  # by message id
        self._waiting: OrderedDict[str, _Sent] = OrderedDict()  # by alert id: confirmed by nobody yet
        self._set_aside: set[str] = set()  # rows only in memory that the broker refused
        self._refusals: dict[str, str] = {}  # topic -> why the broker takes nothing there
        self._refused_s = _REFUSED_S
        self._cursor = 0
        self._first_again_s = math.inf  # when to begin at the first row again
        self.sent = self.acknowledged = self.resent = self.refused = 0

    def restart(self) -> None:
        """Begin at the first row again: the connection on which they were sent is gone."""
        self.resent += len(self._underway() - self._set_aside)
        self._flying.clear()
        self._waiting.clear()
        self._refusals.clear()
        self._refused_s = _REFUSED_S
        self._begin_again()

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way to the broker."""
        return not self._flying

    @property
    def refusal(self) -> str:
        """What the broker refuses, and why; "" when it takes all."""
        return next((f"the broker refuses {topic}: {reason}" for topic, reason in self._refusals.items()), "")

    def push(self, connection: Connection) -> None:
        """Send what may be sent now."""
        now_s = time.monotonic()
        if now_s >= self._first_again_s:
            self._refused_s = min(_REFUSED_LONGEST_S, 2 * self._refused_s)
            self._begin_again()
        for sent in [sent for sent in self._waiting.values() if sent.due_s <= now_s]:
            if len(self._flying) >= _WINDOW:
                return
            self._again(sent, connection, now_s)
        room = min(_WINDOW - len(self._flying), _UNCONFIRMED - len(self._waiting))
        for row in self._next(room) if room > 0 else []:
            self._send(row, connection)

    def settle(self, connection: Connection) -> None:
        """Take in what the broker has acknowledged."""
        done = []
        while connection.acknowledged:
            mid, refusal = connection.acknowledged.popleft()
            row = self._flying.pop(mid, None)
            if row is None:
                continue
            if refusal:
                self._refuse(row, refusal)
                continue
            self.acknowledged += 1
            self._refusals.pop(row.topic, None)
            if not self._by_receipt:
                done.append(row.id)
        if done:
            self._outbox.remove(done)

    def confirm(self, payload: bytes) -> None:
        """Take in a receipt: `{"ids": [...]}`, a list of ids, or one id as it is; anything else is passed over."""
        ids = receipt_ids(payload) if self._by_receipt else []
        for id_ in ids:
            self._waiting.pop(id_, None)
        if ids:
            self._outbox.remove(ids)

    def _begin_again(self) -> None:
        self._cursor = 0
        self._set_aside.clear()
        self._first_again_s = math.inf

    def _next(self, room: int) -> list[Row]:
        """Return up to `room` rows that are not on their way: those on disk first, they are older."""
        underway = self._underway()
        rows = self._outbox.after(self._cursor, room)
        if rows:
            self._cursor = rows[-1].number
            return [row for row in rows if row.id not in underway]
        return [row for row in self._outbox.unwritten() if row.id not in underway][:room]

    def _underway(self) -> set[str]:
        return {row.id for row in self._flying.values()} | set(self._waiting) | self._set_aside

    def _send(self, row: Row, connection: Connection) -> None:
        if not connection.takes(row.topic, row.payload):
            self._refuse(row, "it is more than the broker takes")
            return
        self._flying[connection.publish(row.topic, row.payload, qos=1)] = row
        self.sent += 1
        if self._by_receipt:
            self._waiting[row.id] = _Sent(row, time.monotonic() + self._receipt_s)

    def _again(self, sent: _Sent, connection: Connection, now_s: float) -> None:
        self._flying[connection.publish(sent.row.topic, sent.row.payload, qos=1)] = sent.row
        self.sent += 1
        self.resent += 1
        sent.due_s = now_s + min(_LONGEST_S, self._receipt_s * 2**sent.tries)
        sent.tries = min(sent.tries + 1, 10)

    def _refuse(self, row: Row, reason: str) -> None:
        """Leave `row` in the outbox, in nobody's way, and come back to it later: rights on a broker may change."""
        self.refused += 1
        self._refusals[row.topic] = reason
        self._waiting.pop(row.id, None)
        if not row.number:
            self._set_aside.add(row.id)
        self._first_again_s = min(self._first_again_s, time.monotonic() + self._refused_s)


def receipt_ids(payload: bytes) -> list[str]:
    """Return the ids that a receipt confirms; none for what is no receipt."""
    try:
        value = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        value = payload.decode("ascii", errors="replace").strip()
    except (UnicodeDecodeError, RecursionError):
        return []
    if isinstance(value, dict):
        value = value.get("ids", value.get("id", []))
    found = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [id_ for id_ in found if isinstance(id_, str) and 0 < len(id_) <= 64]
