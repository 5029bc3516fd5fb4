"""Takes a model from the slot in which it lies to the place of the one that runs, or says why not.

Each step is on the disk before the next one begins, and whatever ends the daemon in between, a start goes on from
there: a model that is not active yet is tried once more, one on trial is on trial again. Steps can be done twice.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from tapetum import bundle
from tapetum.errors import BundleError, ConfigError, InferenceError, Unsuitable
from tapetum.inference.client import Worker
from tapetum.inference.contract import ModelSpec
from tapetum.inference.settings import Inference
from tapetum.inference.takeover import Candidate
from tapetum.install.album import Album
from tapetum.install.probation import Log, Tally, worse
from tapetum.install.settings import Trials
from tapetum.install.shadow import Shadow, too_slow
from tapetum.ledger import Ledger
from tapetum.record import TRIED, Install, Record, State, Wish
from tapetum.store import Store

_log = logging.getLogger(__name__)
_LOOK_S = 0.1  # between two looks whether the time beside the old one is over
_ONCE_MORE = 9  # answers
_AGAIN_S = 2.0  # before the old model is loaded once more, where there was no room for it


class _EndingError(Exception):
    """The daemon ends: what is under way is gone on with at the next start."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an installing works with. tell: called after each step; tally: counts what the daemon did so far."""

    ledger: Ledger
    settings: Inference
    trials: Trials
    tell: Callable[[], None]
    tally: Callable[[], Tally]


@dataclass(slots=True)
class _OnTrial:
    """What is known of the model on trial, since this daemon began to look. failures: of workers, before it."""

    began_s: float
    failures: int
    log: Log


