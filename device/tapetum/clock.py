"""The time: one protocol, so that tests can own it.

Intervals are always measured in CLOCK_BOOTTIME, which neither jumps when the wall clock is set nor stands still while
the machine sleeps. Wall time is asked for only where an alert is dated.
"""

import ctypes
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

_UNSYNCED_US = 16_000_000
"""adjtimex(2): maxerror grows to this when nobody disciplines the clock; systemd draws the line here too."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the daemon asks of time."""

    def now_ns(self) -> int:
        """Return CLOCK_BOOTTIME in nanoseconds."""
        ...

    def boot(self) -> str:
        """Return the id of the boot from which `now_ns` counts."""
        ...

    def utc(self, t_ns: int) -> datetime:
        """Return the wall time, UTC, of the instant `t_ns` of `now_ns`."""
        ...

    def synced(self) -> bool:
        """Return whether the wall clock is disciplined by a time source."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; return whether it is set."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        """Return CLOCK_BOOTTIME in nanoseconds."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def boot(self) -> str:
        """Return the kernel's id of this boot (random(4))."""
        try:
            return _BOOT_ID.read_text().strip()
        except OSError:
            return "unknown"

    def utc(self, t_ns: int) -> datetime:
        """Return the wall time of `t_ns`, as the wall clock stands now."""
        return datetime.now(UTC) - timedelta(microseconds=(self.now_ns() - t_ns) // 1000)

    def synced(self) -> bool:
        """Return whether the kernel's estimate of the clock's error is bounded (adjtimex(2), `maxerror`)."""
        timex = _Timex()
        return bool(_libc.adjtimex(ctypes.byref(timex)) >= 0 and timex.maxerror < _UNSYNCED_US)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait in real time."""
        return event.wait(max(0.0, seconds))


class _Timex(ctypes.Structure):
    """The head of `struct timex` (linux/timex.h); only `maxerror` is read, modes = 0 changes nothing."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * 256),
    )


_libc = ctypes.CDLL(None, use_errno=True)
