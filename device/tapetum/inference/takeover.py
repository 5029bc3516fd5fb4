"""The model in use, and what may take over from it: another model, or the same one on a better accelerator.

Both are loaded and tried in a process beside the one that runs, and take over between two batches; nobody waits.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapetum.errors import BundleError, ConfigError, InferenceError, TapetumError, Unsuitable
from tapetum.inference import labels as label_files
from tapetum.inference.accelerators import Cpu
from tapetum.inference.contract import Input, ModelSpec
from tapetum.inference.decode import Floats
from tapetum.inference.engine import Engine, may_pass
from tapetum.inference.messages import Ready
from tapetum.inference.probes import Trial
from tapetum.inference.process import Crashed, Process
from tapetum.inference.settings import Inference
from tapetum.inference.supply import Supply

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, slots=True)
class Candidate:
    """A model that has answered its probes, in a worker beside the one in use.

    trial: what they came to. held: the model in use, where it had to let the accelerator go for this one.
    """

    engine: Engine
    trial: Trial
    held: Engine | None = None

    @property
    def spec(self) -> ModelSpec:
        """What it is."""
        return self.engine.spec

    @property
    def input(self) -> Input:
        """The pictures that it takes; raises InferenceError where its worker has gone."""
        if self.engine.input is None:
            raise InferenceError("no accelerator works")
        return self.engine.input

    def ask(self, pictures: Sequence[NDArray[np.uint8]]) -> tuple[list[Floats], float]:
        """Return as `Process.ask`, for the thread that has made it; raises InferenceError."""
        return self.engine.ask(pictures)


@dataclass(eq=False, slots=True)
class _Try:
    """A model that is to be tried, and what became of that."""

    spec: ModelSpec
    candidate: Candidate | None = None
    error: TapetumError | None = None
    done: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class _Next:
    """What is to take over; None: no model."""

    engine: Engine | None


class Takeover:
    """`take_over` is called by the thread that asks, between two batches; `try_others` is the body of another."""

    def __init__(self, settings: Inference, lock: threading.RLock, failed: Callable[[str], None]) -> None:
        """Have no model yet. lock: under which models change; failed: hears why, whenever a worker has failed."""
        self.engine: Engine | None = None
        self.wanted = threading.Condition(lock)  # told when there is something to take over, and at the end
        self._changed = threading.Condition(lock)  # told when there may be something to try
        self._settings = settings
        self._failed = failed
        self._supply = Supply(settings.memory_mb)
        self._next: _Next | None = None
        self._letting_go = False
        self._wanted: _Try | None = None
        self._ended = False

    @property
    def waits(self) -> bool:
        """Whether there is something to take over."""
        return self._letting_go or self._next is not None or bool(self.engine and self.engine.improved)

    def begin(self, spec: ModelSpec) -> None:
        """Have the first worker load the model; raises ConfigError when it cannot be used, or its labels do not fit.

        Where an accelerator is away that may take it later, motion alone counts until then.

        The error names the key where the settings name the model, else the model.
        """
        engine = Engine(spec, self._settings, self._supply)
        where = f"inference.model: {self._settings.model}" if self._settings.model else spec.name
        with contextlib.ExitStack() as undo:
            undo.callback(self._supply.close)
            ready = self._begun(engine, where)
            try:
                label_files.check_count(spec.labels, ready.classes if ready else 0, self._settings.model or spec.name)
            except BundleError as error:
                key = ": ".join(filter(None, ("inference.labels", self._settings.labels)))
                raise ConfigError(f"{key if self._settings.model else where}: {error}") from None
            undo.pop_all()
        self.engine = engine
        engine.failed = self._failed

    def take_over(self) -> Engine | Process | None:
        """Let what waits take over, under the lock; return what it replaces, to be killed."""
        self._changed.notify_all()
        if self._letting_go and self.engine:
            self._letting_go = False
            self.engine.hold()
        if self._next:
            old, self.engine, self._next = self.engine, self._next.engine, None
            if self.engine:
                self.engine.failed = self._failed
            return old
        return self.engine.adopt() if self.engine else None

    def refill(self) -> None:
        """Have a spare worker, once the one in use has answered: to start one takes a second of the processor.

        Where none can be started, the next one that is needed will tell.
        """
        if self._settings.spare and self.engine:
            with contextlib.suppress(InferenceError):
                self._supply.refill()

    def end(self) -> None:
        """Let `try_others` end, and all workers."""
        with self.wanted:
            self._ended = True
            self.wanted.notify_all()
            self._changed.notify_all()
        self._supply.close()

    def prepare(self, spec: ModelSpec) -> Candidate:
        """As of `Worker.prepare`."""
        tried = _Try(spec)
        with self._changed:
            self._changed.wait_for(lambda: self._wanted is None or self._ended)
            self._wanted = tried
            self._changed.notify_all()
            self._changed.wait_for(lambda: tried.done or self._ended)
        if tried.error:
            raise tried.error
        if not (tried.done and tried.candidate):
            raise InferenceError("the daemon ends")
        return tried.candidate

    def promote(self, engine: Engine | None) -> None:
        """Let `engine` take over, None: no model; raises InferenceError when the daemon ends before."""
        coming = _Next(engine)
        with self.wanted:
            self._next = coming
            self.wanted.notify_all()
            self._changed.wait_for(lambda: self._next is not coming or self._ended)
            if self._next is coming:
                raise InferenceError("the daemon ends")

    def discard(self, candidate: Candidate) -> None:
        """As of `Worker.discard`."""
        candidate.engine.kill()
        if candidate.held:
            candidate.held.resume()

    def try_others(self, stop: threading.Event) -> None:
        """Try models that are swapped in, and accelerators that failed, beside what runs, until the end."""
        while not (stop.is_set() or self._ended):
            with self._changed:
                wanted, self._wanted = self._wanted, None
                wait_s = self.engine.wait_s() if self.engine else None
                if not (wanted or wait_s == 0 or self._ended):
                    self._changed.wait(wait_s)
                    continue
            if wanted:
                self._try(wanted)
            elif self.engine and not self._ended:
                self.engine.improve()
            with self.wanted:
                self.wanted.notify_all()

    def _try(self, wanted: _Try) -> None:
        """Try a model beside the one that runs."""
        engine = Engine(wanted.spec, self._settings, self._supply)
        try:
            wanted.candidate = self._tried(engine)
        except (BundleError, InferenceError) as error:
            wanted.error = error
        with self._changed:
            wanted.done = True
            self._changed.notify_all()

    def _tried(self, engine: Engine) -> Candidate:
        """Return as `_tried`; where the only accelerator serves one model, the one in use lets it go meanwhile."""
        try:
            return Candidate(engine, _tried(engine))
        except InferenceError as error:
            if not (self.engine and self.engine.exclusive and may_pass(error)):
                raise
        _log.info("model %s: the one in use stops while it is tried, in case they exclude each other", engine.spec.name)
        old = self._let_go()
        try:
            return Candidate(engine, _tried(engine), old)
        except (BundleError, InferenceError):
            old.resume()
            raise

    def _let_go(self) -> Engine:
        """Have the model in use answer what it was asked, and then let its accelerator go; return it."""
        with self.wanted:
            self._letting_go = True
            self.wanted.notify_all()
            self._changed.wait_for(lambda: not self._letting_go or self._ended)
            if self._ended or not self.engine:
                raise InferenceError("the daemon ends")
        self.engine.kill()
        return self.engine

    def _begun(self, engine: Engine, where: str) -> Ready | None:
        """Return what the model is; None where no accelerator works now, and one may later: a stick can be put in.

        A model of a slot was tried before it was active: it waits for the processor too, which may be short of time or
        of memory now.
        """
        try:
            return engine.start()
        except (BundleError, InferenceError) as error:
            waits = engine.away or (not self._settings.model and may_pass(error))
            if isinstance(self._settings.accelerators[-1], Cpu) and not waits:
                raise ConfigError(f"{where}: {error}") from None
        _log.error("model %s: no accelerator works, motion alone counts", engine.spec.name)
        return None


def alone(spec: ModelSpec, settings: Inference) -> Trial:
    """Try the model `spec` where nothing else runs, as `Worker.swap` does beside what runs; raises what that raises."""
    supply = Supply(settings.memory_mb)
    try:
        return _tried(Engine(spec, settings, supply))
    finally:
        supply.close()


def _tried(engine: Engine) -> Trial:
    """Load the model and ask it its probes; raises BundleError or InferenceError, and then no process is left."""
    try:
        return engine.trial()
    except Crashed as error:
        engine.kill()
        raise Unsuitable(str(error)) from None
    except (BundleError, InferenceError):
        engine.kill()
        raise
