"""One of several workers that train one network: what Ray starts, on this machine or on another.

Each has the whole network, and takes its part of every batch; TensorFlow's MultiWorkerMirroredStrategy adds up what
they have found (`tapetum_trainer.sharing`), and normalises by the batch as a whole, so that all have the same weights
after every step. Each writes down where it stands. What the first one writes, in the folder of the training, is what
counts; it alone judges, and says to all when to stop. The others begin with a copy of that, and lose theirs at the end.
"""

import contextlib
import hashlib
import io
import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tensorflow as tf
from ray.train import get_context
from ray.train.collective import broadcast_from_rank_zero

from tapetum_trainer.checkpoints import arrays_of, put_into
from tapetum_trainer.errors import TrainerError
from tapetum_trainer.feed import Share
from tapetum_trainer.fit import Outcome, Until, Validate, fit, within
from tapetum_trainer.sharing import synchronized
from tapetum_trainer.training import Training


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is told. seconds: after which it is to stop; None: at the end."""

    training: Training
    seconds: float | None


def work(told: dict[str, Order]) -> Outcome:
    """Train with the other workers; raises TrainerError when the weights are not those of the first one."""
    order = told["order"]
    tf.get_logger().setLevel(logging.ERROR)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    context = get_context()
    share = Share(context.get_world_rank(), context.get_world_size())
    with contextlib.nullcontext(order.training) if share.first else _beside(order.training) as training:
        network, outcome = _learned(training, share, strategy, _until(order, share))
        _held_alike(network, share)
    return outcome


@contextlib.contextmanager
def _beside(training: Training) -> Iterator[Training]:
    """Give the same training in a folder of its own, as it stands, with nothing printed."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        for path in (training.checkpoints.last, training.checkpoints.best, *training.folder.glob("pruned-*.npz")):
            if path.exists():
                shutil.copy(path, folder)
        yield replace(training, folder=Path(folder))


def _learned(training: Training, share: Share, strategy: Any, until: Until) -> tuple[Any, Outcome]:
    recipe = training.recipe
    feed = training.feed(share)
    validate = _judged(training, share)
    with strategy.scope():
        network = synchronized(training.network())
    return network, fit(network, feed, recipe.fit, training.checkpoints, validate, until)


def _judged(training: Training, share: Share) -> Validate:
    """Return what judges: the first worker's validation, of a network that it has for itself."""
    if not share.first:
        return lambda _: float(broadcast_from_rank_zero(None))
    alone, validate = training.network(), training.validation()

    def judge(network: Any) -> float:
        put_into(alone, arrays_of(network))
        return float(broadcast_from_rank_zero(validate(alone)))

    return judge


def _until(order: Order, share: Share) -> Until:
    """Return what stops all in the same step: when the first one's time is over."""
    if order.seconds is None:
        return lambda: False
    over = within(order.seconds)
    return lambda: bool(broadcast_from_rank_zero(over() if share.first else None))


def _held_alike(network: Any, share: Share) -> None:
    digest = hashlib.sha256(b"".join(values.tobytes() for values in arrays_of(network).values())).hexdigest()
    if digest != broadcast_from_rank_zero(digest if share.first else None):
        raise TrainerError(f"worker {share.place} has other weights than the first one: are the machines alike?")
