"""A command whose output is read, with a time-out, by one thread, and which any thread may stop."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import IO

from tapetum.capture.addresses import without_secrets
from tapetum.errors import ConfigError, SourceError

_KEPT = 4096  # bytes of what it wrote to its standard error: an address must be whole to be found in it
_TOLD = 500  # characters of that which are repeated
_LAST_WORDS_S = 0.5  # what a command that ended wrote to its standard error may take so long to arrive
_KILL_S = 1.0  # a process that the kernel holds (a dead disk, a driver) does not even go when killed


class Command:
    """A process in a group of its own, which is killed whole; what it complains about is kept, the end of it.

    Its standard error is read together with its output: in a file it would fill the disk over the years, in a pipe
    that nobody reads it would stop the command.
    """

    def __init__(self, arguments: list[str], timeout_s: float) -> None:
        """Start it; raises ConfigError when it cannot be started."""
        self.name = f"command {arguments[0]}"
        self._timeout_s = timeout_s
        self._deadline_s = 0.0
        self._said = b""
        self._stopped = False
        try:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"command: {arguments[0]!r} cannot be run: {reason}") from None
        self._ready = selectors.DefaultSelector()
        self._output, self._errors = self._watched(self._process.stdout), self._watched(self._process.stderr)

    def start_waiting(self) -> None:
        """Let the time-out begin."""
        self._deadline_s = time.monotonic() + self._timeout_s

    def fill(self, buffer: memoryview) -> None:
        """Read until `buffer` is full; raises SourceError when the command ends first, or the time-out."""
        while buffer:
            if not self._readable(self._deadline_s):
                raise SourceError(f"{self.name}: gave no picture for {self._timeout_s:g} s{self._complaint()}")
            with contextlib.suppress(BlockingIOError):
                count = os.readv(self._output, [buffer])
                if count == 0:
                    raise SourceError(f"{self.name}: has ended{self._last_words()}")
                buffer = buffer[count:]

    def stop(self) -> None:
        """Kill it and all that it started; who waits in `fill` learns of it."""
        if not self._stopped:
            self._stopped = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Stop it, and let all of it go: nobody may be in `fill`."""
        self.stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_S)
        self._ready.close()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _watched(self, stream: IO[bytes] | None) -> int:
        if stream is None:
            raise SourceError(f"{self.name}: has no standard output")
        os.set_blocking(stream.fileno(), False)
        self._ready.register(stream, selectors.EVENT_READ)
        return stream.fileno()

    def _readable(self, deadline_s: float) -> bool:
        """Wait until there is output, listening to complaints meanwhile; return False at `deadline_s`."""
        while (left_s := deadline_s - time.monotonic()) > 0:
            ready = {key.fd for key, _ in self._ready.select(left_s)}
            if self._errors in ready:
                self._listen()
            if self._output in ready:
                return True
        return False

    def _listen(self) -> bool:
        """Keep the end of what the command says; return False when it says no more."""
        with contextlib.suppress(BlockingIOError):
            heard = os.read(self._errors, 65536)
            if not heard:
                with contextlib.suppress(KeyError):
                    self._ready.unregister(self._errors)
                return False
            self._said = (self._said + heard)[-_KEPT:]
        return True

    def _last_words(self) -> str:
        with contextlib.suppress(KeyError):
            self._ready.unregister(self._output)
        deadline_s = time.monotonic() + _LAST_WORDS_S
        while self._ready.get_map() and (left_s := deadline_s - time.monotonic()) > 0:
            if self._ready.select(left_s) and not self._listen():
                break
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS_S)
        status = self._process.returncode
        return self._complaint() or (" its output" if status is None else f" (status {status})")

    def _complaint(self) -> str:
        text = without_secrets(self._said.decode(errors="replace")).strip()[-_TOLD:]
        return f"; it said: {text}" if text else ""
