"""Alerts not yet acknowledged, on disk.

A row is written before it is sent and goes when it is acknowledged, so an alert survives the broker, the network, the
daemon and the machine. `started` and `ended` are flushed to the disk before `append` returns; `updated` is not, since
the next one says more. When the bounds are reached the oldest `updated` goes first. When the disk takes nothing, rows
wait in memory, are sent from there, and are written as soon as it takes them again.

SQLite in WAL mode: https://www.sqlite.org/wal.html; synchronous = FULL there syncs at every commit.
"""

import logging
import sqlite3
import threading
from collections import OrderedDict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from tapetum.alerts.event import encode
from tapetum.clock import Clock
from tapetum.errors import ConfigError
from tapetum.scene import Kind, Sighting
from tapetum.settings import Settings

_log = logging.getLogger(__name__)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_IN_MEMORY = 10_000  # rows kept while the disk takes none
_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS row (
    seq INTEGER NOT NULL, boot TEXT NOT NULL, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    topic TEXT NOT NULL, payload BLOB NOT NULL, made_s REAL NOT NULL, number INTEGER PRIMARY KEY AUTOINCREMENT
);
CREATE TABLE IF NOT EXISTS counter (boot TEXT PRIMARY KEY, seq INTEGER NOT NULL);
"""


class OutboxSettings(Settings, frozen=True):
    """How much may wait."""

    max_mb: Annotated[int, Meta(ge=1, le=10240)] = 64  # of payloads: some 200,000 alerts
    max_age_days: Annotated[float, Meta(gt=0, le=3650)] = 30.0  # older alerts interest nobody


@dataclass(frozen=True, slots=True)
class Row:
    """One alert waiting: what is sent, and where."""

    number: int
    id: str
    topic: str
    payload: bytes


class Outbox:
    """The alerts of one device; any thread may call any method."""

    def __init__(self, path: Path, settings: OutboxSettings, clock: Clock) -> None:
        """Open or make the file at `path`; one that is damaged is set aside and a new one begun.

        Raises ConfigError when its folder cannot be written.
        """
        self._path = path
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._memory: OrderedDict[int, tuple[Row, Sighting]] = OrderedDict()  # rows the disk did not take, numbers < 0
        self.lost = 0
        self.full = False
        self.boot = _boot_id()
        self._database = self._opened()
        self._bytes, self._rows = self._measured()

    @property
    def last_seq(self) -> int:
        """The number of the last sighting of this boot; 0 before the first."""
        with self._lock:
            found = self._database.execute("SELECT seq FROM counter WHERE boot = ?", (self.boot,)).fetchone()
        return int(found[0]) if found else 0

    @property
    def waiting(self) -> tuple[int, int]:
        """(rows, bytes) not yet acknowledged."""
        return self._rows + len(self._memory), self._bytes

    def append(self, sighting: Sighting, topic: str) -> None:
        """Take `sighting`, to be sent to `topic`; `started` and `ended` are on disk when this returns."""
        row = Row(0, sighting.id, topic, encode(sighting))
        with self._lock:
            try:
                self._write(row, sighting)
                self._flush_memory()
            except sqlite3.Error as error:
                self._keep_in_memory(row, sighting, error)

    def after(self, number: int, limit: int) -> list[Row]:
        """Return up to `limit` rows in the order they were made, behind the row `number` (0: from the first).

        Rows that only memory holds have negative numbers and come whenever no others do.
        """
        with self._lock:
            found = self._database.execute(
                "SELECT number, id, topic, payload FROM row WHERE number > ? ORDER BY number LIMIT ?", (number, limit)
            ).fetchall()
            return [Row(*values) for values in found]

    def unwritten(self) -> list[Row]:
        """Return the rows that only memory holds."""
        with self._lock:
            return [row for row, _ in self._memory.values()]

    def remove(self, ids: list[str]) -> None:
        """Let go of the alerts `ids`: somebody has them."""
        with self._lock:
            for number in [number for number, (row, _) in self._memory.items() if row.id in ids]:
                del self._memory[number]
            try:
                with self._database:
                    self._database.executemany("DELETE FROM row WHERE id = ?", [(id_,) for id_ in ids])
            except sqlite3.Error as error:
                self._complain(error)
            self._bytes, self._rows = self._measured()

    def tidy(self) -> None:
        """Let go of what is too old, and write what waits in memory."""
        with self._lock:
            try:
                oldest_s = self._now_s() - self._settings.max_age_days * 86400
                with self._database:
                    gone = self._database.execute("DELETE FROM row WHERE made_s < ?", (oldest_s,)).rowcount
                self.lost += gone
                self._flush_memory()
                self._bytes, self._rows = self._measured()
            except sqlite3.Error as error:
                self._complain(error)

    def close(self) -> None:
        """Write what can be written and close the file."""
        with self._lock, closing(self._database):
            try:
                self._flush_memory()
            except sqlite3.Error as error:
                self._complain(error)

    def _write(self, row: Row, sighting: Sighting) -> None:
        """Commit `row` and the number reached, flushed to the disk unless it is an `updated`."""
        durable = sighting.kind is not Kind.UPDATED
        self._database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        with self._database:
            self._make_room(len(row.payload))
            self._database.execute(
                "INSERT OR IGNORE INTO row (seq, boot, id, kind, topic, payload, made_s) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (sighting.seq, self.boot, row.id, sighting.kind, row.topic, row.payload, self._now_s()),
            )
            self._database.execute(
                "INSERT INTO counter VALUES (?, ?) ON CONFLICT (boot) DO UPDATE SET seq = max(seq, excluded.seq)",
                (self.boot, sighting.seq),
            )
        self._bytes += len(row.payload)
        self._rows += 1
        self.full = False

    def _make_room(self, needed: int) -> None:
        """Let the oldest go, `updated` first, until `needed` bytes fit."""
        while self._bytes + needed > self._settings.max_mb << 20:
            found = self._database.execute(
                "SELECT number, length(payload) FROM row ORDER BY kind != 'updated', number LIMIT 1"
            ).fetchone()
            if found is None:
                return
            self._database.execute("DELETE FROM row WHERE number = ?", (found[0],))
            self._bytes -= found[1]
            self._rows -= 1
            self.lost += 1

    def _keep_in_memory(self, row: Row, sighting: Sighting, error: sqlite3.Error) -> None:
        self._complain(error)
        number = -1 - (-next(reversed(self._memory), 0))
        self._memory[number] = (Row(number, row.id, row.topic, row.payload), sighting)
        if len(self._memory) > _IN_MEMORY:
            updated = (key for key, (_, old) in self._memory.items() if old.kind is Kind.UPDATED)
            del self._memory[next(updated, next(iter(self._memory)))]
            self.lost += 1

    def _flush_memory(self) -> None:
        while self._memory:
            number, (row, sighting) = next(iter(self._memory.items()))
            self._write(row, sighting)
            del self._memory[number]

    def _complain(self, error: sqlite3.Error) -> None:
        if not self.full:
            _log.error("%s: %s; alerts wait in memory until it takes them", self._path, error)
        self.full = True

    def _measured(self) -> tuple[int, int]:
        found = self._database.execute("SELECT coalesce(sum(length(payload)), 0), count(*) FROM row").fetchone()
        return int(found[0]), int(found[1])

    def _now_s(self) -> float:
        return self._clock.utc(self._clock.now_ns()).timestamp()

    def _opened(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return self._connected()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise ConfigError(f"{self._path}: {error}; the folder must be writable") from None
            aside = self._path.with_suffix(f".damaged-{self._clock.now_ns()}")
            self._path.rename(aside)
            _log.error("%s is damaged (%s): set aside as %s, a new one is begun", self._path, error, aside.name)
            return self._connected()
        except OSError as error:
            raise ConfigError(f"{self._path.parent}: {error.strerror}; it must be a writable folder") from None

    def _connected(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=5, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            self._check_version(database.execute("PRAGMA user_version").fetchone()[0])
            database.execute("PRAGMA quick_check").fetchone()
            database.executescript(_SCHEMA + f"PRAGMA user_version = {_VERSION};")
            database.execute("DELETE FROM counter WHERE boot != ?", (self.boot,))
            database.commit()
        except BaseException:
            database.close()
            raise
        return database

    def _check_version(self, version: int) -> None:
        if version > _VERSION:
            raise ConfigError(f"{self._path}: made by a newer Tapetum (version {version}, this one knows {_VERSION})")


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"
