"""A worker process and its socket, from the daemon's side: start it, ask it, end it."""

import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from tapetum.errors import InferenceError, Unreadable, Unsuitable
from tapetum.inference import wire
from tapetum.inference.decode import Floats
from tapetum.inference.model import Crop
from tapetum.inference.settings import Inference

_REFUSALS = {"Unreadable": Unreadable, "Unsuitable": Unsuitable}


@dataclass(frozen=True, slots=True)
class Contract:
    """What the model takes and tells apart. input_size: (width, height); classes: 0 where it does not say."""

    input_size: tuple[int, int]
    classes: int


class Process:
    """One living worker. Every method raises InferenceError when it is dead, late, or talks nonsense."""

    def __init__(self, settings: Inference, content: bytes) -> None:
        """Start it and let it load the model `content`.

        Raises Unreadable or Unsuitable when it refuses the model, InferenceError when it dies of it.
        """
        self._channel, theirs = socket.socketpair()
        descriptor = theirs.fileno()
        command = [sys.executable, "-m", "tapetum.inference.worker", str(descriptor), str(settings.memory_mb)]
        null = subprocess.DEVNULL
        self._process = subprocess.Popen(command, pass_fds=(descriptor,), stdin=null, stdout=null, stderr=null)
        theirs.close()
        self._batch = 0
        self._channel.settimeout(max(settings.deadline_s, 30.0))  # loading takes longer than answering
        try:
            self.contract = self._loaded(settings, content)
        except BaseException:
            self.kill()
            raise
        self._channel.settimeout(settings.deadline_s)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, crops: list[Crop]) -> tuple[list[Floats], float]:
        """Return for each crop its (k, 6) detections, as of `decode.Ssd.decode`, and the milliseconds it took."""
        self._batch += 1
        body = b"".join(np.ascontiguousarray(crop.pixels).tobytes() for crop in crops)
        wire.send(self._channel, {"batch": self._batch, "count": len(crops)}, body)
        header, rows = wire.receive(self._channel)
        try:
            return self._split(header, np.frombuffer(rows, np.float32).reshape(-1, 6), len(crops)), float(header["ms"])
        except (KeyError, TypeError, ValueError) as error:
            raise InferenceError(f"the worker talks nonsense: {error!r}") from None

    def kill(self) -> None:
        """End it at once, and leave nothing behind."""
        self._process.kill()
        self._process.wait()
        self._channel.close()

    def _loaded(self, settings: Inference, content: bytes) -> Contract:
        wire.send(self._channel, {"threads": settings.threads, "min_score": settings.min_score}, content)
        reply, _ = wire.receive(self._channel)
        if "refused" in reply:
            raise _REFUSALS.get(reply.get("kind", ""), InferenceError)(str(reply["refused"]))
        ready = reply["ready"]
        return Contract((int(ready["width"]), int(ready["height"])), int(ready["classes"]))

    def _split(self, header: dict[str, Any], rows: Floats, crops: int) -> list[Floats]:
        counts = [int(count) for count in header["counts"]]
        if header["batch"] != self._batch or len(counts) != crops or sum(counts) != len(rows) or min(counts) < 0:
            raise InferenceError("the worker answers something else than it was asked")
        return np.split(rows, np.cumsum(counts)[:-1])
