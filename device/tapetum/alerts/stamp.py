"""The rim, where a sighting gets its name, its number and its date."""

import os
import threading
from dataclasses import dataclass
from itertools import count
from typing import Protocol
from uuid import UUID

from tapetum.clock import Clock


@dataclass(frozen=True, slots=True)
class Stamp:
    """id: UUIDv7, unique for ever; seq, at, clock as in `scene.Sighting`."""

    id: str
    seq: int
    at: str
    clock: str


class Stamper(Protocol):
    """Gives each sighting let out its stamp."""

    def stamp(self, t_ns: int) -> Stamp:
        """Return the stamp of what happened at `t_ns`, CLOCK_BOOTTIME; each call a new one."""
        ...


class SequenceStamper:
    """Stamps with numbers that rise by one, whichever camera asks."""

    def __init__(self, clock: Clock, next_seq: int) -> None:
        self._clock = clock
        self._seq = count(next_seq)
        self._lock = threading.Lock()

    def stamp(self, t_ns: int) -> Stamp:
        """Return the next stamp."""
        at = self._clock.utc(t_ns)
        clock = "synced" if self._clock.synced() else "unsynced"
        text = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with self._lock:
            return Stamp(uuid7(int(at.timestamp() * 1000)), next(self._seq), text, clock)


def uuid7(unix_ms: int) -> str:
    """Return a UUID of version 7 (RFC 9562, 5.7): 48 bits of Unix time in milliseconds, then 74 random bits."""
    value = (max(0, unix_ms) & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))