class Installing:
    """Belongs to one thread, which looks for wishes and calls `turn` again and again."""

    def __init__(self, worker: Worker, around: Surroundings, stop: threading.Event) -> None:
        """Go on with what the ledger says is under way."""
        self._worker = worker
        self._around = around
        self._ledger = around.ledger
        self._stop = stop
        self._lately = Log(around.trials.trial_s, after_start=True)  # how the device does without the new model
        self._on_trial: _OnTrial | None = None
        self._album = Album()
        worker.show(self._album.heed)

    def begin(self, wish: Wish) -> None:
        """Begin with the model that a command wants; one on trial has come through it, or is gone back from."""
        record = self._ledger.record
        back = wish.model == record.previous
        if record.install.state is State.TRIAL:
            _log.info("model %s is on trial no more: %s is wanted", called(record.active), called(wish.model))
            self._ledger.change(lambda record: record.left() if back else record.come_to(State.COMMITTED))
            self._around.tell()
        self._on_trial = None
        install = Install(State.VERIFIED, wish.model, wish=wish.id, push=wish.push, back=back)
        self._ledger.change(lambda record: record.begun(install))

    def turn(self) -> None:
        """Do what is to be done now; of a model on trial that is to look how it does."""
        state = self._ledger.record.install.state
        try:
            if state in TRIED:
                self._install()
            elif state is State.TRIAL:
                self._watch()
            else:
                self._lately.add(self._around.tally())
        except _EndingError:
            return

    # --- before it is active

    def _install(self) -> None:
        """Try the model, from the beginning, and let it take over; or refuse it."""
        model = self._ledger.record.install.model
        try:
            self._try(model)
        except (BundleError, ConfigError, InferenceError) as error:
            if self._stop.is_set():
                raise _EndingError from None
            stays = self._worker.model or "none"
            _log.error("model %s is refused, %s stays: %s", called(model), stays, error)
            reason = str(error)
            self._commit(lambda record: record.unwilling(reason))
            self._ledger.tidy()

    def _try(self, model: str) -> None:
        before = self._lately.pace() or self._ledger.record.install.before  # of another start
        self._commit(lambda record: replace(record, install=replace(record.install, before=before)))
        candidate = self._worker.prepare(spec_of(self._ledger.store, self._around.settings, model))
        try:
            self._check_time(candidate)
            self._commit(lambda record: record.come_to(State.TESTED))
            self._compare(candidate)
            self._worker.promote(candidate)
        except BaseException:
            self._worker.discard(candidate)
            raise
        self._on_trial = self._begun(self._worker.state().restarts)
        install, trials = self._ledger.record.install, self._around.trials
        end = State.COMMITTED if install.back or not trials.trial_s else State.TRIAL
        _log.info(
            "model %s is active, on %s: %d probes, %.1f ms each",
            self._worker.model, candidate.trial.accelerator, candidate.trial.probes, candidate.trial.latency_ms,
        )  # fmt: skip
        self._commit(lambda record: record.activated(candidate.trial, end))
        self._ledger.tidy()

    def _check_time(self, candidate: Candidate) -> None:
        """Raise Unsuitable where it takes too long for its probes; where it goes back, nothing is too slow.

        What else the processor does may slow the probes down: then the fastest of some more answers counts.
        """
        record, trials = self._ledger.record, self._around.trials
        if record.install.back or not candidate.trial.probes:
            return
        usual_ms = max(self._worker.state().median_ms, record.trial.latency_ms if record.trial else 0.0)
        if too_slow([candidate.trial.latency_ms], usual_ms, trials):
            pixels = candidate.spec.probes[0].pixels
            fastest_ms = min(candidate.ask([pixels])[1] for _ in range(_ONCE_MORE))
            slow = too_slow([fastest_ms], usual_ms, trials)
            if slow:
                raise Unsuitable(f"its probes on {candidate.trial.accelerator}: {slow}")

    def _compare(self, candidate: Candidate) -> None:
        """Let it run beside the old one for its time, on what cameras see and what was seen lately.

        Raises Unsuitable where it does worse.
        """
        trials, install = self._around.trials, self._ledger.record.install
        if install.back or candidate.held or not trials.shadow_s or not self._worker.model:
            return
        self._commit(lambda record: record.come_to(State.SHADOW))
        shadow = Shadow(candidate, self._around.settings.min_score)
        self._album.also = shadow.heed
        try:
            for seen in self._album.of(self._worker.model):
                shadow.compare(seen)
            until_s = time.monotonic() + trials.shadow_s
            while (rest_s := until_s - time.monotonic()) > 0:
                self._go_on(install)
                shadow.look(min(_LOOK_S, rest_s))
        finally:
            self._album.also = None
        fault = shadow.found.fault(trials)
        if fault:
            raise Unsuitable(f"beside {self._worker.model}: {fault}")

    def _go_on(self, install: Install) -> None:
        """Raise _EndingError when the daemon ends, Unsuitable when somebody wants another model instead."""
        if self._stop.is_set():
            raise _EndingError
        wish = self._ledger.store.wish()
        if wish.id not in ("", install.wish, self._ledger.record.answered):
            raise Unsuitable(f"{called(wish.model)} is wanted instead")

    # --- on trial

    def _watch(self) -> None:
        """Look how the model on trial does: keep it when its time is over, go back when it does worse."""
        record, trials = self._ledger.record, self._around.trials
        state, now_s = self._worker.state(), time.monotonic()
        on_trial = self._on_trial = self._on_trial or self._begun(0, after_start=True)
        on_trial.log.add(self._around.tally())
        if state.restarts > on_trial.failures:
            self._go_back(f"its worker failed on trial: {state.last_error}")
        elif fault := worse(record.install.before, on_trial.log.pace(), trials):
            self._go_back(fault)
        elif state.mode == "motion-only":
            on_trial.began_s = now_s  # it can show nothing: an accelerator is away
        elif now_s - on_trial.began_s >= trials.trial_s:
            _log.info("model %s stays: it has been on trial for %.0f s", called(record.active), trials.trial_s)
            self._on_trial = None
            self._commit(lambda record: record.come_to(State.COMMITTED))
            self._ledger.tidy()

    def _begun(self, failures: int, after_start: bool = False) -> _OnTrial:
        """Return what is known at the begin. failures: so far; after_start: it was on trial before this start."""
        return _OnTrial(time.monotonic(), failures, Log(self._around.trials.trial_s, after_start))

    def _go_back(self, reason: str) -> None:
        """Let the model before take over: it is active on the disk first, whatever comes then."""
        _log.error("model %s is rolled back: %s", called(self._ledger.record.active), reason)
        self._on_trial = None
        self._ledger.change(lambda record: record.rolled_back(reason))
        self._around.tell()
        while not self._is_back():
            if self._stop.wait(_AGAIN_S):
                raise _EndingError
        self._commit(lambda record: record)
        self._ledger.tidy()

    def _is_back(self) -> bool:
        """Load what is active now, and let it take over; what is refused gives way to what is left."""
        model = self._ledger.record.active
        try:
            self._worker.promote(self._before(model))
        except InferenceError as error:
            _log.error("model %s cannot be loaded now: %s", called(model), error)
            return False
        return True

    def _before(self, model: str) -> Candidate | None:
        """Return the model that was active before; None where there was none, or nothing is left of it."""
        for name in (model, "") if model else ("",):
            try:
                spec = spec_of(self._ledger.store, self._around.settings, name)
            except (BundleError, ConfigError) as error:
                _log.error("model %s cannot be used any more: %s", called(name), error)
                self._ledger.change(lambda record: replace(record, active="", previous=""))
                continue
            with contextlib.suppress(BundleError):  # it was refused, where it had been tried before: not for ever
                return self._worker.prepare(spec)
        return None

    def _commit(self, change: Callable[[Record], Record]) -> None:
        """Have a step on the disk, and tell of it; wait while the disk takes nothing. Raises _EndingError."""
        self._ledger.change(change)
        self._around.tell()
        while not self._ledger.kept():
            if self._stop.wait(_LOOK_S):
                raise _EndingError


def spec_of(store: Store, settings: Inference, model: str) -> ModelSpec:
    """Return the model of a slot, or, for "", the one to begin with; raises BundleError or ConfigError."""
    if model:
        return store.open(model).spec()
    spec = bundle.load(settings)
    if spec is None:
        raise Unsuitable("inference.model names no model to go back to")
    return spec


def called(model: str) -> str:
    """Return how a slot, or the model to begin with, is called."""
    return model or "of inference.model"
