"""What the commands that change models on the device have in common: whose folder it is, and how one is made active."""

import argparse
import os
import pwd
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tapetum.commands.settings import config_of
from tapetum.errors import ConfigError, InferenceError, Unsuitable

if TYPE_CHECKING:
    from tapetum.config import Config
    from tapetum.inference.probes import Trial
    from tapetum.record import Record, Wish
    from tapetum.store import Store

_LOOK_S = 0.1
_PATIENCE_S = 60.0  # for the daemon beside what the settings let it take
_MOST_PROBES = 32


def opened(options: argparse.Namespace) -> "tuple[Config, Store]":
    """Return the configuration and its slots; from then on we are the one whose folder it is."""
    from tapetum.store import FOLDER, Store

    config, _ = config_of(options)
    state_dir = Path(config.state_dir)
    _become_owner(state_dir)
    return config, Store(state_dir / FOLDER)


def _become_owner(state_dir: Path) -> None:
    """As root, go on as the folder's user: what is written must be the daemon's, no link of its followed."""
    if os.geteuid() != 0 or not state_dir.exists() or (owner := state_dir.stat()).st_uid == 0:
        return
    try:
        os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:  # a user without a name
        os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)


@contextmanager
def writing(store: "Store") -> Iterator[None]:
    """Let what the disk does not take be told with what to do."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"state_dir: {store.folder}: {error.strerror}; it must be writable and have room") from None


def activate(config: "Config", store: "Store", model: str) -> int:
    """Make the slot `model` active, "": `inference.model`, and say what came of it; raises BundleError when refused."""
    from tapetum import lock

    if model == store.record().active:
        print(f"{called(model)} is active already")
        return 0
    with writing(store):
        trial = None if lock.is_held(Path(config.state_dir)) else _by_ourselves(config, store, model)
        if trial:
            when = "no daemon runs; it is used at the next start"
        else:
            trial, when = _by_the_daemon(config, store, model), "it has taken over"
            when += _on_trial(config, store)
    answered = f"{trial.probes} probes answered, {trial.latency_ms:.1f} ms each" if trial.probes else "it has no probes"
    print(f"{called(model)} is active: tried on {trial.accelerator}, {answered}; {when}")
    return 0


def _on_trial(config: "Config", store: "Store") -> str:
    from tapetum.record import State

    on_trial = store.record().install.state is State.TRIAL
    return f", and is on trial for {config.trial.trial_s:.0f} s" if on_trial else ""


def called(model: str) -> str:
    """Return how a slot, or the model to begin with, is called."""
    return model or "inference.model"


def _by_ourselves(config: "Config", store: "Store", model: str) -> "Trial | None":
    """Try the model where no daemon runs, and make it active; None: a daemon has begun to run meanwhile."""
    from tapetum import lock
    from tapetum.inference.takeover import alone
    from tapetum.installing import spec_of
    from tapetum.record import Install, State

    trial = alone(spec_of(store, config.inference, model), config.inference)
    try:
        held = lock.held(Path(config.state_dir))
    except ConfigError:
        if lock.is_held(Path(config.state_dir)):
            return None
        raise
    with held:
        record = store.record()
        back = model == record.previous
        install = Install(model=model, wish=store.want(model).id, back=back)
        end = State.COMMITTED if back or not config.trial.trial_s else State.TRIAL
        store.keep(record.begun(install).activated(trial, end))
    return trial


def _by_the_daemon(config: "Config", store: "Store", model: str) -> "Trial":
    """Wish that the daemon make the model active, and wait for its answer."""
    from tapetum import lock

    wish = store.want(model)
    settings = config.inference
    most_s = settings.load_s * len(settings.accelerators) + settings.deadline_s * _MOST_PROBES + _PATIENCE_S
    most_s += config.trial.shadow_s
    deadline_s, shown = time.monotonic() + most_s, False
    while time.monotonic() < deadline_s:
        runs = lock.is_held(Path(config.state_dir))
        record = store.record()
        shown = _tell(config, record, wish, shown)
        found = _answer(record, wish)
        if found:
            return found
        if store.wish().id != wish.id:
            raise Unsuitable(f"{called(model)} is not active: another model is wanted since")
        if not runs:
            raise InferenceError(f"{called(model)} is not active: the daemon ended before it was tried through")
        time.sleep(_LOOK_S)
    raise InferenceError(f"the daemon has not answered for {most_s:.0f} s; its log may say why (tapetum status)")


def _tell(config: "Config", record: "Record", wish: "Wish", shown: bool) -> bool:
    """Say once that the model runs beside the one in use, for whoever waits; return whether it was said."""
    from tapetum.record import State

    if shown or (record.install.wish, record.install.state) != (wish.id, State.SHADOW):
        return shown
    seconds = f"{config.trial.shadow_s:.0f} s"
    print(f"tapetum: {called(wish.model)} answers its probes; beside {called(record.active)} for {seconds} ...",
          file=sys.stderr, flush=True)  # fmt: skip
    return True


def _answer(record: "Record", wish: "Wish") -> "Trial | None":
    """Return what the trial came to, None while there is no answer; raises Unsuitable when the model was refused."""
    if record.answered != wish.id:
        return None
    if record.refused:
        stays = called(record.active)
        raise Unsuitable(f"{called(wish.model)} was refused, {stays} stays: {record.refused.reason}")
    return record.trial
