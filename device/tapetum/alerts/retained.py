"""What the broker retains, read over the publisher's own connection: some topics followed, others read once.

A few topics are asked for at a time and left when they have come, so what is on its way is bounded here, and no queue
of the broker's overflows. A connection that is lost meanwhile costs what was on its way, which is asked for again.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from tapetum.alerts.connection import Connection

LARGEST = 1 << 16
"""Bytes of a message that are taken."""
_WINDOW = 8  # topics asked for at a time
_AGAIN_S = 10.0  # before a topic is asked for again
_PATIENCE_S = 60.0  # for the next one to come, a connection that is lost and made again in it
_log = logging.getLogger(__name__)


class NotRetainedError(Exception):
    """Nothing can be had on a topic, now; its text says why."""


class Reader:
    """`read` from one thread, `follow` and `close` from any; the rest is the publisher's."""

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._followed: dict[str, Callable[[bytes], None]] = {}
        self._wanted: dict[str, bytes | None] = {}  # what came on a topic that is being read; None: nothing yet
        self._refused: dict[str, str] = {}  # why a topic cannot be read
        self._asked: dict[str, float] = {}  # when, over this connection
        self._changed = threading.Condition()
        self._closed = False

    def follow(self, topic: str, hear: Callable[[bytes], None]) -> None:
        """Call `hear`, from the publisher's thread, with what is retained on `topic` and each time it is replaced."""
        with self._changed:
            self._followed[topic] = hear
            self._asked.pop(topic, None)  # what is retained comes once more, to who hears it now

    def read(self, topics: Iterable[str]) -> Iterator[bytes]:
        """Yield what is retained on each of `topics`, in their order; raises NotRetainedError."""
        rest, ahead = iter(topics), deque[str]()
        try:
            while True:
                while len(ahead) < _WINDOW and (topic := next(rest, "")):
                    ahead.append(topic)
                    self._want(topic)
                if not ahead:
                    return
                payload = self._come(ahead[0])
                self._forget(ahead.popleft())
                yield payload
        finally:
            for topic in ahead:
                self._forget(topic)

    @property
    def idle(self) -> bool:
        """Whether nothing is being read."""
        return not self._wanted

    def close(self) -> None:
        """Let who reads wait no longer: NotRetainedError, for ever."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def restart(self) -> None:
        """Ask for all again: the connection on which it was asked for is gone."""
        with self._changed:
            self._asked.clear()

    def ask(self, connection: Connection) -> None:
        """Ask for what is to be read, and leave what is not any more."""
        now_s = time.monotonic()
        with self._changed:
            open_ = {topic for topic, payload in self._wanted.items() if payload is None}
            due = [topic for topic in open_ if now_s - self._asked.get(topic, -_AGAIN_S) >= _AGAIN_S]
            due += [topic for topic in self._followed if topic not in self._asked]
            gone = [topic for topic in self._asked if topic not in open_ and topic not in self._followed]
            self._asked.update(dict.fromkeys(due, now_s))
            for topic in gone:
                del self._asked[topic]
        for topic in gone:
            connection.leave(topic)
        for topic in due:
            connection.ask(topic)

    def settle(self, connection: Connection) -> None:
        """Take in what has come."""
        while connection.retained:
            topic, payload = connection.retained.popleft()
            hear = self._followed.get(topic)
            if hear and payload is None:
                _log.warning("the broker refuses a subscription to %s; look at its access rules", topic)
            elif hear and payload is not None:
                hear(payload[: LARGEST + 1])
            elif not hear:
                self._take(topic, payload)

    def _take(self, topic: str, payload: bytes | None) -> None:
        with self._changed:
            if topic not in self._wanted:
                return
            if payload is None:
                self._refused[topic] = "the broker refuses it; look at its access rules"
            elif not 0 < len(payload) <= LARGEST:
                self._refused[topic] = f"{len(payload)} bytes are there; 1 to {LARGEST} are taken"
            else:
                self._wanted[topic] = payload
            self._changed.notify_all()

    def _want(self, topic: str) -> None:
        with self._changed:
            self._wanted[topic] = None
            self._asked.pop(topic, None)  # it may just have been read, and not have been left yet

    def _forget(self, topic: str) -> None:
        with self._changed:
            self._wanted.pop(topic, None)
            self._refused.pop(topic, None)

    def _come(self, topic: str) -> bytes:
        with self._changed:
            self._changed.wait_for(
                lambda: self._wanted[topic] or topic in self._refused or self._closed, self._patience_s
            )
            payload = self._wanted[topic]
            if payload is None or self._closed:
                raise NotRetainedError(f"{topic}: {self._refused.get(topic, 'nothing came')}")
            return payload
