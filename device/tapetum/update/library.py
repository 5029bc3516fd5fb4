"""The repository on the broker, as the daemon reads it for the process that fetches."""

import threading
from collections.abc import Callable, Iterator, Mapping

import msgspec

from tapetum.alerts.retained import NotRetainedError, Reader
from tapetum.errors import UpdateError
from tapetum.update import repository
from tapetum.update.repository import INDEX, Blob

_NONE = "no repository is on the broker"


class Library:
    """Follows the index, and gives the bytes of its files."""

    def __init__(self, reader: Reader, changed: Callable[[], None]) -> None:
        """Call `changed`, from the publisher's thread, when another index has come."""
        self._reader = reader
        self._changed = changed
        self._lock = threading.Lock()
        self._files: Mapping[str, Blob] = {}
        self._trouble = _NONE
        self._edition = b""
        reader.follow(INDEX, self._hear)

    @property
    def edition(self) -> bytes:
        """What tells this edition of the files from another; b"" before there is one."""
        return self._edition

    def chunks(self, name: str, start: int) -> Iterator[bytes] | None:
        """Return the chunks of a file from `start` on, None where there is no such file; raises UpdateError."""
        with self._lock:
            files, trouble = self._files, self._trouble
        if trouble:
            raise UpdateError(trouble)
        blob = files.get(name)
        return None if blob is None else self._read(blob, start)

    def close(self) -> None:
        """Break off what is being read."""
        self._reader.close()

    def _read(self, blob: Blob, start: int) -> Iterator[bytes]:
        try:
            yield from self._reader.read(blob.topics(start))
        except NotRetainedError as error:
            raise UpdateError(str(error)) from None

    def _hear(self, payload: bytes) -> None:
        """Take in an index; what is on its way in or out beside its files is not looked at."""
        try:
            files, trouble = repository.parse(payload).files, ""
            edition = msgspec.json.encode(files, order="sorted")
            if not files:  # the first push is on its way
                trouble, edition = _NONE, b""
        except UpdateError as error:
            files, trouble, edition = {}, str(error), payload
        with self._lock:
            self._files, self._trouble = files, trouble
            same, self._edition = edition == self._edition, edition
        if not same:
            self._changed()
