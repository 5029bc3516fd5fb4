"""What the commands that change models on the device have in common: whose folder it is, and how one is made active."""

import argparse
import os
import pwd
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
    from tapetum.store import Record, Store, Wish

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
    answered = f"{trial.probes} probes answered, {trial.latency_ms:.1f} ms each" if trial.probes else "it has no probes"
    print(f"{called(model)} is active: tried on {trial.accelerator}, {answered}; {when}")
    return 0


def called(model: str) -> str:
    """Return how a slot, or the model to begin with, is called."""
    return model or "inference.model"


def _by_ourselves(config: "Config", store: "Store", model: str) -> "Trial | None":
    """Try the model where no daemon runs, and make it active; None: a daemon has begun to run meanwhile."""
    from tapetum import lock
    from tapetum.inference.takeover import alone
    from tapetum.switch import spec_of

    trial = alone(spec_of(store, config.inference, model), config.inference)
    try:
        held = lock.held(Path(config.state_dir))
    except ConfigError:
        if lock.is_held(Path(config.state_dir)):
            return None
        raise
    with held:
        store.keep(store.record().activated(model, trial, store.want(model).id))
    return trial


def _by_the_daemon(config: "Config", store: "Store", model: str) -> "Trial":
    """Wish that the daemon make the model active, and wait for its answer."""
    from tapetum import lock

    wish = store.want(model)
    settings = config.inference
    most_s = settings.load_s * len(settings.accelerators) + settings.deadline_s * _MOST_PROBES + _PATIENCE_S
    deadline_s = time.monotonic() + most_s
    while time.monotonic() < deadline_s:
        runs = lock.is_held(Path(config.state_dir))
        found = _answer(store.record(), wish)
        if found:
            return found
        if store.wish().id != wish.id:
            raise Unsuitable(f"{called(model)} is not active: another model is wanted since")
        if not runs:
            raise InferenceError(f"{called(model)} is not active: the daemon ended before it was tried through")
        time.sleep(_LOOK_S)
    raise InferenceError(f"the daemon has not answered for {most_s:.0f} s; its log may say why (tapetum status)")


def _answer(record: "Record", wish: "Wish") -> "Trial | None":
    """Return what the trial came to, None while there is no answer; raises Unsuitable when the model was refused."""
    if record.answered != wish.id:
        return None
    if record.refused:
        stays = called(record.active)
        raise Unsuitable(f"{called(wish.model)} was refused, {stays} stays: {record.refused.reason}")
    return record.trial
