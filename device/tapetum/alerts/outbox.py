"""Alerts not yet acknowledged, on disk.

A row is written before it is sent and goes when it is acknowledged, so an alert survives the broker, the network, the
daemon and the machine. `started` and `ended` are flushed to the disk before `append` returns; `updated` is not, since
the next one says more. When there are too many the oldest `updated` goes first; by age goes only what is too old for
certain (`age`). When the disk takes nothing, rows wait in memory, are sent from there, and are written as soon as it
takes them again.

SQLite in WAL mode: https://www.sqlite.org/wal.html; synchronous = FULL there syncs at every commit.
"""

import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from tapetum.alerts import age, database
from tapetum.alerts.event import encode
from tapetum.clock import Clock
from tapetum.scene import Kind, Sighting
from tapetum.settings import Settings

_log = logging.getLogger(__name__)
_IN_MEMORY = 10_000  # rows kept while the disk takes none, and as many that it has still to let go of
_AT_ONCE = 500  # rows of one transaction: one flush to the disk for all of them
_OLDEST = "number = coalesce((SELECT min(number) FROM row WHERE kind = 'updated'), (SELECT min(number) FROM row))"


class OutboxSettings(Settings, frozen=True):
    """How much may wait."""

    max_mb: Annotated[int, Meta(ge=1, le=10240)] = 64  # of payloads: some 200,000 alerts
    max_age_days: Annotated[float, Meta(gt=0, le=3650)] = 30.0  # older alerts interest nobody


@dataclass(frozen=True, slots=True)
class Row:
    """One alert waiting: what is sent, and where. number: 0 where only memory holds it."""

    number: int
    id: str
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Unwritten:
    """An alert that is not yet on disk."""

    row: Row
    seq: int
    kind: Kind
    made_ns: int  # CLOCK_BOOTTIME


