"""A supervised worker with its threads, as the daemon runs it."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from tapetum import bundle
from tapetum.inference.client import Port, Worker
from tapetum.inference.contract import ModelSpec
from tapetum.inference.model import Answer, Crop
from tapetum.inference.settings import Inference
from tapetum.inference.state import InferenceState
from tapetum.scene import Box
from tests.simulators.daemon import until

WHOLE = Box(0, 0, 1, 1)


def made(settings: Inference) -> Worker:
    return Worker(bundle.load(settings), settings)


@dataclass
class Running:
    """A worker with its thread, and one camera's way to it."""

    worker: Worker
    port: Port
    stop: threading.Event
    threads: list[threading.Thread]

    def ask(self, *crops: Crop) -> list[Answer]:
        """Offer `crops` until they are taken; return the answers, none when the worker failed over them."""
        until(lambda: self.port.offer(crops), what="taken")
        self.worker.settle()
        return self.port.collect()

    def fail(self, crop: Crop) -> None:
        """Let the worker die over `crop`."""
        self.worker.settle()
        pid = self.worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        until(lambda: self.port.offer([crop]), what="taken")
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.worker.pid != pid or not self.worker.input, what="replaced")

    def state(self) -> InferenceState:
        return self.worker.state()

    def end(self) -> float:
        """Close it; return how long that took, seconds."""
        start_s = time.monotonic()
        self.stop.set()
        self.worker.close()
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()
        return time.monotonic() - start_s


class Start(Protocol):
    """Starts a worker; without `spec`, on the model that the settings name."""

    def __call__(self, settings: Inference, spec: ModelSpec | None = None) -> Running: ...
