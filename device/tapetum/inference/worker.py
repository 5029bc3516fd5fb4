"""The inference worker: a process of its own that holds the model, so that a model can only ever take itself down.

Started as `python -m tapetum.inference.worker FD LIMIT_MB`; FD is its end of a socket pair. The first message brings
the model, each further one a batch of crops; it ends when the socket closes or its parent dies.
"""

import ctypes
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tapetum.errors import BundleError, InferenceError
from tapetum.inference import wire
from tapetum.inference.tflite import Detector, runtime

_PR_SET_PDEATHSIG = 1
_NICENESS = 5
_MOST = 0.6  # of the memory allowed: above it, a failure to load is taken for a lack of memory


def main(descriptor: int, limit_mb: int) -> int:
    """Serve until the daemon goes or the model fails; return the exit status."""
    channel = socket.socket(fileno=descriptor)
    _bound(limit_mb)
    try:
        detector, min_score = _load(channel, limit_mb)
        while True:
            _answer(channel, detector, min_score)
    except InferenceError as error:
        print(error, file=sys.stderr)  # noqa: T201  the daemon repeats it
        return 1


def _bound(limit_mb: int) -> None:
    """Die with the daemon, leave it the processor, and take no more than is allowed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all of a group or a service: the daemon decides
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (limit_mb << 20, limit_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def _load(channel: socket.socket, limit_mb: int) -> tuple[Detector, float]:
    """Load the model that comes first, run it once, and say what it is or why it cannot be used."""
    try:
        runtime()
        header, content = wire.receive(channel)
        detector = Detector(bytes(content), header["threads"])
        blank = np.zeros((detector.height, detector.width, 3), np.uint8)
        detector.detect(blank, header["min_score"])
    except (BundleError, InferenceError, MemoryError) as error:
        text = str(error) or "out of memory"
        wire.send(channel, {"refused": text + _shortage(limit_mb), "kind": type(error).__name__})
        raise InferenceError(text) from None
    size = {"width": detector.width, "height": detector.height, "classes": detector.classes}
    wire.send(channel, {"ready": size})
    return detector, float(header["min_score"])


def _shortage(limit_mb: int) -> str:
    """Return what to say of memory after a failure: nothing, unless most of what is allowed was taken."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_mb = int(status.partition("VmPeak:")[2].split()[0]) // 1024
    if peak_mb < _MOST * limit_mb:
        return ""
    return f"; inference.memory_mb = {limit_mb} may be too little"


def _answer(channel: socket.socket, detector: Detector, min_score: float) -> None:
    """Answer one batch: for each crop the number of its detections, and all rows of all crops behind."""
    header, body = wire.receive(channel)
    pixels = np.frombuffer(body, np.uint8).reshape(header["count"], detector.height, detector.width, 3)
    start = time.perf_counter()
    found: list[Any] = [detector.detect(crop, min_score) for crop in pixels]
    rows = np.concatenate(found) if found else np.zeros((0, 6), np.float32)
    taken_ms = (time.perf_counter() - start) * 1e3
    reply = {"batch": header["batch"], "counts": [len(rows) for rows in found], "ms": taken_ms}
    wire.send(channel, reply, np.ascontiguousarray(rows, np.float32).tobytes())


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
