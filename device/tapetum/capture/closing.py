"""Letting a camera go while another thread may be reading from it."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from tapetum.errors import SourceError


class Closing:
    """Frees what a source holds exactly once: at once, or, while a read is under way, when that read has ended.

    FFmpeg, OpenCV and libcamera all crash when a device is freed under the hands of its reader; and one that is freed
    too late (when its last reference goes) is still taken when it is opened again.
    """

    def __init__(self, what: str, free: Callable[[], None]) -> None:
        """Name the source `what` in errors; call `free` once, in the thread that closes or in the reader's."""
        self.asked = threading.Event()
        self._what = what
        self._free = free
        self._busy = threading.Lock()
        self._freed = False

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the source for one read; raises SourceError when it was closed."""
        try:
            with self._busy:
                self.check()
                yield
        finally:
            if self.asked.is_set():
                self.close()

    def check(self) -> None:
        """Raise SourceError when the source was closed."""
        if self.asked.is_set():
            raise SourceError(f"{self._what}: was closed")

    def close(self) -> None:
        """Free the source, or leave that to the read under way. Closing twice is allowed."""
        self.asked.set()
        if self._busy.acquire(blocking=False):
            try:
                if not self._freed:
                    self._freed = True
                    self._free()
            finally:
                self._busy.release()
