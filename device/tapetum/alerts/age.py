"""How long the alerts in the outbox have waited, whatever the wall clock did meanwhile.

A row is dated by CLOCK_BOOTTIME, which never jumps, and so by the boot whose clock that was. For rows of another boot
it must be known where that clock stood on one that can be read now: on the wall clock, which counts only where it was
synced both then and now; else on this boot's, by which the last of those rows was made when we first saw them, or
before. So nothing is ever held to be older than it is.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tapetum.clock import Clock

_WALL = ""  # no boot is called that


@dataclass(frozen=True, slots=True)
class Now:
    """A moment, by CLOCK_BOOTTIME of a boot and by Unix time, None where the wall clock is not synced; nanoseconds."""

    boot: str
    ns: int
    unix_ns: int | None


@dataclass(frozen=True, slots=True)
class Tie:
    """Where the clock of a boot began: at `offset_ns` of the clock `base`, a boot's or the wall's."""

    base: str
    offset_ns: int


def now(clock: Clock) -> Now:
    """Return the present; a wall clock that is being set is not synced either before or after it was read."""
    synced = clock.synced()
    ns = clock.now_ns()
    unix_ns = round(clock.utc(ns).timestamp() * 1e9)
    return Now(clock.boot(), ns, unix_ns if synced and clock.synced() else None)


def too_old(database: sqlite3.Connection, at: Now, max_age_ns: int) -> list[tuple[str, int]]:
    """Return for each boot the CLOCK_BOOTTIME before which its rows are older than `max_age_ns` for certain.

    Writes down what must be known of each boot's clock when this one is gone.
    """
    ties = _tied(database, at)
    clocks = ((boot, _reading(boot, tie, at)) for boot, tie in ties.items())
    return [(boot, ns - max_age_ns) for boot, ns in clocks if ns is not None]


def _tied(database: sqlite3.Connection, at: Now) -> Mapping[str, Tie]:
    known = {boot: Tie(base, ns) for boot, base, ns in database.execute("SELECT boot, base, offset_ns FROM tie")}
    ties = {boot: _tie(database, boot, known.get(boot), at) for boot in {at.boot, *_boots(database)}}
    lasting = {boot: tie for boot, tie in ties.items() if tie.base != boot}
    if lasting != known:
        with database:
            database.execute("DELETE FROM tie")
            rows = [(boot, tie.base, tie.offset_ns) for boot, tie in lasting.items()]
            database.executemany("INSERT INTO tie VALUES (?, ?, ?)", rows)
    return ties


def _tie(database: sqlite3.Connection, boot: str, known: Tie | None, at: Now) -> Tie:
    tie = known or Tie(boot, 0)
    if tie.base not in (_WALL, at.boot):  # a clock that is gone: all that is known is that its last row is made
        last_ns = database.execute("SELECT max(made_ns) FROM row WHERE boot = ?", (boot,)).fetchone()[0]
        tie = Tie(at.boot, at.ns - last_ns)
    if tie.base == at.boot and at.unix_ns is not None:
        tie = Tie(_WALL, tie.offset_ns + at.unix_ns - at.ns)
    return tie


def _reading(boot: str, tie: Tie, at: Now) -> int | None:
    """Return what the clock of `boot` shows now, or would; None where that cannot be known."""
    if boot == at.boot:
        return at.ns
    if tie.base == at.boot:
        return at.ns - tie.offset_ns
    return None if at.unix_ns is None else at.unix_ns - tie.offset_ns


def _boots(database: sqlite3.Connection) -> Iterator[str]:
    """Yield each boot that has rows, by one look into the index for each: there may be 200,000 rows."""
    boot = ""
    while (boot := database.execute("SELECT min(boot) FROM row WHERE boot > ?", (boot,)).fetchone()[0]) is not None:
        yield boot
