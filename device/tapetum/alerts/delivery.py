"""Which rows of the outbox are on their way, and when one may be let go.

With `delivery = "broker"` a row goes when the broker acknowledged it; a broker that dies then may still lose it. With
"receipt" it goes when a consumer confirmed its id, and is sent again until then.
"""

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
_REFUSED_S = 60.0  # before a row that the broker refused is tried again


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
        self._cursor = 0
        self.sent = self.acknowledged = self.resent = self.refused = 0

    def restart(self) -> None:
        """Begin at the first row again: the connection on which they were sent is gone."""
        self.resent += len(self._flying) + len(self._waiting)
        self._flying.clear()
        self._waiting.clear()
        self._cursor = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way to the broker."""
        return not self._flying

    def push(self, connection: Connection) -> None:
        """Send what may be sent now."""
        now_s = time.monotonic()
        for sent in [sent for sent in self._waiting.values() if sent.due_s <= now_s]:
            if len(self._flying) >= _WINDOW:
                return
            self._again(sent, connection, now_s)
        room = min(_WINDOW - len(self._flying), _UNCONFIRMED - len(self._waiting))
        if room <= 0:
            return
        rows = self._outbox.after(self._cursor, room) or [
            row for row in self._outbox.unwritten()[:room] if row.id not in self._underway()
        ]
        for row in rows:
            self._send(row, connection)
            self._cursor = max(self._cursor, row.number)

    def settle(self, connection: Connection) -> None:
        """Take in what the broker has acknowledged."""
        done = []
        while connection.acknowledged:
            mid, taken = connection.acknowledged.popleft()
            row = self._flying.pop(mid, None)
            if row is None:
                continue
            self.acknowledged += taken
            self.refused += not taken
            if not taken:
                self._waiting.setdefault(row.id, _Sent(row, 0.0)).due_s = time.monotonic() + _REFUSED_S
            elif not self._by_receipt:
                self._waiting.pop(row.id, None)
                done.append(row.id)
        if done:
            self._outbox.remove(done)

    def confirm(self, payload: bytes) -> None:
        """Take in a receipt: `{"ids": [...]}`, a list of ids, or one id as it is; anything else is passed over."""
        ids = [id_ for id_ in receipt_ids(payload) if self._waiting.pop(id_, None) or self._by_receipt]
        if ids:
            self._outbox.remove(ids)

    def _underway(self) -> set[str]:
        return {row.id for row in self._flying.values()} | set(self._waiting)

    def _send(self, row: Row, connection: Connection) -> None:
        self._flying[connection.publish(row.topic, row.payload, qos=1)] = row
        self.sent += 1
        if self._by_receipt:
            self._waiting[row.id] = _Sent(row, time.monotonic() + self._receipt_s)

    def _again(self, sent: _Sent, connection: Connection, now_s: float) -> None:
        self._flying[connection.publish(sent.row.topic, sent.row.payload, qos=1)] = sent.row
        self.resent += 1
        sent.due_s = now_s + min(_LONGEST_S, self._receipt_s * 2**sent.tries)
        sent.tries = min(sent.tries + 1, 10)


def receipt_ids(payload: bytes) -> list[str]:
    """Return the ids that a receipt confirms; none for what is no receipt."""
    try:
        value = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        value = payload.decode("ascii", errors="replace").strip()
    if isinstance(value, dict):
        value = value.get("ids", value.get("id", []))
    found = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [id_ for id_ in found if isinstance(id_, str) and len(id_) <= 64]
