"""Several workers train one network, by Ray Train: on this machine, or on all those of a cluster that is there.

A worker that dies, with its machine or alone, is replaced, and all go on from the last checkpoint.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tapetum.errors import TapetumError
from tapetum_trainer.errors import TrainerError
from tapetum_trainer.feed import Share
from tapetum_trainer.scale.cluster import cluster
from tapetum_trainer.sets import Sets

if TYPE_CHECKING:
    from tapetum_trainer.fit import Outcome
    from tapetum_trainer.training import Training

_AGAIN = 3  # times that lost workers are replaced


def train(training: "Training", count: int, seconds: float | None) -> "Outcome":
    """Train with `count` workers to the end, or until `seconds` are over.

    Raises RecipeError when a batch cannot be shared by so many, ModuleNotFoundError where Ray is not installed.
    """
    training.feed(Share(0, count))  # what is wrong with them, now
    if training.start:
        training.network()  # what it begins with, which each of the workers would find out by itself
    training.validation()
    with cluster(count) as gpus:
        from ray.train import FailureConfig, RunConfig, ScalingConfig  # noqa: PLC0415  an extra
        from ray.train.tensorflow import TensorflowTrainer  # noqa: PLC0415  as above

        from tapetum_trainer.scale.worker import Order, work  # noqa: PLC0415  as above

        trainer = TensorflowTrainer(
            work,
            train_loop_config={"order": Order(_anywhere(training), seconds)},
            scaling_config=ScalingConfig(num_workers=count, use_gpu=gpus >= count),
            run_config=RunConfig(
                storage_path=str((training.folder / "ray").resolve()), failure_config=FailureConfig(max_failures=_AGAIN)
            ),
        )
        return _told(trainer)


def _anywhere(training: "Training") -> "Training":
    """Return the same training, with its folders named for a process that works elsewhere."""
    sets = Sets(training.recipe, training.sets.root.resolve())
    return replace(training, sets=sets, folder=training.folder.resolve())


def _told(trainer: Any) -> "Outcome":
    """Return how it ended; raises what ended it, in our words where it is ours."""
    from ray.train import WorkerGroupError  # noqa: PLC0415  an extra

    try:
        outcome: Outcome = trainer.fit().return_value
    except WorkerGroupError as error:
        raise _ours(error.worker_failures) from None
    return outcome


def _ours(failures: Mapping[int, Exception]) -> TapetumError:
    """Return the first failure that is ours, or else what Ray says of the first."""
    found = [one for _, one in sorted(failures.items())]
    ours = [one for one in found if isinstance(one, TapetumError)]
    return ours[0] if ours else TrainerError(f"{len(found)} workers failed, the first with: {found[0]!r}")
