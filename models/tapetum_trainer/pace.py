"""How fast a recipe trains on this machine, beside the bare network that is given the same batch again and again.

All in one run and in turn: what feeds batches, alone; the bare loop; the whole training, with the pictures as they are
in the packed cache and with all that the recipe does to them. Of each the mean over a round's steps, and the median of
the rounds.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from tapetum.progress import Progress
from tapetum_trainer.augment import Augmentation
from tapetum_trainer.augment.settings import Geometry
from tapetum_trainer.checkpoints import Checkpoints
from tapetum_trainer.evaluate.words import table
from tapetum_trainer.feed import Feed
from tapetum_trainer.fit import fit
from tapetum_trainer.learner import Learner
from tapetum_trainer.optimizer import optimizer
from tapetum_trainer.scaling import real
from tapetum_trainer.sets import Sets
from tapetum_trainer.targets import targets
from tapetum_trainer.training import Training

_PLAIN = Geometry(mosaic=0, scale=(1, 1), aspect=1, balance=0, flip=0)
_FIRST = 3  # steps, in which things are compiled, that do not count


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that a batch takes. plain: with pictures as they are in the cache; varied: as the recipe has it."""

    batch: int
    fed: dict[str, float]
    bare: float
    trained: dict[str, float]

    def text(self) -> str:
        """Return it as a table."""
        rows: list[Sequence[str]] = [("", "ms a batch", "pictures/s", "of the bare loop")]
        rows.append(self._row("bare loop", self.bare))
        for what, told in (("fed", self.fed), ("trained", self.trained)):
            rows += [self._row(f"{what}, {kind}", seconds) for kind, seconds in told.items()]
        return "\n".join(table(rows))

    def _row(self, name: str, seconds: float) -> tuple[str, str, str, str]:
        return name, f"{1000 * seconds:.1f}", f"{self.batch / seconds:.0f}", f"{seconds / self.bare:.2f}"


def paced(sets: Sets, rounds: int, steps: int = 20) -> Pace:
    """Measure the recipe of `sets`: `rounds` times each, `steps` batches that count."""
    with tempfile.TemporaryDirectory() as folder:
        training = Training(sets, Path(folder))
        imitated = training.imitated()  # says what is wrong with a teacher before anything is read
        pictures = training.pictures()
        ways = {"plain": _plain(sets.recipe.augmentation), "varied": sets.recipe.augmentation}
        feeds = {name: Feed(pictures, way, sets.recipe.feeding, imitated=imitated) for name, way in ways.items()}
        return _Run(training, feeds, steps).measured(rounds)


def _plain(augmentation: Augmentation) -> Augmentation:
    return msgspec.structs.replace(augmentation, geometry=_PLAIN, colour=None, conditions=None)


@dataclass(slots=True)
class _Run:
    """What is measured, and what has been."""

    training: Training
    feeds: dict[str, Feed]
    steps: int
    taken: dict[str, list[float]] = field(default_factory=dict)

    def measured(self, rounds: int) -> Pace:
        """Take everything in turn."""
        kinds: list[tuple[str, Callable[[str], float]]] = [("bare", self._bare)]
        for name in self.feeds:
            kinds += [(f"fed {name}", self._fed), (f"trained {name}", self._trained)]
        with Progress("measured", rounds * len(kinds)) as bar:
            for _ in range(rounds):
                for kind, measure in kinds:
                    self.taken.setdefault(kind, []).append(measure(kind.rpartition(" ")[2]))
                    bar.step()
        found = {kind: median(seconds) for kind, seconds in self.taken.items()}
        told = {what: {name: found[f"{what} {name}"] for name in self.feeds} for what in ("fed", "trained")}
        return Pace(self.training.recipe.feeding.batch, told["fed"], found["bare"], told["trained"])

    def _bare(self, _: str) -> float:
        """Return what steps take with a batch that is there, and nothing else done."""
        network, settings = self.training.network(), self.training.recipe.fit
        learner = Learner(network, settings.weights)
        learner.compile(optimizer=optimizer(settings.rates, self.steps))
        batch = next(iter(self.feeds["plain"].batches(0)))
        _, height, width, classes = network.get_layer("heatmap").output.shape
        pixels, truth = real(batch.pixels), targets(batch.truths, (height, width), classes)._asdict()
        return self._timed(lambda: learner.train_on_batch(pixels, truth))

    def _timed(self, step: Callable[[], Any]) -> float:
        moments = [time.perf_counter()]
        for _ in range(_FIRST + self.steps):
            step()
            moments.append(time.perf_counter())
        return _mean(moments)

    def _fed(self, name: str) -> float:
        """Return what batches take where nothing is done with them."""
        batches = self._endless(self.feeds[name])
        return self._timed(lambda: next(batches))

    def _endless(self, feed: Feed) -> Any:
        epoch = 0
        while True:
            yield from feed.batches(epoch)
            epoch += 1

    def _trained(self, name: str) -> float:
        """Return what the steps of a training take, all that belongs to one in it."""
        moments = [time.perf_counter()]

        def enough() -> bool:
            moments.append(time.perf_counter())
            return len(moments) > _FIRST + self.steps

        with tempfile.TemporaryDirectory() as folder:
            recipe = msgspec.structs.replace(self.training.recipe.fit, epochs=1 + self.steps)
            fit(self.training.network(), self.feeds[name], recipe, Checkpoints(Path(folder)), None, enough)
        return _mean(moments)


def _mean(moments: Sequence[float]) -> float:
    """Return the mean of the steps between `moments`, the first ones left out."""
    return (moments[-1] - moments[_FIRST]) / (len(moments) - 1 - _FIRST)
