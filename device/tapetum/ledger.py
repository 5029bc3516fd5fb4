"""The record as it is now, and as it is on the disk: what the disk does not take is tried again, and told."""

import contextlib
import logging
import threading
from collections.abc import Callable

from tapetum.record import Record
from tapetum.store import Store

_log = logging.getLogger(__name__)


class Ledger:
    """Any thread may call any method. One process has it: the holder of the state_dir's lock."""

    def __init__(self, store: Store) -> None:
        """Begin with what is on the disk."""
        self.store = store
        self.trouble = ""  # why the disk does not take the record
        self._lock = threading.RLock()
        self._record = self._on_disk = store.record()

    @property
    def record(self) -> Record:
        """As it is now."""
        return self._record

    def change(self, change: Callable[[Record], Record]) -> bool:
        """Have the record changed from now on; False while the disk does not take it."""
        with self._lock:
            self._record = change(self._record)
            return self.kept()

    def kept(self) -> bool:
        """Have the record on the disk, if it is not; False while that does not take it."""
        with self._lock:
            if self._record == self._on_disk:
                return True
            try:
                self.store.keep(self._record)
            except OSError as error:
                self._troubled(error.strerror or str(error))
                return False
            self._on_disk, self.trouble = self._record, ""
            return True

    def demand(self, change: Callable[[Record], Record]) -> None:
        """Have the record changed, on the disk too, or stay as it was; raises OSError."""
        with self._lock:
            changed = change(self._record)
            self.store.keep(changed)
            self._record = self._on_disk = changed

    def tidy(self) -> None:
        """Remove what the last installing has left behind; where the disk does not let it, it lies there for now."""
        with contextlib.suppress(OSError):
            self.store.tidy()

    def _troubled(self, reason: str) -> None:
        if reason != self.trouble:
            _log.error("which model is active cannot be kept: %s: %s", self.store.folder, reason)
        self.trouble = reason
