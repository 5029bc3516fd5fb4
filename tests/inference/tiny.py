"""A real model of one operator, made by hand: its answer is its input in another shape, so every answer is known."""

import pytest

flatbuffers = pytest.importorskip("flatbuffers", reason="the older runtime brings no schema")
schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="the older runtime brings no schema")

Shape = tuple[int, ...]
TYPES = {
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
    "float32": schema.TensorType.FLOAT32,
}


def reshaping(shape: Shape, to: Shape, dtype: str, scale: float = 0.0, zero_point: int = 0) -> bytes:
    """Return a .tflite that takes a tensor of `shape` and gives it back in the shape `to`."""
    graph = schema.SubGraphT()
    graph.tensors = [tensor("picture", shape, dtype, scale, zero_point), tensor("answer", to, dtype, scale, zero_point)]
    graph.inputs, graph.outputs = [0], [1]
    graph.operators = [operator(to)]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    code.version = 1
    model = schema.ModelT()
    model.version, model.subgraphs, model.operatorCodes, model.buffers = 3, [graph], [code], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def tensor(name: str, shape: Shape, dtype: str, scale: float, zero_point: int):
    found = schema.TensorT()
    found.name, found.shape, found.type, found.buffer = name, list(shape), TYPES[dtype], 0
    if scale:
        found.quantization = schema.QuantizationParametersT()
        found.quantization.scale, found.quantization.zeroPoint = [scale], [zero_point]
    return found


def operator(to: Shape):
    found = schema.OperatorT()
    found.opcodeIndex, found.inputs, found.outputs = 0, [0], [1]
    found.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    found.builtinOptions = schema.ReshapeOptionsT()
    found.builtinOptions.newShape = list(to)
    return found
