"""Recipes tried beside each other, by Ray Tune: what `tapetum-trainer tune` does.

Each trial is a training of its own, with some keys of the recipe drawn by chance (`tapetum_trainer.search`) and the
validation of each epoch told to Tune, which ends those early that are among the worse half (L. Li et al., "A system for
massively parallel hyperparameter tuning", 2020). Killed, the same command goes on: what is finished is known, and a
training goes on from its last checkpoint.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from ray import tune
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator

from tapetum_trainer import recipe as recipes
from tapetum_trainer.errors import RecipeError, TrainerError
from tapetum_trainer.fit import Validate
from tapetum_trainer.journal import validated
from tapetum_trainer.scale.cluster import cluster
from tapetum_trainer.search import Range, Search, Value, changed
from tapetum_trainer.sets import opened
from tapetum_trainer.training import Training

_METRIC = "validation"


@dataclass(frozen=True, slots=True)
class Trial:
    """One of them. changes: by their paths; epochs: that were trained; best: its best validation."""

    changes: dict[str, Value]
    epochs: int
    best: float


@dataclass(frozen=True, slots=True)
class Trying:
    """What is tried, where. values: of the recipe, as its file has them."""

    values: dict[str, Any]
    root: Path
    folder: Path

    @property
    def recipe(self) -> recipes.Recipe:
        """As it is, with nothing changed."""
        return recipes.of(self.values)

    @property
    def search(self) -> Search:
        """What is tried; raises RecipeError when it says nothing of that."""
        if found := self.recipe.search:
            return found
        raise RecipeError(
            'search: it is missing; over = { "fit.rates.peak" = { low = 1e-4, high = 3e-3, log = true } }'
        )

    def values_of(self, changes: dict[str, Value]) -> dict[str, Any]:
        """Return the values of the recipe of a trial."""
        return changed(self.values, changes)

    def training(self, changes: dict[str, Value]) -> Training:
        """Return the training of a trial, in a folder of its own."""
        if epochs := self.search.epochs:
            changes = {"fit.epochs": epochs} | changes
        values = self.values_of(changes)
        return Training(opened(recipes.of(values), self.root), self.folder / "trials" / _hash(values))

    def run(self, count: int, tell: Callable[[str], None]) -> list[Trial]:
        """Try all, `count` at once; return them, the best one first. tell: is told of each that ends."""
        first = self.training({})
        first.imitated(flowing=False)  # says what is wrong with a teacher before anything is read
        first.sets.packed("train")  # read and packed once, before several want it
        with cluster(count):
            found = self._tuner(count, tell).fit()
        trials = [_trial(one) for one in found if one.metrics and _METRIC in one.metrics]
        if not trials:
            raise TrainerError(f"no trial came to its first validation: {next(iter(found.errors), 'all were ended')}")
        return sorted(trials, key=lambda one: -one.best)

    def _tuner(self, count: int, tell: Callable[[str], None]) -> tune.Tuner:
        """Return what tries them, new or as it was left."""
        search, each = self.search, max(1, (os.cpu_count() or 1) // count)
        trainable = tune.with_resources(self._trainable(), {"cpu": each})
        place = self.folder / f"tune-{self._digest()}"
        if tune.Tuner.can_restore(str(place)):
            return tune.Tuner.restore(str(place), trainable, resume_errored=True)
        drawn = BasicVariantGenerator(max_concurrent=count, random_state=self.recipe.seed)
        return tune.Tuner(
            trainable,
            param_space={path: _space(over) for path, over in search.over.items()},
            tune_config=tune.TuneConfig(
                metric=_METRIC, mode="max", num_samples=search.trials, search_alg=drawn, scheduler=self._scheduler()
            ),
            run_config=tune.RunConfig(
                name=place.name, storage_path=str(self.folder), verbose=0, callbacks=[_Telling(tell)]
            ),
        )

    def _digest(self) -> str:
        return _hash(self.values)

    def _scheduler(self) -> TrialScheduler:
        search, epochs = self.search, self.training({}).recipe.fit.epochs
        if not search.halving or epochs <= search.grace:
            return FIFOScheduler()
        return ASHAScheduler(time_attr="epoch", max_t=epochs, grace_period=search.grace, reduction_factor=2)

    def _trainable(self) -> Callable[[dict[str, Value]], None]:
        trying = self

        def trial(changes: dict[str, Value]) -> None:
            training = trying.training(changes)
            stand = training.run(validate=_telling(training)).stand
            tune.report({_METRIC: stand.best, "epoch": validated(training.folder)})  # also of one that was done before

        return trial


def _telling(training: Training) -> Validate:
    """Return the training's validation, which Tune hears of too."""
    validate = training.validation()

    def judge(network: Any) -> float:
        value = validate(network)
        tune.report({_METRIC: value, "epoch": validated(training.folder) + 1})
        return value

    return judge


class _Telling(tune.Callback):  # type: ignore[misc]  # Ray's types are not looked at
    """Says which trial is done."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:  # noqa: ARG002
        """Say it, with what it came to."""
        last = trial.last_result
        self._tell(f"{told(trial.config)}: validation {last.get(_METRIC, 0):.4f} after {last.get('epoch', 0)} epochs")


def told(changes: dict[str, Value]) -> str:
    """Return what is changed, in a line."""
    return ", ".join(f"{path} {_short(value)}" for path, value in changes.items())


def _short(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _hash(values: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()[:12]


def _space(over: Range | tuple[Value, ...]) -> Any:
    """Return it as Tune has it."""
    if not isinstance(over, Range):
        return tune.choice(list(over))
    if over.whole:
        return (tune.lograndint if over.log else tune.randint)(over.low, over.high + 1)
    return (tune.loguniform if over.log else tune.uniform)(over.low, over.high)


def _trial(result: Any) -> Trial:
    history = result.metrics_dataframe
    return Trial(dict(result.config), int(history["epoch"].max()), float(history[_METRIC].max()))
