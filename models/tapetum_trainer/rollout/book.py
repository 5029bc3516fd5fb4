"""What is kept of rollouts: SQLite in WAL mode, each step one commit that is on the disk when it returns.

So whatever ends the desk, the next command finds how far it had come, and goes on.
"""

import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.rollout.outcome import Outcome
from tapetum_trainer.rollout.plan import Plan

_VERSION = 1
_PATIENCE_S = 10.0  # for another command that writes
_SCHEMA = """
CREATE TABLE rollout (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, plan TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    push INTEGER NOT NULL, back INTEGER NOT NULL, stage INTEGER NOT NULL, signed INTEGER NOT NULL,
    begun_s REAL NOT NULL, changed_s REAL NOT NULL
);
CREATE TABLE member (
    rollout TEXT NOT NULL REFERENCES rollout (id), name TEXT NOT NULL, stage INTEGER NOT NULL, outcome TEXT NOT NULL,
    reason TEXT NOT NULL, before TEXT NOT NULL, asked_s REAL NOT NULL, forgiven INTEGER NOT NULL,
    PRIMARY KEY (rollout, name)
) WITHOUT ROWID;
CREATE TABLE event (
    number INTEGER PRIMARY KEY, rollout TEXT NOT NULL REFERENCES rollout (id), at_s REAL NOT NULL, what TEXT NOT NULL
);
CREATE TABLE wish (rollout TEXT PRIMARY KEY REFERENCES rollout (id), what TEXT NOT NULL);
"""
_PUT = """
INSERT INTO rollout VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO UPDATE SET
    plan = ?3, state = ?4, reason = ?5, push = ?6, back = ?7, stage = ?8, signed = ?9, changed_s = ?11
"""


class State(StrEnum):
    """Of a rollout."""

    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"  # by itself
    ABORTED = "aborted"
    COMPLETE = "complete"
    GOING_BACK = "rolling-back"
    BACK = "rolled-back"


DRIVEN = frozenset({State.RUNNING, State.GOING_BACK})
"""Somebody must drive it on."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One row. push, back: by which it is signed, and what was before; 0: not yet.

    stage: the one that was asked last, or is being asked; signed: whether that has been done.
    """

    id: str
    model: str
    plan: Plan
    state: State = State.RUNNING
    reason: str = ""
    push: int = 0
    back: int = 0
    stage: int = 0
    signed: bool = False
    begun_s: float = 0.0
    changed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Member:
    """A device in a rollout. stage: -1: it is left out, for `reason`; before: what was active on it.

    asked_s: Unix time; forgiven: that it failed counts no more.
    """

    name: str
    stage: int
    outcome: Outcome = Outcome.WAITING
    reason: str = ""
    before: str = ""
    asked_s: float = 0.0
    forgiven: bool = False


class Book:
    """The file; one connection, one thread. `with closing(Book(path)) as book`."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it; raises PublishError."""
        self._path = path
        with self._troubled():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA foreign_keys = ON")
            with self._transaction():
                self._make()

    def close(self) -> None:
        """Let it go."""
        self._database.close()

    def ids(self) -> list[str]:
        """Return the names of all rollouts, the oldest first."""
        return [row[0] for row in self._rows("SELECT id FROM rollout ORDER BY begun_s, rowid")]

    def rollout(self, name: str) -> Rollout:
        """Return one; raises PublishError when there is none of that name."""
        rows = self._rows(
            "SELECT id, model, plan, state, reason, push, back, stage, signed, begun_s, changed_s FROM rollout"
            " WHERE id = ?",
            name,
        )
        if not rows:
            raise PublishError(f"there is no rollout {name!r}: tapetum-trainer rollout list")
        found, model, plan, state, reason, push, back, stage, signed, begun_s, changed_s = rows[0]
        read = msgspec.json.decode(plan, type=Plan)
        return Rollout(found, model, read, State(state), reason, push, back, stage, bool(signed), begun_s, changed_s)

    def members(self, name: str) -> dict[str, Member]:
        """Return the devices of a rollout, by name."""
        rows = self._rows(
            "SELECT name, stage, outcome, reason, before, asked_s, forgiven FROM member WHERE rollout = ?", name
        )
        return {row[0]: Member(row[0], row[1], Outcome(row[2]), row[3], row[4], row[5], bool(row[6])) for row in rows}

    def events(self, name: str) -> list[tuple[float, str]]:
        """Return what happened and when, Unix time."""
        return self._rows("SELECT at_s, what FROM event WHERE rollout = ? ORDER BY number", name)

    def begin(self, rollout: Rollout, members: Collection[Member]) -> None:
        """Have a new one; raises PublishError when there is one of that name."""
        with self._transaction():
            if self._rows("SELECT 1 FROM rollout WHERE id = ?", rollout.id):
                raise PublishError(f"there is a rollout {rollout.id!r} already; --id gives this one another name")
            self._put(rollout, members, f"begun: {rollout.model}")

    def keep(self, rollout: Rollout, members: Collection[Member] = (), event: str = "", obeyed: str = "") -> Rollout:
        """Have a step on the disk: the rollout, those of its devices that changed, what happened, and by whose wish."""
        with self._transaction():
            kept = self._put(rollout, members, event)
            self._database.execute("DELETE FROM wish WHERE rollout = ? AND what = ?", (rollout.id, obeyed))
        return kept

    def wish(self, name: str, what: str) -> None:
        """Have whoever drives the rollout do something: it looks now and then."""
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO wish VALUES (?, ?)", (name, what))

    def wished(self, name: str) -> str:
        """Return what is wished and was not done yet; "": nothing."""
        rows = self._rows("SELECT what FROM wish WHERE rollout = ?", name)
        return rows[0][0] if rows else ""

    def asked_elsewhere(self, name: str) -> dict[str, str]:
        """Return the devices that other rollouts are at work on, and which."""
        rows = self._rows(
            "SELECT member.name, rollout.id FROM member JOIN rollout ON rollout.id = member.rollout"
            " WHERE rollout.id != ? AND member.stage >= 0 AND rollout.state IN (?, ?, ?, ?)",
            name, State.RUNNING, State.PAUSED, State.HALTED, State.GOING_BACK,
        )  # fmt: skip
        return dict(rows)

    def _put(self, rollout: Rollout, members: Collection[Member], event: str) -> Rollout:
        now_s = time.time()
        row = (
            rollout.id, rollout.model, msgspec.json.encode(rollout.plan).decode(), rollout.state, rollout.reason,
            rollout.push, rollout.back, rollout.stage, rollout.signed, rollout.begun_s or now_s, now_s,
        )  # fmt: skip
        self._database.execute(_PUT, row)
        self._database.executemany(
            "INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (rollout.id, one.name, one.stage, one.outcome, one.reason, one.before, one.asked_s, one.forgiven)
                for one in members
            ],
        )
        if event:
            self._database.execute(
                "INSERT INTO event (rollout, at_s, what) VALUES (?, ?, ?)", (rollout.id, now_s, event)
            )
        return rollout

    def _make(self) -> None:
        version = self._rows("PRAGMA user_version")[0][0]
        if version > _VERSION:
            raise PublishError(f"made by a newer Tapetum (version {version}, this one knows {_VERSION})", self._path)
        if not version:
            for statement in filter(None, map(str.strip, _SCHEMA.split(";"))):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA user_version = {_VERSION}")

    def _rows(self, statement: str, *values: object) -> list[Any]:
        with self._troubled():
            return self._database.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing."""
        with self._troubled():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    @contextmanager
    def _troubled(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise PublishError(f"{error}; what rollouts have come to is kept there", self._path) from None
