"""A clock whose time passes only when somebody waits."""

import threading
from datetime import UTC, datetime, timedelta


class FakeClock:
    """`waits` lists what was waited for, in seconds, in order; nothing ever takes real time."""

    def __init__(self, start_ns: int = 1_000_000_000_000) -> None:
        self.time_ns = start_ns
        self.waits: list[float] = []

    def now_ns(self) -> int:
        """Return the time as it stands."""
        return self.time_ns

    def boot(self) -> str:
        """Return the name of the only boot."""
        return "boot"

    def utc(self, t_ns: int) -> datetime:
        """Return a wall time that goes with `t_ns`."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=t_ns // 1000)

    def synced(self) -> bool:
        """Return that the wall clock is right."""
        return True

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Let `seconds` pass at once, unless `event` is set."""
        if event.is_set():
            return True
        self.waits.append(seconds)
        self.time_ns += max(0, round(seconds * 1e9))
        return event.is_set()
