"""Ends a daemon that installs a pushed model before and after each step: `python -m tests.install.killed FOLDER`.

For each way in which an installing can go, each step of it, both sides of that step's commit and each fault, a process
is forked that does what the daemon does with models, with a fetcher beside it. SIGKILL ends it there; a hang is ended
by SIGKILL, as the watchdog does; an error is what a full disk says, for a while. Then others are forked, without any
fault, until the installing has come to its end: nobody helps. What is left is looked at. Prints a line for each:
"ok" or what is wrong. `--real`: with real workers and models, else with quick ones.
"""

import errno
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from tapetum import installing, switch
from tapetum.inference.client import Worker
from tapetum.inference.model import Crop
from tapetum.inference.settings import Inference
from tapetum.install.probation import Tally
from tapetum.install.settings import Trials
from tapetum.intake import Intake
from tapetum.record import COMING, UNDER_WAY, Record, State
from tapetum.scene import Box
from tapetum.store import Store
from tapetum.switch import Switch
from tapetum.update.offer import Contract, Input, Offer
from tests.install.quick import BAD_AT_PROBES, BAD_ON_TRIAL, QuickWorker
from tests.store.making import packed

GOOD = "good@2"
OLD, OLDER = "old@2", "old@1"
WAYS = {
    GOOD: (
        State.OFFERED, State.DOWNLOADING, State.VERIFIED, State.TESTED, State.SHADOW, State.TRIAL, State.COMMITTED,
    ),
    BAD_AT_PROBES: (State.VERIFIED, State.FAILED),
    BAD_ON_TRIAL: (State.TRIAL, State.ROLLED_BACK),
}  # fmt: skip
"""The pushed model, and the steps of its way."""
SIDES, FAULTS = ("before", "after"), ("kill", "error", "hang")
ENDS = {GOOD: (State.COMMITTED, GOOD), BAD_AT_PROBES: (State.FAILED, OLD), BAD_ON_TRIAL: (State.ROLLED_BACK, OLD)}
PUSH = 3
_PATIENCE_S, _HUNG_S, _FULL_S = 150.0, 0.3, 0.2


@dataclass(frozen=True)
class Case:
    model: str
    state: State
    side: str
    fault: str

    def __str__(self) -> str:
        return f"{self.model} {self.side} {self.state}: {self.fault}"


def cases() -> Iterator[Case]:
    for model, states in WAYS.items():
        for state, side, fault in product(states, SIDES, FAULTS):
            yield Case(model, state, side, fault)


# --- in the process that is ended


class FaultyStore(Store):
    """Slots whose record is kept with a fault at one step, once; `case` None: with none."""

    def __init__(self, folder: Path, case: Case | None) -> None:
        super().__init__(folder)
        self._case = case
        self._full_s = float("inf")

    def keep(self, record: Record) -> None:
        case = self._case
        here = case and (record.install.state, record.install.model) == (case.state, case.model)
        if case and here and case.side == "before":
            self._strike(case)
        super().keep(record)
        if case and here and case.side == "after":
            self._strike(case)

    def _strike(self, case: Case) -> None:
        if case.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if case.fault == "hang":
            (self.folder.parent / "hung").touch()
            threading.Event().wait()
        self._full_s = min(self._full_s, time.monotonic() + _FULL_S)
        if time.monotonic() < self._full_s:
            raise OSError(errno.ENOSPC, "No space left on device")


