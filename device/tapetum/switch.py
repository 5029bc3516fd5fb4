"""Which model runs: at the start the active slot's, and another one when it is wanted, tried beside what runs."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from tapetum import bundle
from tapetum.errors import BundleError, ConfigError, InferenceError, Unsuitable
from tapetum.inference.client import Worker
from tapetum.inference.contract import ModelSpec
from tapetum.inference.settings import Inference
from tapetum.store import Record, Refusal, Standing, Store, Wish

_log = logging.getLogger(__name__)
_LOOK_S = 0.4  # between two looks for a wish


def spec_of(store: Store, settings: Inference, model: str) -> ModelSpec:
    """Return the model of a slot, or, for "", the one to begin with; raises BundleError or ConfigError."""
    if model:
        return store.open(model).spec()
    spec = bundle.load(settings)
    if spec is None:
        raise Unsuitable("inference.model names no model to go back to")
    return spec


def slots_to_try(record: Record) -> list[str]:
    """Return the slots that a start tries, in this order, before it comes to `inference.model`."""
    return [name for name in (record.active, record.previous if record.active else "") if name]


def loaded(store: Store, settings: Inference, name: str) -> Worker:
    """Return a worker that has loaded the slot `name`; raises BundleError or ConfigError when it cannot be used."""
    return Worker(store.open(name).spec(), msgspec.structs.replace(settings, model="", labels=""))


class Switch:
    """`worker` is the one of all cameras, for ever; `run` is the body of a thread, which alone changes its model."""

    def __init__(self, store: Store, settings: Inference) -> None:
        """Load the active slot, else the one before, else `inference.model`; a slot that is refused is active no more.

        One that could only not be loaded now (an accelerator is away, no memory, no time) stays, and is tried again.

        Raises ConfigError when it comes to `inference.model`, and that cannot be used.
        """
        self.trouble = ""  # why the disk does not take which model is active
        self._store = store
        self._settings = settings
        self._record = self._on_disk = store.record()
        self.worker = self._begun()
        self._give_up_what_was_tried()
        self._kept(self._record)

    @property
    def standing(self) -> Standing:
        """Which model is active, and what was refused."""
        record = self._record
        return Standing(record.active, record.previous, record.refused, record.trial)

    def run(self, stop: threading.Event, tell: Callable[[], None]) -> None:
        """Have the models that are wanted take over, until `stop` is set; `tell` is called after each answer."""
        while not stop.wait(_LOOK_S):
            wish = self._store.wish()
            if not self._kept(self._record) or wish.id in ("", self._record.answered):
                continue
            if self._kept(replace(self._record, trying=wish.id)):
                self._kept(self._answer(wish, stop))
                tell()

    def _answer(self, wish: Wish, stop: threading.Event) -> Record:
        """Let the model take over, or not; return what is to be kept of it."""
        record = self._record
        try:
            trial = self.worker.swap(spec_of(self._store, self._settings, wish.model))
        except (BundleError, ConfigError, InferenceError) as error:
            if stop.is_set():  # it is tried again at the next start
                return replace(record, trying="")
            _log.error("model %s is refused, %s stays: %s", _called(wish.model), self.worker.model or "none", error)
            return record.unwilling(wish.model, str(error), wish.id)
        _log.info(
            "model %s is active, on %s: %d probes, %.1f ms each",
            self.worker.model, trial.accelerator, trial.probes, trial.latency_ms,
        )  # fmt: skip
        return record.activated(wish.model, trial, wish.id)

    def _begun(self) -> Worker:
        """Return the worker with the best model that can be had; the record then says which that is."""
        record, failed = self._record, list[Refusal]()
        for name in slots_to_try(record):
            try:
                worker = loaded(self._store, self._settings, name)
            except (BundleError, ConfigError) as error:
                failed.append(Refusal(name, str(error).removeprefix(f"{name}: ")))
                _log.error("model %s cannot be used any more: %s", name, failed[-1].reason)
            else:
                self._fall_back(name, failed)
                self._say_what_goes_before(name)
                return worker
        self._fall_back("", failed)
        return Worker(bundle.load(self._settings), self._settings)

    def _fall_back(self, name: str, failed: Sequence[Refusal]) -> None:
        """Have the slot `name` active where those before it failed."""
        if failed:
            self._record = replace(self._record, active=name, previous="", refused=failed[0], trial=None)

    def _say_what_goes_before(self, name: str) -> None:
        instead = f", and not inference.model = {self._settings.model}" if self._settings.model else ""
        _log.info("model %s is active%s", name, instead)

    def _give_up_what_was_tried(self) -> None:
        """Refuse a model over which the daemon ended: it may have been the reason, and would be so again."""
        tried, wish = self._record.trying, self._store.wish()
        if tried and tried == wish.id:
            _log.error("model %s is refused: the daemon ended while it was tried", _called(wish.model))
            self._record = self._record.unwilling(wish.model, "the daemon ended while it was tried", tried)
        elif tried:
            self._record = replace(self._record, trying="")

    def _kept(self, record: Record) -> bool:
        """Have `record` from now on; False while the disk does not take it, and then it is tried again."""
        self._record = record
        if record == self._on_disk:
            return True
        try:
            self._store.keep(record)
        except OSError as error:
            self._troubled(error.strerror or str(error))
            return False
        self._on_disk, self.trouble = record, ""
        return True

    def _troubled(self, reason: str) -> None:
        if reason != self.trouble:
            _log.error("which model is active cannot be kept: %s: %s", self._store.folder, reason)
        self.trouble = reason


def _called(model: str) -> str:
    return model or "of inference.model"
