"""A model that leads the runtime in a circle until its stack is at an end: well formed, and no reader can see it."""

import pytest

from tests.inference.tiny import Shape, tensor

flatbuffers = pytest.importorskip("flatbuffers", reason="the older runtime brings no schema")
schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="the older runtime brings no schema")


def looping(shape: Shape, dtype: str, scale: float = 0.0, zero_point: int = 0) -> bytes:
    """Return a classifier that takes a tensor of `shape`: a loop whose parts are loops whose parts are one another."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.WHILE
    code.version = 1
    model = schema.ModelT()
    model.version, model.operatorCodes, model.buffers = 3, [code], [schema.BufferT()]
    circle = (1, 2), (2, 3), (1, 3), (1, 2)  # for each graph those that are its loop's condition and its body
    model.subgraphs = [_subgraph(leads_to, shape, dtype, scale, zero_point) for leads_to in circle]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _subgraph(leads_to: tuple[int, int], shape: Shape, dtype: str, scale: float, zero_point: int):
    graph = schema.SubGraphT()
    shapes = {"picture": shape, "answer": (1, 2)}
    graph.tensors = [tensor(name, one, dtype, scale, zero_point) for name, one in shapes.items()]
    graph.inputs, graph.outputs = [0], [1]
    loop = schema.OperatorT()
    loop.opcodeIndex, loop.inputs, loop.outputs = 0, [0], [1]
    loop.builtinOptionsType = schema.BuiltinOptions.WhileOptions
    loop.builtinOptions = schema.WhileOptionsT()
    loop.builtinOptions.condSubgraphIndex, loop.builtinOptions.bodySubgraphIndex = leads_to
    graph.operators = [loop]
    return graph
