"""A detector goes on in an input of another size: what it says of sizes is told in fractions of another longer side.

A thing of as many pixels has the same features there, and the root of its size is to come out by a factor larger or
smaller (`tapetum.inference.decode.centre`). Its logit then is nearly a straight line of what it was.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.sides import Sides, size_of

SIZE = "size_logits"
"""The layer of a detector that says how large things are."""
_ROOTS = np.linspace(0.1, 0.8, 71)  # of things between a hundredth of the longer side and two thirds of it


def resized(network: Any, before: Sides, after: Sides) -> None:
    """Let `network`, which has the weights of one for `before`, say sizes of what it sees in `after`; in place."""
    factor = (max(size_of(before)) / max(size_of(after))) ** 0.5
    if factor == 1:
        return
    stretch, shift = _line(factor)
    layer = network.get_layer(SIZE)
    kernel, bias = layer.get_weights()
    layer.set_weights([stretch * kernel, stretch * bias + shift])


def _line(factor: float) -> tuple[float, float]:
    """Return slope and height of the logits of `factor` times what logits stand for, each as far as it moves a size."""
    roots = _ROOTS[factor * _ROOTS < 0.95]
    old, new = _logits(roots), _logits(factor * roots)
    slope, height = np.polyfit(old, new, 1, w=1 - factor * roots)
    return float(slope), float(height)


def _logits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(values / (1 - values))
