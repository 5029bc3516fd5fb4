"""A graph model of TensorFlow.js as a .tflite: its JSON is a GraphDef, whose constants lie in a file beside it.

The format: https://github.com/tensorflow/tfjs/tree/master/tfjs-converter (`model.json`: `modelTopology`,
`weightsManifest`). Weights kept as float16 are widened; other quantizations of it are refused. TensorFlow is needed to
convert, not to run what comes out.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.errors import ModelError


def to_tflite(model: bytes, weights: bytes, outputs: Sequence[str]) -> bytes:
    """Return the .tflite of the graph `model` (JSON) with its `weights`, with its one input and the `outputs` named.

    Raises ModelError where weights are missing or kept in a way that is not read.
    """
    import tensorflow as tf  # noqa: PLC0415  takes seconds, and only here

    told = json.loads(model)
    graph = _graph(told["modelTopology"], _constants(told["weightsManifest"], weights))
    given = next(node.name for node in graph.node if node.op == "Placeholder")
    whole = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    function = whole.prune(f"{given}:0", [f"{name}:0" for name in outputs])
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())


def _graph(topology: Mapping[str, Any], constants: Mapping[str, NDArray[Any]]) -> Any:
    """Return the GraphDef with its constants in their places."""
    import tensorflow as tf  # noqa: PLC0415
    from google.protobuf import json_format  # noqa: PLC0415

    graph = json_format.ParseDict({"node": topology["node"]}, tf.compat.v1.GraphDef())
    for node in graph.node:
        if node.op == "Const":
            if node.name not in constants:
                raise ModelError(f"the weights hold nothing for {node.name!r}")
            kind = node.attr["dtype"].type  # 64-bit integers are kept as 32
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(constants[node.name], dtype=kind))
    return graph


def _constants(manifest: Sequence[Mapping[str, Any]], weights: bytes) -> dict[str, NDArray[Any]]:
    """Return each weight by its name."""
    found, start = {}, 0
    for told in (weight for group in manifest for weight in group["weights"]):
        kept = told.get("quantization", {}).get("dtype", told["dtype"])
        if kept not in ("float32", "float16", "int32"):
            raise ModelError(f"{told['name']!r} is kept as {kept}; float32, float16 and int32 are read")
        kind, count = np.dtype(kept), int(np.prod(told["shape"]))
        if start + count * kind.itemsize > len(weights):
            raise ModelError(f"the weights end at {len(weights)} bytes, within {told['name']!r}")
        values = np.frombuffer(weights, kind, count, start).reshape(told["shape"])
        found[told["name"]] = values.astype(told["dtype"])
        start += count * kind.itemsize
    return found