class Outbox:
    """The alerts of one device; any thread may call any method."""

    def __init__(self, path: Path, settings: OutboxSettings, clock: Clock) -> None:
        """Open or make the file at `path`; one that is damaged is set aside and a new one begun.

        Raises ConfigError when its folder cannot be written, or a newer Tapetum made it.
        """
        self._path = path
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._memory: OrderedDict[str, _Unwritten] = OrderedDict()  # by id, in the order in which they were made
        self._gone: set[str] = set()  # ids that somebody has, and the disk did not let go of
        self.lost = 0  # alerts that were dropped unsent, for whatever reason
        self.expired = 0  # those of them that had waited too long
        self.full = False
        self._reason = ""
        self.boot = clock.boot()
        self._database = database.opened(path, self.boot, clock.now_ns)
        measured = "SELECT coalesce(sum(length(payload)), 0), count(*) FROM row"
        self._bytes, self._rows = map(int, self._database.execute(measured).fetchone())

    @property
    def last_seq(self) -> int:
        """The number of the last sighting of this boot; 0 before the first."""
        with self._lock:
            found = self._database.execute("SELECT seq FROM counter WHERE boot = ?", (self.boot,)).fetchone()
        return int(found[0]) if found else 0

    @property
    def trouble(self) -> str:
        """Why the disk takes nothing; "" when it does."""
        return self._reason if self.full else ""

    @property
    def waiting(self) -> tuple[int, int]:
        """(rows, bytes) not yet acknowledged."""
        with self._lock:
            in_memory = sum(len(one.row.payload) for one in self._memory.values())
            return self._rows + len(self._memory), self._bytes + in_memory

    def append(self, sighting: Sighting, topic: str) -> None:
        """Take `sighting`, to be sent to `topic`; `started` and `ended` are on disk when this returns."""
        row = Row(0, sighting.id, topic, encode(sighting))
        made_ns = self._clock.now_ns()
        with self._lock:
            self._memory[row.id] = _Unwritten(row, sighting.seq, sighting.kind, made_ns)
            try:
                self._write()
            except sqlite3.Error as error:
                self._complain(error)
                self._bound_memory()

    def after(self, number: int, limit: int) -> list[Row]:
        """Return up to `limit` rows that are on disk behind the row `number` (0: from the first), in their order."""
        with self._lock:
            found = self._database.execute(
                "SELECT number, id, topic, payload FROM row WHERE number > ? ORDER BY number LIMIT ?", (number, limit)
            ).fetchall()
            return [Row(*values) for values in found]

    def unwritten(self) -> list[Row]:
        """Return the rows that only memory holds, in their order: all are younger than those on disk."""
        with self._lock:
            return [one.row for one in self._memory.values()]

    def remove(self, ids: Iterable[str]) -> None:
        """Let go of the alerts `ids`: somebody has them."""
        with self._lock:
            on_disk = {id_ for id_ in ids if self._memory.pop(id_, None) is None}
            self._gone |= on_disk if len(self._gone) < _IN_MEMORY else set()
            try:
                if self._delete_gone():
                    self.full = bool(self._memory)
            except sqlite3.OperationalError as error:
                self._complain(error)

    def tidy(self) -> None:
        """Let go of what is too old, and write what waits in memory."""
        with self._lock:
            try:
                database.make(self._database)  # what a full disk may have put off
                self._expire()
                self._delete_gone()
                self._write()
                if self.full:
                    self._try_the_disk()
                self.full = False
            except sqlite3.OperationalError as error:
                self._complain(error)

    def close(self) -> None:
        """Write what can be written and close the file."""
        with self._lock:
            try:
                self._write()
            except sqlite3.Error as error:
                self._complain(error)
            self._database.close()

    def _expire(self) -> None:
        max_age_ns = int(self._settings.max_age_days * 86400e9)
        for boot, before_ns in age.too_old(self._database, age.now(self._clock), max_age_ns):
            count = self._delete("boot = ? AND made_ns < ?", [boot, before_ns])
            self.expired += count
            self.lost += count

    def _write(self) -> None:
        """Commit what waits in memory, flushed to the disk if it is more than `updated`."""
        while self._memory:
            chunk = list(islice(self._memory.values(), _AT_ONCE))
            durable = any(one.kind is not Kind.UPDATED for one in chunk)
            self._database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with self._database:
                added = [len(one.row.payload) for one in chunk if self._insert(one)]
                dropped = self._make_room(self._bytes + sum(added) - (self._settings.max_mb << 20))
            self._bytes += sum(added) - sum(dropped)
            self._rows += len(added) - len(dropped)
            self.lost += len(dropped)
            for one in chunk:
                del self._memory[one.row.id]
            self.full = bool(self._gone)

    def _insert(self, one: _Unwritten) -> bool:
        """Put `one` into the table, with the number reached; return whether it was not there."""
        row = one.row
        self._database.execute(
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (boot) DO UPDATE SET seq = max(seq, excluded.seq)",
            (self.boot, one.seq),
        )
        done = self._database.execute(
            "INSERT OR IGNORE INTO row (seq, boot, id, kind, topic, payload, made_ns) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (one.seq, self.boot, row.id, one.kind, row.topic, row.payload, one.made_ns),
        )
        return done.rowcount == 1

    def _make_room(self, excess: int) -> list[int]:
        """Let the oldest go, `updated` first, until `excess` bytes are gone; return the bytes of each."""
        dropped: list[int] = []
        while excess > sum(dropped):
            oldest = self._sizes(_OLDEST)
            if not oldest:
                break
            dropped += oldest
        return dropped

    def _bound_memory(self) -> None:
        """Let the oldest go, `updated` first, while memory holds too many."""
        while len(self._memory) > _IN_MEMORY:
            updated = (id_ for id_, one in self._memory.items() if one.kind is Kind.UPDATED)
            del self._memory[next(updated, next(iter(self._memory)))]
            self.lost += 1

    def _try_the_disk(self) -> None:
        """Write, where nothing is left to be written: all that waited may have been sent from memory.

        A row comes and goes: SQLite writes nothing for an update that changes nothing.
        """
        with self._database:
            self._database.execute("INSERT INTO counter VALUES ('', 0)")
            self._database.execute("DELETE FROM counter WHERE boot = ''")

    def _delete_gone(self) -> bool:
        """Let the disk let go of what somebody has; return whether there was any."""
        ids = list(self._gone)
        for first in range(0, len(ids), _AT_ONCE):
            chunk = ids[first : first + _AT_ONCE]
            self._delete(f"id IN ({','.join('?' * len(chunk))})", chunk)
        self._gone.clear()
        return bool(ids)

    def _delete(self, condition: str, values: Sequence[str | int]) -> int:
        """Delete rows and return how many; after a power cut they may be there again, which makes duplicates only."""
        self._database.execute("PRAGMA synchronous = NORMAL")
        with self._database:
            sizes = self._sizes(condition, values)
        self._bytes -= sum(sizes)
        self._rows -= len(sizes)
        return len(sizes)

    def _sizes(self, condition: str, values: Sequence[str | int] = ()) -> list[int]:
        """Delete rows, within a transaction, and return the bytes of each."""
        statement = f"DELETE FROM row WHERE {condition} RETURNING length(payload)"  # noqa: S608  no condition comes from outside
        return [size for (size,) in self._database.execute(statement, values).fetchall()]

    def _complain(self, error: sqlite3.Error) -> None:
        if not self.full:
            _log.error("%s: %s; alerts wait in memory until it takes them", self._path, error)
        self._reason = str(error)
        self.full = True
