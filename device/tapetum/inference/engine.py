"""One model on the best accelerator of its chain that works now, each in a process of its own."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tapetum.errors import BundleError, InferenceError
from tapetum.inference import labels as label_files
from tapetum.inference import probes
from tapetum.inference.accelerators import Cpu, names, type_of
from tapetum.inference.chain import Chain
from tapetum.inference.contract import Input, ModelSpec
from tapetum.inference.decode import Floats
from tapetum.inference.messages import Ready, Setup
from tapetum.inference.probes import Trial
from tapetum.inference.process import Crashed, Process
from tapetum.inference.settings import Inference
from tapetum.inference.state import AcceleratorState
from tapetum.inference.supply import Supply

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Running:
    """A process that has loaded the model; place: of its accelerator in the chain."""

    place: int
    process: Process
    ready: Ready


def may_pass(error: Exception) -> bool:
    """Whether it may work another time: nobody refused the model, and it killed no worker."""
    return isinstance(error, InferenceError) and not isinstance(error, Crashed)


class Engine:
    """`ask` and `recover` are one thread's, `improve` another's; what they hand over goes through `adopt`."""

    def __init__(self, spec: ModelSpec, settings: Inference, supply: Supply) -> None:
        """Start nothing yet."""
        self.spec = spec
        self.failed: Callable[[str], None] = lambda _: None  # hears why, whenever a process has failed after `start`
        self._settings = settings
        self._supply = supply
        self._chain = Chain(names(settings.accelerators))
        self._running: _Running | None = None
        self._shown: _Running | None = None  # what health tells, and cameras: while one is replaced, that one
        self._better: _Running | None = None
        self._trials: dict[int, Trial] = {}  # by place, of the accelerators on which it has answered its probes
        self._lock = threading.Lock()
        self._away = self._held = False

    @property
    def away(self) -> bool:
        """Whether an accelerator in front of the last could not be used when it began, and may take the model later."""
        return self._away

    @property
    def input(self) -> Input | None:
        """The pictures that it takes; None while no accelerator works."""
        return self._shown.ready.contract.input if self._shown else None

    @property
    def told(self) -> ModelSpec:
        """The model with its contract, which the worker has recognised where it brought none."""
        return replace(self.spec, contract=self._shown.ready.contract) if self._shown else self.spec

    @property
    def mode(self) -> str:
        """The name of the accelerator in use, or "motion-only"."""
        return self._chain.name(self._shown.place) if self._shown else "motion-only"

    @property
    def confinement(self) -> str:
        """How far the worker is locked in; "" while there is none."""
        return self._shown.ready.confinement.text if self._shown else ""

    @property
    def pid(self) -> int:
        """The process id of its worker; 0 while there is none."""
        return self._running.process.pid if self._running else 0

    @property
    def improved(self) -> bool:
        """Whether `adopt` has something to take over."""
        return self._better is not None

    def states(self) -> Mapping[str, AcceleratorState]:
        """Return how each accelerator does, by name."""
        return self._chain.states(self._shown.place if self._shown else None)

    @property
    def exclusive(self) -> bool:
        """Whether its only accelerators are such as may serve one process at a time."""
        return not any(isinstance(one, Cpu) for one in self._settings.accelerators)

    def start(self) -> Ready:
        """Load the model on the first accelerator that takes it, and on which it answers its probes.

        Raises what the last one raised, BundleError or InferenceError, when none does; `away` then tells of the others.
        """
        failures: list[BundleError | InferenceError] = []
        for place in self._chain.usable():
            try:
                return self._serve(self._proven(self._loaded(place))).ready
            except (BundleError, InferenceError) as failure:
                failures.append(failure)
        raise self._last_of(failures)

    def trial(self) -> Trial:
        """Load the model on the first accelerator that takes it; there it must answer its probes.

        Raises as `start`, and where an accelerator takes it and a probe is answered otherwise.
        """
        failures: list[BundleError | InferenceError] = []
        for place in self._chain.usable():
            try:
                running = self._loaded(place)
            except (BundleError, InferenceError) as failure:
                failures.append(failure)
                continue
            label_files.check_count(self.spec.labels, running.ready.classes, self.spec.name)
            self._serve(running)
            self._trials[place] = probes.check(self.spec, self.mode, self.ask, self._settings.min_score)
            return self._trials[place]
        raise self._last_of(failures)

    def ask(self, pictures: Sequence[NDArray[np.uint8]]) -> tuple[list[Floats], float]:
        """Return as `Process.ask`; raises InferenceError, and then `recover` is to be called."""
        running = self._running
        if running is None:
            raise InferenceError("no accelerator works")
        try:
            found = running.process.ask(pictures)
        except InferenceError as error:
            self._running = None
            running.process.kill()
            self._note(running.place, error)
            self._tell(error)
            raise
        self._chain.answered(running.place)
        return found

    def recover(self) -> bool:
        """Let the next accelerator that works take over, the same one where it is the last; False: none works."""
        while not (self._supply.closed or self._held) and (places := self._chain.usable()):
            try:
                self._serve(self._proven(self._loaded(places[0])))
            except (BundleError, InferenceError) as error:
                self._tell(error)
            else:
                return True
        if self._supply.closed or self._held:
            return False
        self._shown = None
        _log.error("model %s: no accelerator works, motion alone counts", self.spec.name)
        return False

    def wait_s(self) -> float | None:
        """Return the seconds until `improve` has something to try; None: it has nothing."""
        if self.improved:
            return None
        return self._chain.wait_s(self._shown.place if self._shown else None)

    def improve(self) -> None:
        """Load the model on a better accelerator whose rest is over, and ask it its probes, beside the one in use."""
        for place in self._chain.usable(self._shown.place if self._shown else None):
            self._chain.trying(place, tried=True)
            try:
                found = self._proven(self._loaded(place))
            except (BundleError, InferenceError):
                continue
            finally:
                self._chain.trying(place, tried=False)
            with self._lock:
                self._better = found
            return

    def adopt(self) -> Process | None:
        """Let what `improve` found take over; return the process that is not needed any more."""
        with self._lock:
            better, self._better = self._better, None
        old = self._running
        if better is None or (old and old.place <= better.place):
            return better.process if better else None
        self._serve(better)
        _log.info("model %s runs on %s", self.spec.name, self.mode)
        return old.process if old else None

    def hold(self) -> None:
        """Be asked nothing until `resume`, so that `kill` may let its accelerator go for another model."""
        self._held, self._shown = True, None

    def resume(self) -> None:
        """Run again after `hold`."""
        self._held = False
        self.recover()

    def kill(self) -> None:
        """End its processes."""
        with self._lock:
            found = [one for one in (self._running, self._better) if one]
            self._running = self._better = None
        for one in found:
            one.process.kill()

    def _serve(self, running: _Running) -> _Running:
        self._running = self._shown = running
        self._chain.serves(running.place)
        return running

    def _loaded(self, place: int) -> _Running:
        """Return a process that has loaded the model on that accelerator, and run it once."""
        accelerator = self._settings.accelerators[place]
        content = self.spec.twins.get(type_of(accelerator), self.spec.content)
        setup = Setup(accelerator=accelerator, min_score=self._least_score(), contract=self.spec.contract)
        process = None
        try:
            process = self._supply.get()
            ready = process.load(setup, content, self._settings.load_s, self._settings.deadline_s)
        except (BundleError, InferenceError) as error:
            if process:
                process.kill()
            self._note(place, error)
            raise
        return _Running(place, process, ready)

    def _proven(self, running: _Running) -> _Running:
        """Return it when it answers the model's probes: what runs there may be another file, by other arithmetic.

        Where it has done so before, it need not again; nor on the processor, where whoever chose the model, or its
        trial, has seen it run.
        """
        if running.place in self._trials or isinstance(self._settings.accelerators[running.place], Cpu):
            return running
        name = self._chain.name(running.place)
        try:
            self._trials[running.place] = probes.check(self.spec, name, running.process.ask, self._settings.min_score)
        except (BundleError, InferenceError) as error:
            running.process.kill()
            self._note(running.place, error, refused=isinstance(error, BundleError))
            raise
        return running

    def _last_of(self, failures: Sequence[BundleError | InferenceError]) -> BundleError | InferenceError:
        """Return what is to be raised after these failures; note whether one of the others may pass."""
        self._away = any(map(may_pass, failures[:-1]))
        return failures[-1] if failures else InferenceError("every accelerator rests after a failure")

    def _least_score(self) -> float:
        return min((self._settings.min_score, *self.spec.min_score.values()))

    def _note(self, place: int, error: Exception, refused: bool = False) -> None:
        """Remember why that accelerator failed; what is known already is not told again, our own end is no failure."""
        if self._supply.closed:
            return
        known = self._chain.states(None)[self._chain.name(place)].reason == str(error)
        level = logging.DEBUG if known else logging.WARNING
        _log.log(level, "model %s on %s: %s", self.spec.name, self._chain.name(place), error)
        fatal = BundleError if isinstance(self._settings.accelerators[place], Cpu) else Crashed
        hopeless = refused or isinstance(error, fatal)
        self._chain.failed(place, str(error), hopeless)

    def _tell(self, error: Exception) -> None:
        if not self._supply.closed:
            self.failed(str(error))
