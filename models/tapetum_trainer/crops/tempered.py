"""Scores that say how often they are right: the logits are divided by one number, found on the validation.

It changes no order, and so nothing of what is said; but a device counts scores. C. Guo et al., "On calibration of
modern neural networks", ICML 2017 (temperature scaling).
"""

from typing import Any

import numpy as np

from tapetum.inference.decode import Floats
from tapetum_trainer.crops.figures import Places

LOGITS = "logits"
"""The layer whose channels are the classes."""
_TRIED = np.geomspace(0.25, 4.0, 81)
_TINY = 1e-12  # of a score that is 0 by rounding


def temperature(scores: Floats, truth: Places) -> float:
    """Return what the logits behind `scores` (n, classes) are to be divided by, so that `truth` (n,) is likeliest."""
    logits = np.log(scores.astype(np.float64) + _TINY)
    return float(min(_TRIED, key=lambda one: _surprise(logits / one, truth)))


def divide(network: Any, by: float) -> None:
    """Divide the logits of `network`."""
    layer = network.get_layer(LOGITS)
    layer.set_weights([values / np.float32(by) for values in layer.get_weights()])


def _surprise(logits: "np.typing.NDArray[np.float64]", truth: Places) -> float:
    """Return the mean of -log of the probability of what is true."""
    above = logits - logits.max(axis=1, keepdims=True)
    right = above[np.arange(len(truth)), truth]
    return float(np.mean(np.log(np.exp(above).sum(axis=1)) - right))
