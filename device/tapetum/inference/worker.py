"""The inference worker: a process of its own that holds the model, so that a model can only ever take itself down.

Started as `python -m tapetum.inference.worker FD LIMIT_MB`; FD is its end of a socket pair. The first message brings
its setup, after which it locks itself in, the second the model, each further one a batch of crops; it ends when the
socket closes or its parent dies.
"""

import os
import socket
import sys
import time
from pathlib import Path
from typing import IO

import msgspec
import numpy as np

from tapetum.errors import BundleError, InferenceError
from tapetum.inference import confine, drive, wire
from tapetum.inference.contract import MOST_CLASSES
from tapetum.inference.decode import Floats
from tapetum.inference.messages import MOST_ROWS, Answered, Ready, Setup
from tapetum.inference.tflite import Detector

_SENSELESS = (ValueError, RuntimeError)  # what else the runtime and NumPy make of a model's numbers and names
_TOLD = 1500  # characters of a reason: the daemon takes short replies only
_TOO_LITTLE = "; inference.memory_mb = {} may be too little"
_STATUS = 1 << 12  # bytes of /proc/self/status, of which the kernel writes 1,500
_MOST = 0.6  # of the memory allowed: above it, a failure to load is taken for a lack of memory


def main(descriptor: int, limit_mb: int) -> int:
    """Serve until the daemon goes or the model fails; return the exit status."""
    sys.tracebacklimit = 0  # lines of source would be read from files
    channel = socket.socket(fileno=descriptor)
    confine.bound(limit_mb)
    lacking = f"out of memory{_TOO_LITTLE.format(limit_mb)}"  # made while there is some
    try:
        with Path("/proc/self/status").open("rb", buffering=0) as status:  # opened while that may be
            detector, min_score = _load(channel, limit_mb, status)
        buffer = bytearray()
        while True:
            _answer(channel, buffer, detector, min_score)
    except InferenceError as error:
        print(error, file=sys.stderr)  # noqa: T201  the daemon repeats it
        return 1
    except MemoryError:  # so little that not even this could be answered
        print(lacking, file=sys.stderr)  # noqa: T201  the daemon repeats it
        return 1


def _load(channel: socket.socket, limit_mb: int, status: IO[bytes]) -> tuple[Detector, float]:
    """Load the model that comes, run it once, and say what it is or why it cannot be used."""
    try:
        drive.warm_up()
        setup = msgspec.convert(wire.receive(channel)[0], Setup)
        driven = drive.begin(setup.accelerator)
        confinement = confine.lock(driven.driving, driven.files)
        _, content = wire.receive(channel)
        detector = driven.detector(bytes(content), setup.contract)
        blank = np.zeros(detector.contract.input.shape, np.uint8)
        detector.detect(blank, setup.min_score)
    except (BundleError, InferenceError, MemoryError, *_SENSELESS) as error:
        text, shortage = str(error) or "out of memory", _shortage(limit_mb, status)
        kind = "Unreadable" if isinstance(error, _SENSELESS) else type(error).__name__
        said = {"refused": text[:_TOLD] + shortage, "kind": "InferenceError" if shortage else kind}
        wire.send(channel, said)
        raise InferenceError(text) from None
    ready = Ready(contract=detector.contract, classes=detector.classes, confinement=confinement)
    wire.send(channel, {"ready": msgspec.to_builtins(ready)})
    return detector, setup.min_score


def _shortage(limit_mb: int, status: IO[bytes]) -> str:
    """Return what to say of memory after a failure: nothing, unless most of what is allowed was taken."""
    peak_mb = int(status.read(_STATUS).partition(b"VmPeak:")[2].split()[0]) // 1024
    if peak_mb < _MOST * limit_mb:
        return ""
    return _TOO_LITTLE.format(limit_mb)


def _answer(channel: socket.socket, buffer: bytearray, detector: Detector, min_score: float) -> None:
    """Answer one batch: for each crop the number of its detections, and all rows of all crops behind."""
    header, body = wire.receive(channel, buffer)
    pixels = np.frombuffer(body, np.uint8).reshape(header["count"], *detector.contract.input.shape)
    start = time.perf_counter()
    found = [_taken(detector.detect(crop, min_score)) for crop in pixels]
    rows = np.concatenate(found) if found else np.zeros((0, 6), np.float32)
    taken_ms = (time.perf_counter() - start) * 1e3
    reply = Answered(batch=header["batch"], counts=tuple(map(len, found)), ms=taken_ms)
    wire.send(channel, msgspec.to_builtins(reply), np.ascontiguousarray(rows, np.float32).tobytes())


def _taken(rows: Floats) -> Floats:
    """Return those of the rows that the daemon takes, the best, with whole numbers for classes."""
    known = rows[rows[:, 0] < MOST_CLASSES][:MOST_ROWS]
    known[:, 0] = np.floor(known[:, 0])
    return known


if __name__ == "__main__":
    ended = main(int(sys.argv[1]), int(sys.argv[2]))
    sys.stderr.flush()
    os._exit(ended)  # what native code would still tidy up may take long, or fail
