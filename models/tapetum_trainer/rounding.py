"""Weights rounded to the steps of int8 so that their errors cancel, instead of each to the nearest.

What a convolution adds up are numbers that rise and fall together: behind a ReLU6 all are positive, and neighbours are
alike. Weights of great size and opposite sign, as batch normalisation leaves them when it is folded, then cancel, and
what is left of 8 bits is the sum of the rounding errors, each times nearly the same number. Rounded one after the
other, each weight may take up the error of those before it, as the covariance of the inputs says. What is the same for
all pictures, the mean, goes into the bias, which has 32 bits.

E. Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained transformers", 2023, algorithm
1; of the bias: M. Nagel et al., "Data-free quantization through weight equalization and bias correction", 2019, 4.2.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS = 127
"""The greatest whole number of a weight, either way: what the quantizer gives to a channel's greatest weight."""
_DAMPING = 0.01  # of the mean variance, added to each: the paper's
_BLOCK = 64  # columns whose errors are passed on at once
_TRIES = 3  # 43 of 70 layers of a detector need a second, few a third


def rounded(weights: Array, covariance: Array) -> Array:
    """Return the weights, each a whole multiple of its channel's greatest / 127, near in what they give.

    weights: (groups, outputs, n), n those that are added up for an output. covariance: (groups, n, n) of what they are
    multiplied by. The quantizer that takes 1/127 of the greatest weight for the step finds nothing left to round.
    """
    order, factors = _solved(covariance)
    sorted_weights = np.take_along_axis(weights, order[:, None], axis=2)
    step = _step(weights)
    for _ in range(_TRIES):
        whole = _compensated(sorted_weights, step, factors)
        most = np.abs(whole).max(axis=2)
        reached = most == STEPS
        if reached.all():
            break
        step = np.where(reached, step, step * np.maximum(most, 1) / STEPS)
    found = np.take_along_axis(whole * step[..., None], np.argsort(order, axis=1)[:, None], axis=2)
    return np.asarray(np.where(reached[..., None], found, nearest(weights)))


def nearest(weights: Array) -> Array:
    """Return the weights, each the nearest multiple of its channel's greatest / 127."""
    step = _step(weights)[..., None]
    return np.asarray(np.rint(weights / step) * step)


def _step(weights: Array) -> Array:
    """Return (groups, outputs)."""
    greatest = np.maximum(np.abs(weights).max(axis=2), np.finfo(np.float32).tiny)
    return np.asarray(greatest / STEPS)


def _solved(covariance: Array) -> tuple[NDArray[np.intp], Array]:
    """Return the order in which weights are rounded, (groups, n), and how errors are passed on, (groups, n, n).

    The most varied input comes first: its weight still has all others to make up for it. The factors are the upper
    triangle U of the inverse covariance, U^T U.
    """
    variances = np.diagonal(covariance, axis1=1, axis2=2)
    floor = np.maximum(_DAMPING * variances.mean(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    order = np.argsort(-variances, axis=1, kind="stable")
    damped = covariance + floor[..., None] * np.eye(covariance.shape[1])
    rows = np.take_along_axis(damped, order[:, :, None], axis=1)
    inverse = np.linalg.inv(np.take_along_axis(rows, order[:, None], axis=2) / floor[..., None])
    return order, np.linalg.cholesky(inverse).transpose(0, 2, 1)


def _compensated(weights: Array, step: Array, factors: Array) -> Array:
    """Return the whole numbers (groups, outputs, n): column by column, the error passed on to the later ones."""
    left, whole = weights.copy(), np.empty_like(weights)
    for start in range(0, weights.shape[2], _BLOCK):
        block = slice(start, start + _BLOCK)
        inner = factors[:, block, block]
        whole[:, :, block], errors = _block(left[:, :, block], step, inner)
        left[:, :, start + _BLOCK :] -= errors @ factors[:, block, start + _BLOCK :]
    return whole


def _block(left: Array, step: Array, factors: Array) -> tuple[Array, Array]:
    """Return the whole numbers of some columns and the errors that later ones are to take up; `left` changes."""
    whole, errors = np.empty_like(left), np.empty_like(left)
    for column in range(left.shape[2]):
        real = left[:, :, column]
        whole[:, :, column] = np.clip(np.rint(real / step), -STEPS, STEPS)
        errors[:, :, column] = (real - whole[:, :, column] * step) / factors[:, None, column, column]
        left[:, :, column + 1 :] -= errors[:, :, column, None] * factors[:, None, column, column + 1 :]
    return whole, errors
