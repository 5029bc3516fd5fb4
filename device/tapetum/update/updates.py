"""The body of the thread that looks for updates: when it looks, and what is told of it."""

import importlib.util
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tapetum.alerts.retained import Reader
from tapetum.clock import Clock
from tapetum.errors import UpdateError
from tapetum.inventory import digest
from tapetum.update import settings
from tapetum.update.enrolment import ROOT
from tapetum.update.library import Library
from tapetum.update.look import Look
from tapetum.update.offer import Installer
from tapetum.update.state import Device, State

FOLDER = "update"
"""Where all that updates need is, in the state_dir."""
RELEASED_S = 1_795_737_600
"""Unix time, 2026-11-27: it is not earlier than this, whatever a clock says."""
_SAVED = Path("/var/lib/systemd/timesync/clock")
"""systemd-timesyncd touches it when it has set the clock, and when it ends (systemd-timesyncd.service(8))."""
_TURN_S = 1.0
_LEAST_S = 2.0  # between two looks, however often the index is replaced: each starts a process
_SOONEST_S = 10.0  # before what failed is tried again, then twice as long each time
_UNSET = "nobody has set this machine's clock yet; by which an update is out of date or not"
_LACKING = 'tuf is missing, which decides what may be trusted: pip install "tapetum[update]"'
_log = logging.getLogger(__name__)


class Updates:
    """`run` is the body of the thread; `close` ends it, from any other."""

    def __init__(
        self, wanted: settings.Updates, state_dir: Path, device: Device, installer: Installer, clock: Clock
    ) -> None:
        self._settings = wanted
        self._folder = state_dir / FOLDER
        self.root = digest(self._folder / ROOT)
        """By which the root of trust is known that the device is enrolled with; "": with none."""
        self._look = Look(self._folder, wanted, device, installer)
        self._clock = clock
        self._library: Library | None = None
        self._state = State("")
        self._wake = threading.Event()
        self._ended = False
        self._edition = b""  # the index that was looked at last
        self._looked_s = float("-inf")  # when, by the monotonic clock
        self._next_s = 0.0  # when to look again, whatever comes
        self._after_s = _SOONEST_S

    @property
    def fault(self) -> str:
        """What is wrong, for health; "": nothing."""
        return self._state.fault

    def run(self, stop: threading.Event, reader: Reader, tell: Callable[[State], None]) -> None:
        """Look for updates until `stop` is set; `tell` hears how it goes, each time another."""
        while not (stop.is_set() or self._ended):
            if self._is_enrolled(reader) and self._is_due():
                self._say(self._seen(tell), tell)
            self._wake.wait(_TURN_S)
            self._wake.clear()

    def close(self) -> None:
        """Let `run` end; what is under way goes on at the next start."""
        self._ended = True
        self._look.close()
        if self._library:
            self._library.close()
        self._wake.set()

    def chunks(self, name: str, start: int) -> Iterator[bytes] | None:
        """Give the process that fetches its files; as of `process.Files`."""
        if self._library is None:
            raise UpdateError(f"{name}: there is no broker to ask")
        return self._library.chunks(name, start)

    def _is_enrolled(self, reader: Reader) -> bool:
        """Return whether there is anybody to trust; from then on the broker's index is followed."""
        self.root = digest(self._folder / ROOT)
        if not self.root:
            return False
        if self._library is None and not self._settings.address:
            self._library = Library(reader, self._wake.set)
        return True

    def _is_due(self) -> bool:
        """Return whether something has changed since the last look, or it is time again."""
        edition = self._library.edition if self._library else b""
        if self._library and not edition:
            return False
        if edition != self._edition:
            return time.monotonic() >= self._looked_s + _LEAST_S
        return time.monotonic() >= self._next_s and not self._look.is_held

    def _seen(self, tell: Callable[[State], None]) -> State:
        """Look, if that is worth it; decide when to look again."""
        self._next_s = time.monotonic() + _SOONEST_S
        if importlib.util.find_spec("tuf") is None:
            return State("failed", reason=_LACKING)
        if self._settings.clock == "synced" and not self._clock.synced():
            return State("waiting", reason=_UNSET)
        self._looked_s = time.monotonic()
        self._edition = self._library.edition if self._library else b""
        found = self._look.look(self, self._now_s(), lambda state: self._say(state, tell))
        self._next_s = time.monotonic() + self._rest_s(found)
        return found

    def _now_s(self) -> int:
        """Return Unix time, as it is at least: a clock that nobody sets may have been set back, or have no battery."""
        now_s = max(RELEASED_S, int(self._clock.utc(self._clock.now_ns()).timestamp()))
        if self._clock.synced():
            return now_s
        try:
            return max(now_s, int(_SAVED.stat().st_mtime))
        except OSError:
            return now_s

    def _rest_s(self, found: State) -> float:
        """Return after how long to look again, where nothing says so before."""
        if found.state == "waiting":
            return _SOONEST_S
        if found.state not in ("failed", "refused"):
            self._after_s = _SOONEST_S
            return self._settings.every_s
        rest_s = min(self._after_s, self._settings.every_s)
        self._after_s = 2 * rest_s
        return rest_s

    def _say(self, state: State, tell: Callable[[State], None]) -> None:
        """Tell how it goes, where that is news."""
        if state != self._state:
            self._state = state
            tell(state)
            _log.info("update: %s", " ".join(filter(None, (state.state, state.model, state.reason))))