def live(folder: Path, case: Case | None, model: str, real: bool) -> None:
    """Do what the daemon does with models until the installing of `model` has come to its end."""
    switch._LOOK_S = installing._LOOK_S = installing._AGAIN_S = 0.01
    store = FaultyStore(folder / "models", case)
    settings = Inference(spare=False)
    trials = Trials(shadow_s=0.05, trial_s=4.0) if real else Trials(shadow_s=0.05, trial_s=0.3)
    if not real:
        switch.Worker = lambda spec, _: QuickWorker(spec)  # type: ignore[misc,assignment]
    running = Switch(store, settings, trials)
    stop = threading.Event()
    bodies: list[Callable[[], object]] = [lambda: running.run(stop, lambda: None, tally)]
    if real:
        worker = running.worker
        assert isinstance(worker, Worker)
        bodies += [lambda: worker.run(stop), lambda: worker.try_others(stop), lambda: ask(worker)]
    threads = [threading.Thread(target=body, daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    fetch(folder, Intake(running.ledger, lambda: None), model)
    while running.ledger.record.install.state in COMING | UNDER_WAY:
        time.sleep(0.01)
    while running.worker.model != running.ledger.record.active or not running.ledger.kept():
        time.sleep(0.01)
    time.sleep(0.05)  # what is left behind goes
    os._exit(0)


def ask(worker: Worker) -> None:
    """Do what a camera does: ask, again and again."""
    port, picture = worker.port("camera"), np.zeros((256, 256, 3), np.uint8)
    while True:
        port.offer([Crop(1, Box(0, 0, 1, 1), picture)])
        time.sleep(0.01)
        port.collect()


def tally() -> Tally:
    return Tally(time.monotonic(), 0, 0, 0)


def fetch(folder: Path, intake: Intake, model: str) -> None:
    """Do what a fetcher does: ask, bring, hand over, again and again until it is answered."""
    name, version = model.split("@")
    picture = Input(width=2, height=2, channels=3, dtype="uint8")
    contract = Contract(push=PUSH, to=("*",), requires="0.1.0", labels="0" * 64, input=picture)
    coming = folder / "coming.tapetum"
    while intake.needs(model, "0" * 64, PUSH):
        intake.downloading(model)
        shutil.copy(folder / "bundles" / f"{model}.tapetum", coming)
        try:
            intake.take(Offer(name, int(version), coming, "0" * 64, contract))
        except OSError:
            time.sleep(0.02)
        coming.unlink(missing_ok=True)


# --- around it


def prepared(folder: Path, make: Callable[[str], bytes]) -> None:
    """A device with a slot that is active and one before it, and bundles that may be pushed, as `make` packs them."""
    (folder / "bundles").mkdir(parents=True)
    for model in WAYS:
        (folder / "bundles" / f"{model}.tapetum").write_bytes(make(model))
    store = Store(folder / "models")
    for model in (OLDER, OLD):
        store.install(make(model))
        store.keep(Record(model, OLDER if model == OLD else ""))


def quick(model: str) -> bytes:
    name, version = model.split("@")
    return packed(int(version), name)


def real_one(model: str) -> bytes:
    """Return a bundle of the detector that comes along, or of what became of it."""
    from tests.simulators import bad_models, bundles

    spec = bad_models.shipped(model)
    spoilt = {BAD_AT_PROBES: bad_models.corrupt, BAD_ON_TRIAL: lambda spec: bad_models.failing_at(spec, 40)}
    return bundles.packed(spoilt[model](spec) if model in spoilt else spec)


def forked(folder: Path, case: Case | None, model: str, real: bool) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            live(folder, case, model, real)
        except BaseException as error:
            (folder / "error").write_text(repr(error))
        os._exit(1)
    return pid


def lived(folder: Path, pid: int) -> int:
    """Wait for the end of the process, which a hang is ended for; return its exit status, negative for a signal."""
    until_s = time.monotonic() + _PATIENCE_S
    hung = folder / "hung"
    while time.monotonic() < until_s:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if hung.exists() and time.time() - hung.stat().st_mtime > _HUNG_S:
            hung.unlink()
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 99


def outcome(before: Path, folder: Path, case: Case, real: bool) -> str:
    """Return "ok", or what is wrong after the fault and as many starts as an installing may take."""
    shutil.copytree(before, folder)
    status = lived(folder, forked(folder, case, case.model, real))
    if status != (0 if case.fault == "error" else -signal.SIGKILL):
        return f"the fault came to {status}, {told(folder)}"
    if case.fault != "error":
        status = lived(folder, forked(folder, None, case.model, real))
        if status:
            return f"the start after it came to {status}, {told(folder)}"
    return left(folder, case)


def told(folder: Path) -> str:
    error = folder / "error"
    return f"{error.read_text() if error.exists() else ''} {Store(folder / 'models').record()}"


def left(folder: Path, case: Case) -> str:
    """Return what is wrong with what is on the disk, "ok" where nothing is."""
    store = Store(folder / "models")
    record = store.record()
    state, active = ENDS[case.model]
    if (record.install.state, record.active, record.push) != (state, active, PUSH):
        return f"it came to {record}"
    wanted = {active, record.previous}
    if set(store.slots()) != wanted or "" in wanted:
        return f"slots {store.slots()}, and {sorted(wanted)} are wanted"
    for slot in store.slots():
        store.open(slot)  # raises where it is not whole
    files = {path.name for path in folder.rglob("*") if path.is_file() and path.parent.name != "bundles"}
    known = {f"{slot}.tapetum" for slot in wanted} | {"active.json", "lock"}
    return f"left over: {sorted(files - known)}" if files - known else "ok"


def main(folder: Path, real: bool) -> None:
    prepared(folder / "before", real_one if real else quick)
    with ThreadPoolExecutor(2 if real else 4) as pool:
        run = lambda one: outcome(folder / "before", folder / str(one).replace(" ", "-"), one, real)  # noqa: E731
        for case, found in zip(cases(), pool.map(run, cases()), strict=True):
            print(f"{case}: {found}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--real" in sys.argv)
