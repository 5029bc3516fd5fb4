"""Workers to be had: one is kept ready without a model, so that the place of another is taken at once.

To start Python and load NumPy and the runtime takes most of the time of a start, and is the same for every model.
"""

import threading

from tapetum.errors import InferenceError
from tapetum.inference.process import Process


class Supply:
    """All workers that there are: `close` ends them, and none is had after it."""

    def __init__(self, memory_mb: int) -> None:
        self._memory_mb = memory_mb
        self._lock = threading.Lock()
        self._all: list[Process] = []
        self._spare: Process | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether all were ended on purpose: what they fail in now is no failure."""
        return self._closed

    def get(self) -> Process:
        """Return a worker that has no model; raises InferenceError when none can be started."""
        with self._lock:
            spare, self._spare = self._spare, None
            return spare if spare and not spare.ended else self._new()

    def refill(self) -> None:
        """Have a worker in reserve. For a thread that lives as long as the workers: they end with it."""
        with self._lock:
            if self._spare is None and not self._closed:
                self._spare = self._new()

    def close(self) -> None:
        """End all workers."""
        with self._lock:
            self._closed = True
            ended, self._all = self._all, []
        for process in ended:
            process.kill()

    def _new(self) -> Process:
        if self._closed:
            raise InferenceError("there are to be no more workers")
        process = Process(self._memory_mb)
        self._all = [one for one in self._all if not one.ended] + [process]
        return process
