"""The moving average of a network's weights, which is better than any of the states that it runs through.

B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992. It begins with few states and
grows to `decay`, as TensorFlow's ExponentialMovingAverage does with `num_updates`, so that it forgets the random
beginning. Statistics of batch normalisation are averaged with the rest: they belong to the weights.

A long average is as good of every fourth state, and costs a step a fourth of the time.
It is kept in NumPy, on every backend the same. TensorFlow gives all variables at once: asked for one after the other,
the 296 of the detector `base` take 20 ms of processor time of the 25 that a step of the average took, and 3 so, of 5.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tapetum_trainer.sharing import workers

Floats = NDArray[np.float32]

_LONG, _FIRST, _EVERY = 0.99, 100, 4  # decay from which on, after how many steps one state in so many is taken in


class Average:
    """Follows the variables of a Keras network."""

    def __init__(self, network: Any, decay: float) -> None:
        """Begin with what the variables are now. decay: 0, and it is always the last state."""
        self._variables = [variable for variable in network.variables if "float" in variable.dtype]
        self._decay = decay
        self._read = _reader(self._variables)
        self.values: list[Floats] = [_numbers(variable) for variable in self._variables]

    def update(self, step: int) -> None:
        """Take in the variables after `step` steps, 1 or more, if it is time to."""
        every = _EVERY if self._decay >= _LONG and step > _FIRST else 1
        if step % every:
            return
        rest = np.float32(1 - min(self._decay, (1 + step) / (10 + step)) ** every)
        for value, now in zip(self.values, self._read(), strict=True):
            np.add(value, rest * (now - value), out=value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network have the average within the block, and its own weights after it, to the bit."""
        own = [_numbers(variable) for variable in self._variables]
        try:
            self._assign(self.values)
            yield
        finally:
            self._assign(own)

    def _assign(self, values: list[Floats]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)


def _reader(variables: Sequence[Any]) -> Callable[[], Sequence[Floats]]:
    """Return what gives the numbers of all `variables`, to be looked at before they change."""
    if keras.backend.backend() != "tensorflow" or workers() > 1:
        return lambda: [_numbers(variable) for variable in variables]
    import tensorflow as tf  # noqa: PLC0415  other backends do without it

    read = tf.function(lambda: [variable.value.read_value() for variable in variables], autograph=False)
    return lambda: [np.asarray(tensor.numpy(), np.float32) for tensor in read()]


def _numbers(variable: Any) -> Floats:
    """Return a copy of the variable's numbers."""
    return np.array(ops.convert_to_numpy(variable.value), np.float32)
