"""Two workers that share each batch do what one does with the whole: TensorFlow's own, two in one process."""

import os
import subprocess
import sys
from typing import Any

import pytest

APART = 1e-3  # of weights that four steps with a rate of 1e-3 moved by up to 4e-3; was 3.3e-4

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


def test_two_workers_come_to_the_weights_of_one():
    """In a process of its own: how many devices there are is said before TensorFlow starts."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.trainer.test_sharing"], capture_output=True, text=True, timeout=850, check=False,
        env=os.environ | {"KERAS_BACKEND": "tensorflow"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    alone, weights = map(float, done.stdout.split()[-2:])
    assert alone < 1e-5, "the loss of the first step"
    assert weights < APART


def trained(strategy: Any, count: int) -> tuple[float, dict[str, Any]]:
    """Return the loss of the first step, and the weights after four; the gradient's length is cut in all of them."""
    import keras
    import numpy as np
    import tensorflow as tf

    from tapetum_trainer.checkpoints import arrays_of
    from tapetum_trainer.learner import Learner
    from tapetum_trainer.networks.detector import detector
    from tapetum_trainer.optimizer import optimizer
    from tapetum_trainer.scaling import real
    from tapetum_trainer.schedule import Rates, Weights
    from tapetum_trainer.sharing import scope_of, synchronized
    from tapetum_trainer.targets import targets
    from tests.trainer.learnable import ARCHITECTURE, CLASSES, Feed

    with strategy.scope():
        keras.utils.set_random_seed(3)
        network = synchronized(detector(ARCHITECTURE, CLASSES))
    with scope_of(network):
        learner = Learner(network, Weights())
        learner.compile(optimizer=optimizer(Rates(peak=1e-3, clip=0.1, warmup=0), 100), jit_compile=False)
        learner.optimizer.build(network.trainable_variables)
    learner.make_train_function()
    losses = []

    def shared(values: Any) -> Any:
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(values[context.replica_id_in_sync_group :: count])
        )

    for lesson in Feed(4).batches(0):
        truth = targets(lesson.truths, (12, 12), CLASSES)._asdict()
        given = real(lesson.pixels), truth
        if count > 1:
            given = shared(given[0]), {name: shared(values) for name, values in truth.items()}
        learner.reset_metrics()
        losses.append(float(np.mean(learner.train_function(iter([given]))["loss"])))
    return losses[0], arrays_of(network)


def main() -> None:
    import numpy as np
    import tensorflow as tf

    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    one, alone = trained(tf.distribute.get_strategy(), 1)
    two, together = trained(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), 2)
    print(abs(one - two), max(float(np.abs(alone[name] - together[name]).max()) for name in alone))


if __name__ == "__main__":
    main()
