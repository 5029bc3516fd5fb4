"""Which model a start would use, as the daemon goes about it: the active slot's, the one before, `inference.model`."""

import os
from collections.abc import Sequence
from pathlib import Path

from tapetum import bundle
from tapetum.config import Config
from tapetum.doctor.finding import Finding, Machine, State, edit, tapetum
from tapetum.errors import BundleError, ConfigError
from tapetum.inference.client import Worker
from tapetum.inference.confine import FULL
from tapetum.store import FOLDER, Store
from tapetum.switch import loaded, slots_to_try

_NOWHERE, _NONE = "motion-only", "none is named: motion alone counts"


def look(machine: Machine, config: Config, file: Path | None) -> Finding:
    """Whether the model loads in a worker, and has its labels; a slot that is passed over is told with what mends."""
    store = Store(Path(config.state_dir) / FOLDER)
    record, passed = store.record(), list[str]()
    for name in slots_to_try(record):
        try:
            worker = loaded(store, config.inference, name)
        except (BundleError, ConfigError) as error:
            passed.append(f"the slot {name} cannot be used: {str(error).removeprefix(f'{name}: ')}")
        else:
            used = _tried(worker, name if passed else f"{name}, the active slot,")
            break
    else:
        used = _configured(machine, config, file)
    back = len(passed) == 1 and bool(record.previous or config.inference.model)
    return _behind(passed, used, _mend(machine, config, file, back))


def _configured(machine: Machine, config: Config, file: Path | None) -> Finding:
    """Return what `inference.model` comes to."""
    if not config.inference.model:
        return Finding("model", "ok", _NONE)
    try:
        worker = Worker(bundle.load(config.inference), config.inference)
    except ConfigError as error:
        return Finding("model", "missing", str(error), edit(machine, file) if file else "")
    return _tried(worker, str(bundle.named(config.inference.model)))


def _tried(worker: Worker, called: str) -> Finding:
    found = worker.state()
    worker.close()
    failed = [f"accelerator {name}: {one.reason}" for name, one in found.accelerators.items() if one.reason]
    if found.mode == _NOWHERE:
        return Finding("model", "warning", "; ".join([f"{called} loads nowhere now: motion alone counts", *failed]))
    what = [f"{called} loads, on {found.mode}", f"locked in by {found.confinement}", *failed]
    return Finding("model", "warning" if failed or found.confinement != FULL else "ok", "; ".join(what))


def _behind(passed: Sequence[str], used: Finding, mend: str) -> Finding:
    """Return `used`, which is what is left where slots before it were `passed`."""
    if not passed:
        return used
    state: State = "missing" if used.state == "missing" or used.what == _NONE else "warning"
    return Finding("model", state, "; ".join([*passed, f"a start takes the next: {used.what}"]), mend)


def _mend(machine: Machine, config: Config, file: Path | None, back: bool) -> str:
    """Return the command that goes back to what is behind the active slot, or mends the slot by its bundle."""
    verb = ["rollback"] if back else ["install", "FILE", "--activate"]
    owned = machine.access(Path(config.state_dir), os.W_OK)
    return ("" if owned else "sudo ") + tapetum("models", *verb, *(["--config", str(file)] if file else []))
