"""Weights read back out of a .tflite that was exported here, float or int8: a bundle is all that fine-tuning needs.

Batch normalisation is folded into the convolutions there, so they go into a network without it (`norm=False`). An int8
kernel is off by half a step of its channel's scale at most; fine-tuning begins as good as the bundle is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum.bundle import ModelBundle, Source
from tapetum.inference.contract import ModelSpec
from tapetum_trainer import graph
from tapetum_trainer.errors import ModelError
from tapetum_trainer.export import kernels
from tapetum_trainer.pairs import of_pixels
from tapetum_trainer.sides import Sides

Array = NDArray[np.float32]
Folded = Mapping[str, tuple[Array, Array]]
"""Kernel and bias of each layer, by its name."""
HEATMAP = "heatmap_logits"
"""The layer of a detector whose channels are the classes."""
_DTYPES = {0: "<f4", 2: "<i4", 9: "i1"}  # schema.TensorType: FLOAT32, INT32, INT8


def weights_of(content: bytes) -> Folded:
    """Return the kernel, in Keras's layout, and the bias of each layer by its name; raises ModelError."""
    model = of_pixels(graph.read(content))
    depthwise = graph.schema().BuiltinOperator.DEPTHWISE_CONV_2D
    found = {}
    for subgraph, operator in kernels(model):
        kernel, bias = (_real(model, subgraph.tensors[place]) for place in operator.inputs[1:3])
        name = graph.name_of(subgraph.tensors[operator.inputs[1]])
        if kernel.ndim == 2:
            found[name] = kernel.T, bias
        elif graph.kind_of(model, operator)[0] == depthwise:
            found[name] = kernel.transpose(1, 2, 3, 0), bias  # (1, h, w, channels)
        else:
            found[name] = kernel.transpose(1, 2, 3, 0), bias  # (out, h, w, in)
    return found


@dataclass(frozen=True, slots=True)
class Start:
    """A model that was made here, to go on from.

    content: the .tflite; labels: of its classes, in their order; sources: what it was made of, itself the first; spec:
    how a device asks it.
    """

    content: bytes
    labels: tuple[str, ...]
    sources: tuple[Source, ...] = ()
    spec: ModelSpec | None = None

    @property
    def side(self) -> Sides | None:
        """The pixels of what it takes; None where it is not known."""
        return self.spec.contract.input.size if self.spec and self.spec.contract else None

    def after(self, made_of: Sequence[Source]) -> tuple[Source, ...]:
        """Return what a model is made of that goes on from this one with `made_of`."""
        return tuple(dict.fromkeys((*made_of, *self.sources)))

    def put_into(self, network: Any, labels: Sequence[str], last: str = HEATMAP, weights: Folded | None = None) -> None:
        """Give `network`, for the classes `labels` and without batch normalisation, what it has learned.

        last: the layer whose channels are the classes. A class that the model has begins as it was, wherever it stands;
        another as the network had it. weights: what has become of its own. Raises ModelError when the model is of
        another network.
        """
        weights = weights or weights_of(self.content)
        known = {place: self.labels.index(label) for place, label in enumerate(labels) if label in self.labels}
        kernel, bias = (value.copy() for value in network.get_layer(last).get_weights())
        if last in weights:
            for new, old in zip((kernel, bias), weights[last], strict=True):
                _copy_channels(new, old, known)
        put_folded(network, {**weights, last: (kernel, bias)})


def start_of(model: ModelBundle) -> Start:
    """Return the bundle `model` as what a training goes on from."""
    spec, said = model.spec(), model.manifest.provenance
    itself = Source(name=f"{model.name}, which it goes on from", licence=said.licence)
    return Start(spec.content, spec.labels, (itself, *said.sources), spec)


def _copy_channels(new: Array, old: Array, places: Mapping[int, int]) -> None:
    """Take the last axis' channels over, new place -> old, where all else is alike; else leave it to be told."""
    if new.shape[:-1] == old.shape[:-1] and max(places.values(), default=-1) < old.shape[-1]:
        new[..., list(places)] = old[..., list(places.values())]


def put_folded(network: Any, weights: Folded) -> None:
    """Give the layers of `network`, without batch normalisation, their weights; raises ModelError where one misfits."""
    for layer in network.layers:
        if not layer.weights:
            continue
        shapes = [tuple(weight.shape) for weight in layer.weights]
        values = weights.get(layer.name)
        if not values or [value.shape for value in values] != shapes:
            raise ModelError(
                f"layer {layer.name} takes {shapes}, which the model does not have: it is of another network;"
                " size in [network] is to be the bundle's, or one that can be made of it"
            )
        layer.set_weights(list(values))


def _real(model: Any, tensor: Any) -> Array:
    """Return what the numbers of a constant stand for."""
    dtype = _DTYPES.get(int(tensor.type))
    numbers = graph.constant(model, tensor, dtype) if dtype else None
    if numbers is None:
        raise ModelError(f"{graph.name_of(tensor)} is no constant of float32, int8 or int32")
    quantized = tensor.quantization
    if dtype == "<f4" or quantized is None or quantized.scale is None:
        return np.asarray(numbers, np.float32)
    shape = [1] * numbers.ndim
    shape[int(quantized.quantizedDimension or 0)] = -1
    scale = np.array(quantized.scale, np.float32).reshape(shape)
    return np.asarray(numbers * scale, np.float32)  # weights and biases have the zero point 0
