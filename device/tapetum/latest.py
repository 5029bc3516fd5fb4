"""A mailbox with one slot, in which the newest wins: the only thing between a camera and its analysis.

A slow analysis makes frames fewer, never older. A source that must not lose a frame (a clip played as fast as the
analysis goes) waits for the slot instead.
"""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """One slot between one writer and one reader."""

    def __init__(self) -> None:
        self._item: T | None = None
        self._closed = False
        self._changed = threading.Condition()
        self.dropped = 0

    def put(self, item: T, wait: bool = False) -> None:
        """Offer `item`; it replaces one that nobody took (counted in `dropped`), or waits for it to be taken."""
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._item is None or self._closed)
            self.dropped += self._item is not None
            self._item = item
            self._changed.notify_all()

    def take(self, timeout_s: float) -> T | None:
        """Return the newest item, or None when none came within `timeout_s` or the box is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def waiting(self) -> bool:
        """Return whether an item lies in the slot, unread."""
        return self._item is not None

    def close(self) -> None:
        """Wake both sides: no more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether no more will come."""
        return self._closed
