"""A worker process and its socket, from the daemon's side: start it, let it load a model, ask it, end it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO

import msgspec
import numpy as np
from numpy.typing import NDArray

from tapetum.errors import InferenceError
from tapetum.inference import environment, replies, wire
from tapetum.inference.decode import Floats
from tapetum.inference.messages import Ready, Setup
from tapetum.text import plain

_DYING_S = 1.0  # between the end of a process's socket and its own, at most
_DEAD_S = 1.0  # after SIGKILL; a process that a driver holds longer is left to itself
_TOLD = 300  # characters of what it wrote to its standard error that are repeated


class Crashed(InferenceError):
    """The worker died of a fault in native code, or of a call that is forbidden to it."""


_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGSYS})


class Process:
    """One living worker. Every method raises InferenceError when it is dead, late, or talks nonsense."""

    def __init__(self, memory_mb: int) -> None:
        """Start it; `load` must come next. The kernel ends it with the thread that calls this."""
        self._batch = 0
        self._deadline_s = 0.0  # of a batch; `load` sets it
        with contextlib.ExitStack() as undo:
            try:
                self._channel, theirs = socket.socketpair()
                undo.push(self._channel)
                with theirs:
                    self._process, self._errors = _started(theirs.fileno(), memory_mb)
            except OSError as error:
                raise InferenceError(f"no worker can be started: {error.strerror}") from None
            undo.pop_all()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def load(self, setup: Setup, content: bytes, load_s: float = 30.0, deadline_s: float = 5.0) -> Ready:
        """Let it load the model `content` within `load_s`; each batch then has `deadline_s`, from question to answer.

        Raises Unreadable or Unsuitable when it refuses the model.
        """
        until_s = time.monotonic() + load_s
        try:
            with contextlib.suppress(InferenceError):  # one that dies early may have said why: `receive` tells
                wire.send(self._channel, msgspec.to_builtins(setup), until_s=until_s)
                wire.send(self._channel, {}, content, until_s=until_s)
            reply, _ = wire.receive(self._channel, largest=replies.largest(0), until_s=until_s)
        except InferenceError as error:
            raise self._explained(error) from None
        self._deadline_s = deadline_s
        return replies.ready(reply, setup.contract)

    def ask(self, pictures: Sequence[NDArray[np.uint8]]) -> tuple[list[Floats], float]:
        """Return for each picture its (k, 6) detections, as of `decode`, and the milliseconds that all of them took.

        pictures: uint8, of the shape of the model's input.
        """
        self._batch += 1
        until_s = time.monotonic() + self._deadline_s
        body = [np.ascontiguousarray(pixels).reshape(-1).data for pixels in pictures]
        try:
            wire.send(self._channel, {"batch": self._batch, "count": len(pictures)}, *body, until_s=until_s)
            header, rows = wire.receive(self._channel, largest=replies.largest(len(pictures)), until_s=until_s)
        except InferenceError as error:
            raise self._explained(error) from None
        return replies.answered(header, rows, self._batch, len(pictures))

    def kill(self) -> None:
        """End it at once, and leave nothing behind; any thread may call it, a question under way fails."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_DEAD_S)
        self._channel.close()
        self._errors.close()

    def _explained(self, error: Exception) -> InferenceError:
        """Return what happened to the worker, where `error` is all that its socket says."""
        try:
            status = self._process.wait(0 if isinstance(error, wire.Late) else _DYING_S)
        except subprocess.TimeoutExpired:
            return InferenceError(str(error))
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        if -status == signal.SIGSYS:
            how += ": it tried what is forbidden to it"
        said = self._last_words()
        kind = Crashed if -status in _CRASHES else InferenceError
        return kind(f"the worker died ({how})" + (f"; it said: {said}" if said else ""))

    def _last_words(self) -> str:
        try:
            text = self._errors.read() or b""
        except (OSError, ValueError):
            return ""
        lines = text.decode(errors="replace").splitlines()
        said = " ".join(line.strip() for line in lines if not line.startswith(("INFO:", "Traceback", " ")))
        return plain(said[-_TOLD:], _TOLD)


def _started(descriptor: int, memory_mb: int) -> "tuple[subprocess.Popen[bytes], IO[bytes]]":
    """Return the process and what it writes to its standard error: bounded, and nobody waits for a reader."""
    ours, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "tapetum.inference.worker", str(descriptor), str(memory_mb)],
            pass_fds=(descriptor,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env=environment.of_worker(os.environ),
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return process, open(ours, "rb", buffering=0)  # noqa: PTH123  a descriptor, closed by `kill`
