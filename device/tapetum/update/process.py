"""The process that fetches, from the daemon's side: started for one look at the repository, and ended with it."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from tapetum.errors import InferenceError, Rollback, Untrusted, UpdateError
from tapetum.inference import environment, wire
from tapetum.text import plain
from tapetum.update.messages import Asked, Found, Setup

_LOOK_S, _FETCH_S = 120.0, 3600.0  # for the metadata; for a bundle, which goes on the next time where it came to
_DEAD_S = 1.0
_LARGEST = wire.Largest(1 << 20, 0)
_LONGEST = 900
T = TypeVar("T", Asked, Found)
_KINDS = {"Untrusted": Untrusted, "Rollback": Rollback, "UpdateError": UpdateError}


class Files(Protocol):
    """Where the process gets files from."""

    def chunks(self, name: str, start: int) -> Iterator[bytes] | None:
        """Yield the bytes of a file from the chunk `start` on; None: there is no such file. Raises UpdateError."""
        ...


class Process:
    """One such process; `with Process(files) as process: process.look(...)`. Any thread may `kill` it."""

    def __init__(self, files: Files) -> None:
        """Start it; the kernel ends it with the thread that calls this. Raises UpdateError."""
        self._files = files
        self._reading: Iterator[bytes] = iter(())
        self._told: Callable[[int], None] = lambda _: None
        self._lock = threading.Lock()
        self._channel, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tapetum.update.child", str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=environment.of_worker(os.environ),
                )
            except OSError as error:
                self._channel.close()
                raise UpdateError(f"no process can be started: {error.strerror}") from None

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._channel.close()
        close = getattr(self._reading, "close", None)
        if close:
            close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def look(self, setup: Setup, root: bytes) -> Found:
        """Return what is signed, with `root` as what is trusted; raises Untrusted or UpdateError."""
        self._send(msgspec.to_builtins(setup), root)
        return _converted(self._served(time.monotonic() + _LOOK_S, "found"), Found)

    def fetch(self, path: Path, told: Callable[[int], None]) -> None:
        """Have the bundle that was found in the file `path`, every byte verified and on the disk.

        `told` hears of each chunk how many bytes it has. Raises Untrusted or UpdateError.
        """
        self._told = told
        self._send({"fetch": str(path)})
        self._served(time.monotonic() + _FETCH_S, "done")

    def kill(self) -> None:
        """End it at once."""
        with self._lock:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_DEAD_S)

    def _served(self, until_s: float, key: str) -> Any:
        """Give it what it asks for until it says `key`; return what it says."""
        while True:
            try:
                reply, _ = wire.receive(self._channel, largest=_LARGEST, until_s=until_s)
            except InferenceError as error:
                raise UpdateError(f"the process that fetches: {error}") from None
            if key in reply:
                return reply[key]
            if "refused" in reply:
                kind = _KINDS.get(str(reply.get("kind")), UpdateError)
                raise kind(plain(str(reply["refused"]), _LONGEST))
            self._answer(_converted(reply, Asked))

    def _answer(self, request: Asked) -> None:
        """Give it the next chunk of a file, or say that there is none."""
        try:
            if not request.more:
                found = self._files.chunks(request.get, request.start)
                if found is None:
                    self._send({"absent": True})
                    return
                self._reading = found
            chunk = next(self._reading, b"")
        except UpdateError as error:
            self._send({"failed": str(error)})
            return
        self._told(len(chunk))
        self._send({}, chunk)

    def _send(self, header: dict[str, Any], body: bytes = b"") -> None:
        try:
            wire.send(self._channel, header, body, until_s=time.monotonic() + _LOOK_S)
        except InferenceError:
            return  # what it says before it ends is heard, and that it ended


def _converted(message: Any, kind: type[T]) -> T:
    """Return what the process says, as that; raises UpdateError: what it has read may have deceived it."""
    try:
        return msgspec.convert(message, kind)
    except msgspec.ValidationError as error:
        raise UpdateError(f"the process that fetches talks nonsense: {plain(str(error), _LONGEST)}") from None
