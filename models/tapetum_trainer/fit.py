"""Training: the same on TensorFlow, JAX and PyTorch, stopped and continued at any step to the very same weights.

A step takes one batch, whose pictures and order follow from seed, epoch and index (the feed sees to that). At the end
of each epoch the moving average of the weights is validated and everything is written down; between, every few minutes.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from tapetum.progress import Progress
from tapetum_trainer.checkpoints import Checkpoints, Stand, State, put_into, read
from tapetum_trainer.ema import Average
from tapetum_trainer.errors import TrainerError
from tapetum_trainer.journal import Journal
from tapetum_trainer.optimizer import optimizer
from tapetum_trainer.precision import computing
from tapetum_trainer.schedule import Schedule
from tapetum_trainer.sharing import scope_of
from tapetum_trainer.targets import Truth

Validate = Callable[[Any], float]
"""Takes the network with the averaged weights and returns how good it is; greater is better."""
Until = Callable[[], bool]
"""Whether the training is to stop now, to be continued later."""


class Lesson(Protocol):
    """A batch: pixels (B, H, W, 3) uint8 RGB, what is known of each picture, what a teacher says of each.

    hints: as boxes; maps: as targets, by their names.
    """

    @property
    def pixels(self) -> NDArray[np.uint8]: ...  # noqa: D102  told above

    @property
    def truths(self) -> Sequence[Truth]: ...  # noqa: D102  told above

    @property
    def hints(self) -> Sequence[Truth]: ...  # noqa: D102  told above

    @property
    def maps(self) -> Mapping[str, NDArray[np.float32]]: ...  # noqa: D102  told above


class Feed(Protocol):
    """Where batches come from, the same ones whenever they are asked for."""

    @property
    def steps(self) -> int:
        """Batches in an epoch, all of the same size."""

    def batches(self, epoch: int, start: int = 0) -> Iterator[Lesson]:
        """Yield the batches of an epoch from number `start` on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended. finished: False when it was stopped before its end, and can be continued."""

    stand: Stand
    finished: bool


def within(seconds: float, clock: Callable[[], float] = time.monotonic) -> Until:
    """Return what stops a training after `seconds` from now."""
    end = clock() + seconds
    return lambda: clock() >= end


def fit(
    network: Any,
    feed: Feed,
    settings: Schedule,
    checkpoints: Checkpoints,
    validate: Validate | None = None,
    until: Until = lambda: False,
) -> Outcome:
    """Train `network` from where the checkpoints stand, to the end or until `until` says so.

    Then the best weights are in `checkpoints.best`, and in the network when it finished. Raises RecipeError when the
    checkpoints are another training's, TrainerError when the loss is no number any more.
    """
    with computing(network, settings.precision), scope_of(network):
        learner = settings.learner(network)
        learner.compile(
            optimizer=optimizer(settings.rates, settings.epochs * feed.steps),
            jit_compile=keras.backend.backend() == "jax",
        )
        learner.optimizer.build(network.trainable_variables)
        state = State(network, learner.optimizer, Average(network, settings.average))
        checkpoints.resume(state)
        with Journal(checkpoints.folder, state.stand.step) as journal:
            return _Training(learner, feed, settings, checkpoints, state, journal, validate, until).run()


@dataclass(slots=True)
class _Training:
    """All that takes part in one training."""

    learner: Any
    feed: Feed
    settings: Schedule
    checkpoints: Checkpoints
    state: State
    journal: Journal
    validate: Validate | None
    until: Until
    pace: "_Pace" = field(
        default_factory=lambda: _Pace()  # noqa: PLW0108  it is defined below
    )

    @property
    def stand(self) -> Stand:
        """How far it has come."""
        return self.state.stand

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return self.settings.epochs * self.feed.steps

    def run(self) -> Outcome:
        """Train epoch after epoch."""
        with Progress("steps", self.total) as bar:
            bar.step(self.stand.step)
            while self.stand.step < self.total and not self._tired():
                whole = self._epoch(self.stand.step // self.feed.steps, bar)
                self._save()
                if not whole:
                    return Outcome(self.stand, finished=False)
        put_into(self.learner.network, read(self.checkpoints.best))
        return Outcome(self.stand, finished=True)

    def _epoch(self, epoch: int, bar: Progress) -> bool:
        """Train what is left of an epoch and validate; return False when it was stopped before its end."""
        means = _Means()
        end = (epoch + 1) * self.feed.steps
        for lesson in self.feed.batches(epoch, self.stand.step % self.feed.steps):
            self.pace.fed()
            figures = means.with_more(self._step(lesson))
            bar.step()
            if self.stand.step % self.settings.log_every == 0 or self.stand.step == end:
                self._tell("train", epoch, figures | self.pace.figures())
            if self.stand.step < end and self._interrupted():
                return False
        figures |= self._validated(epoch)
        bar.print(f"epoch {epoch + 1}/{self.settings.epochs}: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
        return True

    def _step(self, lesson: Lesson) -> dict[str, float]:
        """Learn from one batch; return its figures: Keras begins them anew with each."""
        figures = self.learner.train_on_batch(*self.learner.asked(lesson), return_dict=True)
        self.stand.step += 1
        self.stand.pictures += len(lesson.pixels)
        self.state.average.update(self.stand.step)
        self.pace.learned(len(lesson.pixels))
        if not math.isfinite(figures["loss"]):
            raise TrainerError(f"step {self.stand.step}: the loss is {figures['loss']}; a lower rates.peak is needed")
        return {name: float(value) for name, value in figures.items()}

    def _interrupted(self) -> bool:
        """Write everything down when it is time to; return whether to stop here."""
        if time.monotonic() - self.pace.saved_s >= self.settings.checkpoint_every_s:
            self._save()
        return self.until()

    def _save(self) -> None:
        self.checkpoints.save(self.state)
        self.pace.saved_s = time.monotonic()

    def _validated(self, epoch: int) -> dict[str, float]:
        """Validate the averaged weights, and keep them when they are the best; return the figures."""
        with self.state.average.in_place():
            value = self.validate(self.learner.network) if self.validate else float(self.stand.step)
            better = self.stand.best is None or value > self.stand.best
            if better:
                self.checkpoints.save_best(self.learner.network)
        self.stand.best = value if better else self.stand.best
        self.stand.since = 0 if better else self.stand.since + 1
        if not self.validate:
            return {}
        figures = {"validation": value}
        self._tell("validation", epoch, figures)
        return figures

    def _tired(self) -> bool:
        return self.settings.patience is not None and self.stand.since >= self.settings.patience

    def _tell(self, kind: str, epoch: int, figures: dict[str, float]) -> None:
        self.journal.write(kind, self.stand.step, epoch, figures)


@dataclass(slots=True)
class _Means:
    """The means of figures over the batches of an epoch; of one that is continued, since then."""

    batches: int = 0
    means: dict[str, float] = field(default_factory=dict)

    def with_more(self, figures: dict[str, float]) -> dict[str, float]:
        """Take in those of one more batch, and return the means."""
        self.batches += 1
        for name, value in figures.items():
            before = self.means.get(name, 0.0)
            self.means[name] = before + (value - before) / self.batches
        return dict(self.means)


@dataclass(slots=True)
class _Pace:
    """How fast it goes, and what of the time is spent waiting for pictures."""

    since_s: float = field(default_factory=time.monotonic)
    saved_s: float = field(default_factory=time.monotonic)
    ended_s: float = field(default_factory=time.monotonic)
    waited_s: float = 0.0
    pictures: int = 0

    def fed(self) -> None:
        """Say that a batch has come."""
        self.waited_s += time.monotonic() - self.ended_s

    def learned(self, pictures: int) -> None:
        """Say that it was learned from."""
        self.ended_s = time.monotonic()
        self.pictures += pictures

    def figures(self) -> dict[str, float]:
        """Return pictures a second and the share of the time that was waited, since the last call."""
        taken_s = max(1e-9, time.monotonic() - self.since_s)
        found = {"pictures_per_s": self.pictures / taken_s, "waited": self.waited_s / taken_s}
        self.since_s, self.waited_s, self.pictures = time.monotonic(), 0.0, 0
        return found
