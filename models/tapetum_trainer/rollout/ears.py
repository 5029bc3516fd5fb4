"""Hears what devices retain, over one connection that is made again when it is lost.

What is said live is only a hint: a broker drops what a queue has no room for. So the topics are subscribed to one after
the other, each once what is retained of the last has come; and what is still to be waited for is read again, device by
device, a few at a time (`look`).
"""

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable

from tapetum.alerts.broker import Broker, port
from tapetum.alerts.connection import Client, Connection, ConnectionLostError, connected
from tapetum.errors import ConfigError
from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.rollout.fleet import KINDS, TOPICS, Fleet

_FENCE = "tapetum/v1/repository/fence"
_TURN_S = 0.05
_AT_ONCE = 2000  # messages, before something else is done
_FENCED_S = 1.0  # before a fence is said again: a broker may have dropped it too
_WINDOW = 50  # topics that are read at a time
_READ_S = 3.0  # for one of them: nothing may be there
_SHORTEST_S, _LONGEST_S = 1.0, 30.0  # between two tries to connect
_RIGHTS = "look at its access rules: the publisher reads state, inventory, model/state and model/fetch of all devices"


class Ears:
    """`turn` again and again; then `fleet` knows what was said."""

    def __init__(self, broker: Broker, fleet: Fleet, say: Callable[[str], None]) -> None:
        self.where = f"broker {broker.host}:{port(broker)}"
        self.heard = self.connections = 0  # messages, connections that were made
        self.fleet = fleet
        self._broker, self._say = broker, say
        self._connection: Connection | None = None
        self._delay_s, self._next_s = _SHORTEST_S, 0.0
        self._kinds: deque[str] = deque()  # to be subscribed to
        self._fence, self._fenced_s = "", 0.0
        self._looks: deque[str] = deque()
        self._open: dict[str, float] = {}  # topics that are being read, and since when

    @property
    def ready(self) -> bool:
        """Whether all that was retained when the connection was made has come."""
        return self._connection is not None and not self._kinds and not self._fence

    @property
    def looking(self) -> bool:
        """Whether `look` is not done yet."""
        return bool(self._looks or self._open)

    def look(self, topics: Iterable[str]) -> None:
        """Have what is retained there read again."""
        self._looks.extend(topics)

    def close(self) -> None:
        """Say goodbye."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def turn(self) -> set[str]:
        """Hear what there is; return the devices of which something is new. Raises PublishError when it is refused."""
        if self._connection is None and not self._connect():
            time.sleep(_TURN_S)
            return set()
        try:
            return self._heard(self._connection)
        except ConnectionLostError as error:
            self._lose(error)
            return set()

    def _connect(self) -> bool:
        if time.monotonic() < self._next_s:
            return False
        try:
            self._connection = connected(self._broker, Client(f"tapetum-rollout-{uuid.uuid4().hex[:12]}"))
        except ConfigError as error:
            raise PublishError(str(error), self.where) from None
        except ConnectionLostError as error:
            self._lose(error)
            return False
        self.connections += 1
        self._delay_s = _SHORTEST_S
        self._kinds, self._fence = deque(KINDS), ""
        self._looks.extendleft(self._open)
        self._open.clear()
        return True

    def _lose(self, error: ConnectionLostError) -> None:
        hint = f"; {error.hint}" if error.hint else ""
        if error.refused:
            raise PublishError(f"{error}{hint}", self.where) from None
        if self._connection:
            self._connection.drop()
            self._connection = None
        self._say(f"{self.where}: {error}{hint}; trying again")
        self._next_s = time.monotonic() + self._delay_s
        self._delay_s = min(_LONGEST_S, 2 * self._delay_s)

    def _heard(self, connection: Connection | None) -> set[str]:
        assert connection is not None  # noqa: S101
        self._ask(connection)
        changed, wait_s = set[str](), _TURN_S
        for _ in range(_AT_ONCE):
            connection.turn(wait_s)
            wait_s = 0.0
            connection.acknowledged.clear()
            if not connection.retained:
                break
            while connection.retained:
                changed.add(self._take(connection, *connection.retained.popleft()))
        changed.discard("")
        return changed

    def _take(self, connection: Connection, topic: str, payload: bytes | None) -> str:
        if payload is None:
            raise PublishError(f"it refuses a subscription to {topic}; {_RIGHTS}", self.where)
        if topic == self._fence:
            connection.leave(topic)
            self._fence = ""
            return ""
        self.heard += 1
        if topic in self._open:
            del self._open[topic]
            connection.leave(topic)
        return self.fleet.take(topic, payload)

    def _ask(self, connection: Connection) -> None:
        """Subscribe to what is next, where what was retained before it has come."""
        now_s = time.monotonic()
        if self._kinds and not self._fence:
            self._fence, self._fenced_s = f"{_FENCE}/{uuid.uuid4().hex}", float("-inf")
            connection.ask(f"{TOPICS}+/{self._kinds.popleft()}")
            connection.ask(self._fence)
        if self._fence and now_s - self._fenced_s > _FENCED_S:
            self._fenced_s = now_s
            connection.publish(self._fence, b"-", 1)
        for topic in [topic for topic, since_s in self._open.items() if now_s - since_s > _READ_S]:
            del self._open[topic]
            connection.leave(topic)
        while self.ready and self._looks and len(self._open) < _WINDOW:
            topic = self._looks.popleft()
            if topic not in self._open:
                self._open[topic] = now_s
                connection.ask(topic)
