"""The outbox's file: SQLite in WAL mode, opened, checked, and replaced when it is damaged.

An outbox that lies on a full disk is still opened: its rows can be read and sent. SQLite's shared index wants room of
its own (https://www.sqlite.org/wal.html, 5 and 8), so on a full disk the file is held exclusively, which does without.
"""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tapetum.errors import ConfigError

_log = logging.getLogger(__name__)
_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS row (
    seq INTEGER NOT NULL, boot TEXT NOT NULL, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    topic TEXT NOT NULL, payload BLOB NOT NULL, made_ns INTEGER NOT NULL, number INTEGER PRIMARY KEY AUTOINCREMENT
);
CREATE INDEX IF NOT EXISTS updated ON row (kind) WHERE kind = 'updated';
CREATE INDEX IF NOT EXISTS age ON row (boot, made_ns);
CREATE TABLE IF NOT EXISTS counter (boot TEXT PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tie (boot TEXT PRIMARY KEY, base TEXT NOT NULL, offset_ns INTEGER NOT NULL);
"""
_FROM_1 = (
    "ALTER TABLE row RENAME TO row_1; DROP INDEX updated; DROP INDEX age;",
    _SCHEMA,
    """
INSERT INTO row SELECT seq, 'version 1', id, kind, topic, payload, 0, number FROM row_1;
DROP TABLE row_1;
""",
)
"""Version 1 dated rows by a wall clock that may have been wrong: they get a boot of their own, whose clock is gone."""


def opened(path: Path, boot: str, now_ns: Callable[[], int]) -> sqlite3.Connection:
    """Return the database at `path`, made if it is not there; one that is damaged is set aside and a new one made.

    Counters of boots other than `boot` are forgotten. Raises ConfigError when it cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path.parent}: {error.strerror}; it must be a writable folder") from None
    try:
        return _shared_or_alone(path, boot)
    except sqlite3.OperationalError as error:
        raise ConfigError(f"{path}: {error}; its folder must be writable and have room") from None
    except sqlite3.DatabaseError as error:
        aside = path.with_suffix(f".damaged-{now_ns()}")
        _log.error("%s is damaged (%s): set aside as %s, a new one is begun", path, error, aside.name)
        path.rename(aside)  # its log went into it when it was closed, or belongs to nothing
        return _connected(path, boot)


def _shared_or_alone(path: Path, boot: str) -> sqlite3.Connection:
    try:
        return _connected(path, boot)
    except sqlite3.OperationalError:
        if not path.exists() or not path.stat().st_size:
            raise
        return _connected(path, boot, "PRAGMA locking_mode = EXCLUSIVE")


def _connected(path: Path, boot: str, first: str = "") -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=5, check_same_thread=False)
    try:
        database.execute(first)
        database.execute("PRAGMA journal_mode = WAL")
        _check(path, database)
        _make_or_read(database)
        _forget_others(database, boot)
    except BaseException:
        database.close()
        raise
    return database


def _check(path: Path, database: sqlite3.Connection) -> None:
    version = _version(database)
    if version > _VERSION:
        raise ConfigError(f"{path}: made by a newer Tapetum (version {version}, this one knows {_VERSION})")
    found = database.execute("PRAGMA integrity_check (1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _make_or_read(database: sqlite3.Connection) -> None:
    """Make what is missing; on a full disk that can wait, what an older version left can be read and sent."""
    try:
        make(database)
    except sqlite3.OperationalError:
        if not _version(database):
            raise


def make(database: sqlite3.Connection) -> None:
    """Make what is missing, out of an older version's too; where nothing is, nothing is written."""
    version = _version(database)
    if version == _VERSION:
        return
    steps = _FROM_1 if version == 1 else [_SCHEMA]
    with database:
        database.executescript("\n".join(["BEGIN;", *steps, f"PRAGMA user_version = {_VERSION};"]))


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _forget_others(database: sqlite3.Connection, boot: str) -> None:
    with suppress(sqlite3.OperationalError), database:  # on a full disk it can wait
        database.execute("DELETE FROM counter WHERE boot != ?", (boot,))
