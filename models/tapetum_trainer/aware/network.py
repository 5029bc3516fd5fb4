"""A detector without batch normalisation, and the same one whose weights and activations are those that int8 holds.

An operator of int8 gives its numbers after the ReLU6 that belongs to it, so it is rounded there and not before; what is
enlarged has the steps of what it was; the ends of sigmoids are left as they are. The ranges are found as the quantizer
finds them (`tapetum_trainer.ranges`), by the same pictures.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from tapetum_trainer import ranges
from tapetum_trainer.aware.steps import RoundedConv, RoundedDepthwise, Steps

Ranges = Mapping[str, tuple[float, float]]
"""Ends of what a layer gives, by its name."""
_ROUNDED: Mapping[Any, Any] = {keras.layers.Conv2D: RoundedConv, keras.layers.DepthwiseConv2D: RoundedDepthwise}
_BATCH = 8


def rounded(network: Any, found: Ranges) -> Any:
    """Return a network with the weights of `network`, rounding as int8 does; its layers have the same names."""

    def copied(layer: Any) -> Any:
        return _ROUNDED.get(type(layer), type(layer)).from_config(layer.get_config())

    def called(layer: Any, *given: Any, **others: Any) -> Any:
        told = layer(*given, **others)
        ends = found.get(layer.name)
        return Steps(*ends, name=f"{layer.name}_steps")(told) if ends else told

    made = keras.models.clone_model(network, call_function=called, clone_function=copied)
    take_weights(made, network)
    return made


def take_weights(network: Any, other: Any) -> None:
    """Give the layers of `network` the weights of those of the same name in `other`."""
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(other.get_layer(layer.name).get_weights())


def observed(network: Any, asked: Iterable[NDArray[np.float32]]) -> Ranges:
    """Return the ends between which what `network` gives is to be held. asked: (1, h, w, 3) each, one at least."""
    sites = list(_sites(network))
    ends = [_ends(network.get_layer(name).output) for name in sites]
    watched = keras.Model(network.inputs, ends)
    pictures = np.concatenate(list(asked))
    told = watched.predict(pictures, batch_size=_BATCH, verbose=0)
    return {name: _settled(name, np.asarray(values)) for name, values in zip(sites, told, strict=True)}


def _ends(values: Any) -> Any:
    """Return (b, 2): the least and the greatest of each picture."""
    return ops.stack([ops.min(values, axis=(1, 2, 3)), ops.max(values, axis=(1, 2, 3))], axis=-1)


def _settled(name: str, ends: NDArray[np.float32]) -> tuple[float, float]:
    seen = {"min": np.zeros(()), "max": np.zeros(()), "ends": [tuple(map(float, pair)) for pair in ends]}
    found = ranges.settled(seen, into_sigmoid=name.endswith("_logits"))
    return float(found["min"]), float(found["max"])


def _sites(network: Any) -> Iterator[str]:
    """Yield the layers whose numbers an int8 model has as a tensor with steps of its own."""
    names = {layer.name for layer in network.layers}
    for layer in network.layers:
        linear = type(layer) in _ROUNDED and f"{layer.name}_relu" not in names
        if linear or isinstance(layer, keras.layers.ReLU | keras.layers.Add):
            yield layer.name
