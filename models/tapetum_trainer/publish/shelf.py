"""The repository as a broker retains it: what is new goes there in chunks, and what no metadata name is cleared away.

The index is replaced three times: it first names what is about to come, so that whoever goes on after a power cut knows
of it; then the new files, and the old ones to be cleared; then the new ones alone.
"""

import hashlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from tapetum.alerts.broker import Broker, port
from tapetum.alerts.connection import Client, ConnectionLostError, connected
from tapetum.errors import ConfigError, UpdateError
from tapetum.update import repository
from tapetum.update.repository import CHUNK, INDEX, LARGEST_INDEX, Blob, Index
from tapetum_trainer.publish.errors import PublishError, UnreachableError

_FENCE = "tapetum/v1/repository/fence"
_WINDOW = 20  # messages on their way
_PATIENCE_S = 30.0  # for the broker to say anything
_TURN_S = 0.05
_RIGHTS = "look at its access rules: the publisher alone writes tapetum/v1/repository/#"


class Shelf:
    """A connection to the broker; `with Shelf(broker) as shelf: shelf.publish(files)`.

    `answers` fills up with what devices say on topics that were asked for, as messages go and come.
    """

    def __init__(self, broker: Broker) -> None:
        """Connect; raises PublishError."""
        self.answers: deque[tuple[str, bytes]] = deque()
        self.where = f"broker {broker.host}:{port(broker)}"
        self._fence = f"{_FENCE}/{uuid.uuid4().hex}"
        self._index_heard = b""
        self._fenced = False
        self._sent: set[int] = set()
        try:
            self._connection = connected(broker, Client(f"tapetum-publisher-{uuid.uuid4().hex[:12]}"))
        except (ConnectionLostError, ConfigError) as error:
            raise self._trouble(error) from None

    def __enter__(self) -> "Shelf":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def listen(self, topic: str) -> None:
        """Have what is said on `topic`, and is retained there, come into `answers`."""
        self._connection.ask(topic)

    def publish(self, files: Mapping[str, Path]) -> int:
        """Have exactly these files there; return how many bytes were sent. Raises PublishError."""
        wanted = {name: _blob(path) for name, path in files.items()}
        paths = {wanted[name]: path for name, path in files.items()}
        before = self.index()
        if before == Index(files=wanted):
            return 0
        new = set(wanted.values()) - set(before.files.values())
        if new:
            self._index(Index(files=before.files, clearing=_sorted({*before.clearing, *new})))
        for blob in _sorted(new):
            self._say(zip(blob.topics(), _chunks(paths[blob]), strict=True))
        gone = _sorted(before.blobs() - set(wanted.values()))
        self._index(Index(files=wanted, clearing=gone))
        if gone:
            self._say((topic, b"") for blob in gone for topic in blob.topics())
            self._index(Index(files=wanted))
        return sum(blob.bytes for blob in new)

    def index(self) -> Index:
        """Return what the broker says is there; an empty index where it has none, or one that cannot be read."""
        self._index_heard, self._fenced = b"", False
        self._connection.ask(INDEX)
        self._connection.ask(self._fence)
        self._send(self._fence, b"-", retain=False)  # it comes back behind what is retained
        self._until(lambda: self._fenced)
        self._connection.leave(INDEX)
        self._connection.leave(self._fence)
        try:
            return repository.parse(self._index_heard) if self._index_heard else Index()
        except UpdateError:
            return Index()

    def turn(self) -> None:
        """Send and take in what there is; raises PublishError when the connection is lost, or something is refused."""
        try:
            self._connection.turn(_TURN_S)
        except ConnectionLostError as error:
            raise self._trouble(error) from None
        while self._connection.acknowledged:
            mid, refusal = self._connection.acknowledged.popleft()
            self._sent.discard(mid)
            if refusal:
                raise PublishError(f"it refuses what is published: {refusal}; {_RIGHTS}", self.where)
        while self._connection.retained:
            topic, payload = self._connection.retained.popleft()
            if payload is None:
                raise PublishError(f"it refuses a subscription to {topic}; {_RIGHTS}", self.where)
            if topic == self._fence:
                self._fenced = True
            elif topic == INDEX:
                self._index_heard = payload
            else:
                self.answers.append((topic, payload))

    def _index(self, index: Index) -> None:
        payload = msgspec.json.encode(index, order="deterministic")
        if len(payload) > LARGEST_INDEX:
            raise PublishError(f"an index of {len(index.files)} files is larger than devices take", self.where)
        self._say([(INDEX, payload)])

    def _say(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Have the broker retain these messages; an empty one takes back what is there."""
        for topic, payload in messages:
            self._send(topic, payload)
            self._until(lambda: len(self._sent) < _WINDOW)
        self._until(lambda: not self._sent)

    def _send(self, topic: str, payload: bytes, retain: bool = True) -> None:
        if not self._connection.takes(topic, payload):
            raise PublishError(f"it takes no messages of {len(payload)} bytes: look at its max_packet_size", self.where)
        self._sent.add(self._connection.publish(topic, payload, 1, retain))

    def _until(self, condition: Callable[[], bool]) -> None:
        until_s = time.monotonic() + _PATIENCE_S
        while not condition():
            if time.monotonic() > until_s:
                raise UnreachableError("it does not answer", self.where)
            self.turn()

    def _trouble(self, error: Exception) -> PublishError:
        hint, refused = getattr(error, "hint", ""), getattr(error, "refused", True)
        kind = PublishError if refused else UnreachableError
        return kind(f"{error}{f'; {hint}' if hint else ''}", self.where)


def _blob(path: Path) -> Blob:
    content = path.read_bytes()
    return Blob(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _sorted(blobs: Iterable[Blob]) -> tuple[Blob, ...]:
    return tuple(sorted(blobs, key=lambda blob: blob.sha256))
