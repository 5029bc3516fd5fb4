"""A float model whose weights already lie on the steps of int8, and whose biases fit into int32.

Two things cost accuracy that the ranges of activations have nothing to do with:

* **Rounding errors that add up.** See `tapetum_trainer.rounding`. (Detector of the recipe `base`: the features before
  the heatmap have 18.9 dB SQNR with each weight rounded to the nearest and float activations, 32.4 dB so.)
* **Channels that died.** Where batch normalisation has shrunk a kernel to 1e-6 and a bias of -3.7 stays, the bias has
  the kernel's scale and is beyond int32. It is cut off, sums overflow, and a channel that is 0 for ever says 0.5. Their
  greatest weight is lifted, by so little that the output changes by less than 1/30,000 of the bias.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer import graph
from tapetum_trainer.moments import Kernel, Moments, kernels, observed
from tapetum_trainer.rounding import STEPS, rounded

_LARGEST = 1 << 30  # of a bias in int32: as much again is left to the sum


def fitted(
    content: bytes, ranges: Mapping[str, Mapping[str, Any]], asked: Iterable[Mapping[str, NDArray[Any]]]
) -> bytes:
    """Return the float model `content` with kernels and biases as int8 holds them.

    ranges: `min` and `max` of each activation, by its name. asked: inputs by name; none, and nothing is rounded.
    """
    model = graph.read(content)
    for kernel in kernels(model).values():
        _lift(model, kernel, ranges)
    found = kernels(model)
    for place, seen in observed(graph.written(model), found, asked).items():
        if seen.count:
            _round(model, found[place], seen)
    return graph.written(model)


def _lift(model: Any, kernel: Kernel, ranges: Mapping[str, Mapping[str, Any]]) -> None:
    """Make the greatest weight of each channel so great that the channel's bias, in its scale, fits into int32."""
    bias = _bias(model, kernel)
    seen = ranges.get(graph.name_of(model.subgraphs[0].tensors[kernel.operator.inputs[0]]))
    if bias is None or not seen:
        return
    scale = (max(0.0, float(np.max(seen["max"]))) - min(0.0, float(np.min(seen["min"])))) / 255
    if not scale:
        return
    weights = kernel.weights
    rows = weights.reshape(-1, weights.shape[2])  # one for each channel, in both kinds
    least = np.abs(bias) * STEPS / (_LARGEST * scale)
    low = np.flatnonzero(np.abs(rows).max(axis=1) < least)
    if not len(low):
        return
    places = np.abs(rows[low]).argmax(axis=1)
    rows[low, places] = np.copysign(least[low], rows[low, places])
    graph.put(model, kernel.operator, 1, kernel.sorted_back(rows.reshape(weights.shape)))


def _round(model: Any, kernel: Kernel, seen: Moments) -> None:
    """Put the weights on their steps, and what the bias can make up for into the bias."""
    bias, weights = _bias(model, kernel), kernel.weights
    if bias is None:
        return
    found = rounded(weights, seen.covariance)
    graph.put(model, kernel.operator, 1, kernel.sorted_back(found))
    moved = np.einsum("goi,gi->go", found - weights, seen.mean).reshape(-1)
    graph.put(model, kernel.operator, 2, np.asarray(bias - moved, np.float32))


def _bias(model: Any, kernel: Kernel) -> NDArray[np.float32] | None:
    """Return the biases (channels,), None where there are none or they are no constants."""
    places = kernel.operator.inputs
    if len(places) < 3 or places[2] < 0:
        return None
    return graph.constant(model, model.subgraphs[0].tensors[places[2]], "<f4")
