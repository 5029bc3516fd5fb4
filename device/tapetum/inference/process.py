"""A worker process and its socket, from the daemon's side: start it, let it load a model, ask it, end it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from tapetum.errors import InferenceError, Unreadable, Unsuitable
from tapetum.inference import wire
from tapetum.inference.decode import Floats
from tapetum.inference.model import Crop
from tapetum.inference.settings import Inference

_REFUSALS = {"Unreadable": Unreadable, "Unsuitable": Unsuitable}
_LOAD_S = 30.0  # to load a model, at least: that takes longer than answering
_DYING_S = 0.2  # between the end of a process's socket and its own
_DEAD_S = 1.0  # after SIGKILL; a process that a driver holds longer is left to itself
_TOLD = 300  # characters of what it wrote to its standard error that are repeated


@dataclass(frozen=True, slots=True)
class Contract:
    """What the model takes and tells apart. input_size: (width, height); classes: 0 where it does not say."""

    input_size: tuple[int, int]
    classes: int


class Process:
    """One living worker. Every method raises InferenceError when it is dead, late, or talks nonsense."""

    def __init__(self, settings: Inference) -> None:
        """Start it; `load` must come next."""
        self._settings = settings
        self._batch = 0
        with contextlib.ExitStack() as undo:
            try:
                self._channel, theirs = socket.socketpair()
                undo.push(self._channel)
                with theirs:
                    self._process, self._errors = _started(theirs.fileno(), settings.memory_mb)
            except OSError as error:
                raise InferenceError(f"no worker can be started: {error.strerror}") from None
            undo.pop_all()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def load(self, content: bytes) -> Contract:
        """Let it load the model `content`; raises Unreadable or Unsuitable when it refuses that."""
        settings = self._settings
        try:
            self._channel.settimeout(max(settings.deadline_s, _LOAD_S))
            with contextlib.suppress(InferenceError):  # one that dies early may have said why: `receive` tells
                wire.send(self._channel, {"threads": settings.threads, "min_score": settings.min_score}, content)
            reply, _ = wire.receive(self._channel)
            self._channel.settimeout(settings.deadline_s)
        except (InferenceError, OSError) as error:
            raise self._explained(error) from None
        if "refused" in reply:
            raise _REFUSALS.get(str(reply.get("kind")), InferenceError)(str(reply["refused"]))
        try:
            ready = reply["ready"]
            return Contract((int(ready["width"]), int(ready["height"])), int(ready["classes"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InferenceError(f"the worker talks nonsense: {error!r}") from None

    def ask(self, crops: list[Crop]) -> tuple[list[Floats], float]:
        """Return for each crop its (k, 6) detections, as of `decode.Ssd.decode`, and the milliseconds it took."""
        self._batch += 1
        body = b"".join(np.ascontiguousarray(crop.pixels).tobytes() for crop in crops)
        try:
            wire.send(self._channel, {"batch": self._batch, "count": len(crops)}, body)
            header, rows = wire.receive(self._channel)
        except InferenceError as error:
            raise self._explained(error) from None
        try:
            return self._split(header, np.frombuffer(rows, np.float32).reshape(-1, 6), len(crops)), float(header["ms"])
        except (KeyError, TypeError, ValueError) as error:
            raise InferenceError(f"the worker talks nonsense: {error!r}") from None

    def kill(self) -> None:
        """End it at once, and leave nothing behind; any thread may call it, a question under way fails."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_DEAD_S)
        self._channel.close()
        self._errors.close()

    def _split(self, header: dict[str, Any], rows: Floats, crops: int) -> list[Floats]:
        counts = [int(count) for count in header["counts"]]
        if header["batch"] != self._batch or len(counts) != crops or sum(counts) != len(rows) or min(counts) < 0:
            raise InferenceError("the worker answers something else than it was asked")
        return np.split(rows, np.cumsum(counts)[:-1])

    def _explained(self, error: Exception) -> InferenceError:
        """Return what happened to the worker, where `error` is all that its socket says."""
        try:
            status = self._process.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            return InferenceError(str(error))
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        said = self._last_words()
        return InferenceError(f"the worker died ({how})" + (f"; it said: {said}" if said else ""))

    def _last_words(self) -> str:
        try:
            text = self._errors.read() or b""
        except (OSError, ValueError):
            return ""
        lines = text.decode(errors="replace").splitlines()
        return " ".join(line.strip() for line in lines if not line.startswith(("INFO:", "Traceback", " ")))[-_TOLD:]


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
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return process, open(ours, "rb", buffering=0)  # noqa: PTH123  a descriptor, closed by `kill`
