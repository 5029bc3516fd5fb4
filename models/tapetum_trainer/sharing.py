"""What the workers of one training have in common: sums over all of them, in the middle of a step.

Where a network was made for several workers (`tapetum_trainer.scale`), each takes its part of every batch. What a step
divides by, the things in the batch, is then what all of them have, and the gradient is that of the whole batch before
its length is cut. So a recipe comes to the same weights with any number of workers, but for the order in which numbers
of 24 bits are added up. By TensorFlow's own strategies alone; on another backend there is one worker.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras


def workers() -> int:
    """Return how many take part in the step, or in what is being made: 1 where nothing is shared."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf  # noqa: PLC0415  other backends do without it

    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def summed(values: Any) -> Any:
    """Return a tensor, or a list of them, added up over all workers of the step."""
    if workers() == 1:
        return values
    import tensorflow as tf  # noqa: PLC0415  as above

    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def scope_of(network: Any) -> AbstractContextManager[Any]:
    """Return where what is trained with `network` is made: as it was made itself."""
    strategy = getattr(network, "distribute_strategy", None)
    return strategy.scope() if strategy is not None else nullcontext()


def synchronized(network: Any) -> Any:
    """Return `network`, made to normalise by all of a batch, and not by a worker's part of it."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
    return network
