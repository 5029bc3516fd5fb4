"""Which model runs: at the start the active slot's, and another one when it is wanted or was pushed.

One thread takes each model through its states, by `Installing`, and changes what runs; what a start finds half done is
gone on with. `docs/design/installing.md` says what each state is worth.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from tapetum import bundle
from tapetum.errors import BundleError, ConfigError
from tapetum.inference.client import Worker
from tapetum.inference.settings import Inference
from tapetum.install.probation import Tally
from tapetum.install.settings import Trials
from tapetum.installing import Installing, Surroundings, called
from tapetum.ledger import Ledger
from tapetum.record import COMING, UNDER_WAY, Install, Record, Refusal, Standing, State
from tapetum.store import Store

_log = logging.getLogger(__name__)
_LOOK_S = 0.4  # between two looks for a wish


def slots_to_try(record: Record) -> list[str]:
    """Return the slots that a start tries, in this order, before it comes to `inference.model`."""
    return [name for name in (record.active, record.previous if record.active else "") if name]


def loaded(store: Store, settings: Inference, name: str) -> Worker:
    """Return a worker that has loaded the slot `name`; raises BundleError or ConfigError when it cannot be used."""
    return Worker(store.open(name).spec(), msgspec.structs.replace(settings, model="", labels=""))


class Switch:
    """`worker` is the one of all cameras, for ever; `run` is the body of a thread, which alone changes its model."""

    def __init__(self, store: Store, settings: Inference, trials: Trials) -> None:
        """Load the active slot, else the one before, else `inference.model`; a slot that is refused is active no more.

        One that could only not be loaded now (an accelerator is away, no memory, no time) stays, and is tried again.

        Raises ConfigError when it comes to `inference.model`, and that cannot be used.
        """
        self.ledger = Ledger(store)
        self._store = store
        self._settings = settings
        self._trials = trials
        self.ledger.change(self._counted)
        self.worker = self._begun()
        if self.ledger.kept():
            self.ledger.tidy()

    @property
    def standing(self) -> Standing:
        """Which model is active, and how far another one has come."""
        return self.ledger.record.standing(self._store.wish().pinned)

    def run(self, stop: threading.Event, tell: Callable[[], None], tally: Callable[[], Tally]) -> None:
        """Have the models that are wanted take over, until `stop` is set.

        `tell` is called after each step, and when somebody has pinned what runs or lets go of it.

        tally: counts what the daemon has done so far.
        """
        around = Surroundings(self.ledger, self._settings, self._trials, tell, tally)
        installing = Installing(self.worker, around, stop)
        pinned = self._store.wish().pinned
        while not stop.wait(_LOOK_S):
            if not self.ledger.kept():
                continue
            wish = self._store.wish()
            if wish.pinned is not pinned:
                pinned = wish.pinned
                tell()
            if wish.id not in ("", self.ledger.record.answered, self.ledger.record.install.wish):
                installing.begin(wish)
            installing.turn()
        self.ledger.change(_in_order)

    def _counted(self, record: Record) -> Record:
        """Return what a start makes of an installing under way: over which the daemon ended too often, is given up."""
        install = record.install
        if install.state in COMING:
            return replace(record, install=Install())
        if install.state not in UNDER_WAY:
            return record
        ends = install.ends + (not install.orderly)
        record = replace(record, install=replace(install, ends=ends, orderly=False))
        if ends <= self._trials.restarts:
            return record
        tried = "it was on trial" if install.state is State.TRIAL else "it was tried"
        reason = f"the daemon ended {ends} times while {tried}"
        _log.error("model %s is given up: %s", called(install.model), reason)
        return record.rolled_back(reason) if install.state is State.TRIAL else record.unwilling(reason)

    def _begun(self) -> Worker:
        """Return the worker with the best model that can be had; the record then says which that is."""
        failed = list[Refusal]()
        for name in slots_to_try(self.ledger.record):
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
            self.ledger.change(lambda record: record.fallen_back(name, failed[0]))

    def _say_what_goes_before(self, name: str) -> None:
        instead = f", and not inference.model = {self._settings.model}" if self._settings.model else ""
        _log.info("model %s is active%s", name, instead)


def _in_order(record: Record) -> Record:
    """Return it with a mark that the daemon has ended in order: what is under way had no part in it."""
    under_way = record.install.state in UNDER_WAY
    return replace(record, install=replace(record.install, orderly=True)) if under_way else record
