"""The daemon's side of inference: cameras offer crops, one batch at a time goes to the worker, answers come back.

A worker that dies, hangs or talks nonsense is replaced by another, on the next accelerator of the chain. A crop that
did that to two of them is not offered again, and a model that goes on doing it is left alone for a minute, in which
motion alone counts.
"""

import statistics
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence

from tapetum.errors import InferenceError
from tapetum.inference.answers import answer, places
from tapetum.inference.contract import Input, ModelSpec
from tapetum.inference.decode import Floats
from tapetum.inference.engine import Engine
from tapetum.inference.model import Answer, Crop
from tapetum.inference.probes import Trial
from tapetum.inference.process import Process
from tapetum.inference.quarantine import Quarantine
from tapetum.inference.settings import Inference
from tapetum.inference.state import InferenceState
from tapetum.inference.takeover import Candidate, Takeover

Watcher = Callable[[ModelSpec, Sequence[Crop], Sequence[Floats], float], None]
"""Hears of a batch that was answered: by which model, the crops, the rows of each (as of `decode`), how long, ms."""
_MEASURED = 100  # answers of which the median is told


class Worker:
    """The supervised worker. `run` and `try_others` are the bodies of its two threads, `port` a camera's way to it."""

    def __init__(self, spec: ModelSpec | None, settings: Inference) -> None:
        """Have a worker load the model `spec`; None: motion alone, until a model is swapped in.

        Raises ConfigError, naming key and file, when it cannot be used.
        """
        self._settings = settings
        self._takeover = Takeover(settings, threading.RLock(), self._failed)
        self._work = self._takeover.wanted
        self._asked_by: Port | None = None
        self._crops: list[Crop] = []
        self._stopping = False
        self._quarantine = Quarantine()
        self._counts: Counter[str] = Counter()
        self._ms: deque[float] = deque(maxlen=_MEASURED)
        self._last_error = ""
        self._watcher: Watcher | None = None
        if spec:
            self._takeover.begin(spec)

    def port(self, camera: str) -> "Port":
        """Return the way for the camera called `camera` to ask."""
        return Port(self, camera)

    @property
    def model(self) -> str:
        """`name@version` of the model in use; "" where there is none."""
        return self._engine.spec.name if self._engine else ""

    @property
    def labels(self) -> tuple[str, ...]:
        """What the model in use may call a thing; () where there is none."""
        return self._engine.spec.labels if self._engine else ()

    @property
    def input(self) -> Input | None:
        """The pictures that it takes; None while motion alone counts."""
        return self._engine.input if self._engine and not self._stopping else None

    @property
    def places(self) -> bool:
        """Whether the model in use says where in a crop a thing is."""
        return places(self._engine.told) if self._engine else True

    @property
    def pid(self) -> int | None:
        """The worker's process id; None while there is none."""
        return (self._engine.pid or None) if self._engine else None

    def state(self) -> InferenceState:
        """Return the figures for health."""
        engine, counts = self._engine, self._counts
        times = tuple(self._ms)  # which a swap empties meanwhile
        return InferenceState(
            mode=engine.mode if engine else "off",
            model=self.model,
            accelerators=engine.states() if engine else {},
            confinement=engine.confinement if engine else "",
            pid=self.pid or 0,
            asked=counts["asked"],
            answered=counts["answered"],
            refused=counts["refused"],
            restarts=counts["restarts"],
            quarantined=len(self._quarantine),
            median_ms=round(statistics.median(times), 2) if times else 0.0,
            last_error=self._last_error,
        )

    def run(self, stop: threading.Event) -> None:
        """Ask the worker what is offered, until `stop` is set and `close` was called."""
        try:
            while not (stop.is_set() or self._stopping):
                with self._work:
                    self._work.wait_for(lambda: bool(self._crops) or self._takeover.waits or self._stopping)
                    port, crops = self._asked_by, self._crops
                if port is not None and crops and not self._stopping:
                    self._serve(port, crops)
                self._let_go(crops)
        finally:
            self.close()
            self._let_go(self._crops)

    def try_others(self, stop: threading.Event) -> None:
        """Try models that are swapped in, and accelerators that failed, beside what runs; ends as `run` does."""
        self._takeover.try_others(stop)

    def prepare(self, spec: ModelSpec) -> Candidate:
        """Load the model `spec` beside the one that runs, and ask it its probes; wants `run` and `try_others` to run.

        It is to be promoted or discarded. Raises BundleError when it cannot be used, and InferenceError when it could
        not be tried.
        """
        return self._takeover.prepare(spec)

    def promote(self, candidate: Candidate | None) -> None:
        """Let it take over from the model that runs, between two batches; None: no model runs from then on.

        Returns when it has; raises InferenceError when the daemon ends before.
        """
        self._takeover.promote(candidate.engine if candidate else None)
        self._ms.clear()

    def discard(self, candidate: Candidate) -> None:
        """Let the candidate go; the one that runs stays."""
        self._takeover.discard(candidate)

    def swap(self, spec: ModelSpec) -> Trial:
        """Let the model `spec` take over once it is prepared; raises as `prepare`, and the old one then stays."""
        candidate = self.prepare(spec)
        self.promote(candidate)
        return candidate.trial

    def show(self, watcher: Watcher) -> None:
        """Let `watcher` hear of each batch that is answered, in the thread of `run`: it must not take long."""
        self._watcher = watcher

    def close(self) -> None:
        """Let `run` and `try_others` end; a question under way is broken off."""
        with self._work:
            self._stopping = True
        self._takeover.end()

    def settle(self) -> None:
        """Wait until nothing is in flight: for replays, never for a camera."""
        with self._work:
            self._work.wait_for(lambda: not self._crops or self._stopping)

    def take(self, port: "Port", crops: Sequence[Crop]) -> bool:
        """Take a batch if none is in flight, the worker lives, and it may be shown all of it."""
        with self._work:
            if self._crops or not self._fit(crops) or self._quarantine.holds(crops):
                self._counts["refused"] += 1
                return False
            self._asked_by, self._crops = port, list(crops)
            self._counts["asked"] += 1
            self._work.notify_all()
            return True

    @property
    def _engine(self) -> Engine | None:
        return self._takeover.engine

    def _fit(self, crops: Sequence[Crop]) -> bool:
        """Whether the model takes such crops now: they may have been made for one that ran before."""
        picture = self.input
        return picture is not None and all(crop.pixels.shape == picture.shape for crop in crops)

    def _let_go(self, served: list[Crop]) -> None:
        """Have `served` in flight no more: the moment for something better to take over.

        What was taken meanwhile was made for the model in use, which answers it first.
        """
        with self._work:
            if self._crops is served:
                self._crops = []
            gone = None if self._crops else self._take_over()
            self._work.notify_all()
        if gone:
            gone.kill()

    def _take_over(self) -> Engine | Process | None:
        """As of `Takeover`; another model may be shown the crops that this one died over."""
        before = self._engine
        gone = self._takeover.take_over()
        if self._engine is not before:
            self._quarantine.clear()
        return gone

    def _serve(self, port: "Port", crops: list[Crop]) -> None:
        engine = self._engine
        if engine is None:
            return
        try:
            found, taken_ms = engine.ask([crop.pixels for crop in crops])
        except InferenceError:
            self._quarantine.blame(crops)
            if not self._stopping:
                engine.recover()
            return
        self._takeover.refill()
        self._counts["answered"] += 1
        self._ms.append(taken_ms)
        told, least = engine.told, self._settings.min_score
        if watcher := self._watcher:
            watcher(told, crops, found, taken_ms)
        port.deliver([answer(told, crop, rows, least) for crop, rows in zip(crops, found, strict=True)])

    def _failed(self, reason: str) -> None:
        """Count a worker that failed, and in whose place another is to be."""
        self._last_error = reason
        self._counts["restarts"] += 1


class Port:
    """One camera's way to the worker; see `inference.model.Model`."""

    def __init__(self, worker: Worker, camera: str) -> None:
        self._worker = worker
        self.camera = camera
        self._answers: deque[Answer] = deque()

    @property
    def input(self) -> Input | None:
        """As of `Model.input`."""
        return self._worker.input

    @property
    def places(self) -> bool:
        """As of `Model.places`."""
        return self._worker.places

    def offer(self, crops: Sequence[Crop]) -> bool:
        """As of `Model.offer`."""
        return self._worker.take(self, crops)

    def collect(self) -> list[Answer]:
        """As of `Model.collect`."""
        return [self._answers.popleft() for _ in range(len(self._answers))]

    def deliver(self, answers: Sequence[Answer]) -> None:
        """Let `answers` be collected."""
        self._answers.extend(answers)
