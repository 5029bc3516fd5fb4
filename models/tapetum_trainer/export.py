"""A Keras network as a float .tflite of batch 1, with names: what everything after it begins with.

Only under the TensorFlow backend: what JAX and PyTorch export is either refused or full of operators that accelerators
lack. A network trained there is saved, and exported here: its weights are the same.

The converter names and sorts the outputs as it pleases. Here they get the names and the order of the network's own, by
which the device recognises them; and each convolution's kernel gets the name of its layer, by which
`tapetum_trainer.folded` finds it again, also after quantization.

A network takes (pixel - 128) / 128 (`tapetum_trainer.learner`): in int8 with scale 1/128 and zero point 0 the pixel
less 128. `float_contract` says so to a bundle of the float model.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tapetum.inference.contract import Contract, Input
from tapetum.inference.decode import Centre
from tapetum_trainer import graph
from tapetum_trainer.errors import ModelError
from tapetum_trainer.scaling import MIDDLE
from tapetum_trainer.sides import Sides, size_of
from tapetum_trainer.targets import OUTPUTS

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def float_contract(side: Sides) -> Contract:
    """Return what the exported float detector for pictures of `side` pixels takes and gives."""
    width, height = size_of(side)
    picture = Input(width=width, height=height, dtype="float32", mean=(MIDDLE,) * 3, std=(MIDDLE,) * 3)
    return Contract(input=picture, decoder=Centre())


def exported(network: Any) -> bytes:
    """Return `network`, whose one input is a picture (None, h, w, 3), as a float32 .tflite of batch 1.

    Raises ModelError when Keras does not run on TensorFlow.
    """
    import keras  # noqa: PLC0415  it takes seconds, and starts a backend

    if keras.backend.backend() != "tensorflow":
        raise ModelError(
            f"exporting needs Keras on TensorFlow, not on {keras.backend.backend()}: set KERAS_BACKEND=tensorflow; "
            "what was trained is kept, and goes on from there"
        )
    picture = network.inputs[0]
    wanted = keras.InputSpec(shape=(1, *picture.shape[1:]), dtype="float32", name=picture.name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        network.export(path, format="litert", input_signature=[wanted], verbose=False)
        model = graph.read(path.read_bytes())
    _name_kernels(model, {layer.name for layer in network.layers if layer.weights})
    names = list(network.output_names)  # Keras sorts those of a dictionary
    _sort_outputs(model, list(OUTPUTS) if set(names) == set(OUTPUTS) else names)
    return graph.written(model)


def kernels(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (subgraph, operator) of everything with a kernel, in the order of execution."""
    for kind in CONVOLUTIONS:
        yield from graph.operators(model, kind)


def _name_kernels(model: Any, layers: set[str]) -> None:
    """Give each kernel the name of its layer, which the converter put somewhere among others into those of tensors."""
    for subgraph, operator in kernels(model):
        texts = [graph.name_of(subgraph.tensors[place]) for place in (operator.inputs[1], operator.outputs[0])]
        words = [word for text in texts for word in re.split(r"[/;]", text)]
        named = [name for word in words for name in (word, re.sub(r"_\d+$", "", word)) if name in layers]
        found = [name for name in named if not name.endswith("_norm")]
        if not found:
            raise ModelError(f"the converter named a kernel {texts[0]!r}, which is no layer's name")
        subgraph.tensors[operator.inputs[1]].name = found[0].encode()


def _sort_outputs(model: Any, names: list[str]) -> None:
    """Give the outputs, and their tensors, the network's names and order; the input's tensor that of the signature."""
    subgraph, signature = model.subgraphs[0], model.signatureDefs[0]
    for entry in (*signature.inputs, *signature.outputs):
        subgraph.tensors[entry.tensorIndex].name = entry.name
    places = {graph.name_of(entry): int(entry.tensorIndex) for entry in signature.outputs}
    if len(names) == 1:  # the signature of a single output calls it output_0
        places = {names[0]: next(iter(places.values()))}
        subgraph.tensors[places[names[0]]].name = names[0].encode()
    if places.keys() != set(names):
        raise ModelError(f"the converter gave outputs {sorted(places)}, not {names}")
    subgraph.outputs = [places[name] for name in names]
