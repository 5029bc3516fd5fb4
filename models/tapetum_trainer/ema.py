"""The moving average of a network's weights, which is better than any of the states that it runs through.

B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992. It begins with few states and
grows to `decay`, as TensorFlow's ExponentialMovingAverage does with `num_updates`, so that it forgets the random
beginning. Statistics of batch normalisation are averaged with the rest: they belong to the weights.

It is kept in NumPy: a step takes about a millisecond for each million weights, on every backend the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray


class Average:
    """Follows the variables of a Keras network."""

    def __init__(self, network: Any, decay: float) -> None:
        """Begin with what the variables are now. decay: 0, and it is always the last state."""
        self._variables = [variable for variable in network.variables if "float" in variable.dtype]
        self._decay = decay
        self.values: list[NDArray[np.float32]] = [_numbers(variable) for variable in self._variables]

    def update(self, step: int) -> None:
        """Take in the variables after `step` steps, 1 or more."""
        rest = np.float32(1 - min(self._decay, (1 + step) / (10 + step)))
        for value, variable in zip(self.values, self._variables, strict=True):
            np.add(value, rest * (_numbers(variable) - value), out=value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network have the average within the block, and its own weights after it, to the bit."""
        own = [_numbers(variable) for variable in self._variables]
        try:
            self._assign(self.values)
            yield
        finally:
            self._assign(own)

    def _assign(self, values: list[NDArray[np.float32]]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)


def _numbers(variable: Any) -> NDArray[np.float32]:
    """Return a copy of the variable's numbers."""
    return np.array(ops.convert_to_numpy(variable.value), np.float32)
