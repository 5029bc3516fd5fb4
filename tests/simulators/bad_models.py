"""Models that are bad in ways that only show when they run, made of the detector that comes along: real TFLite."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tapetum import bundle, data
from tapetum.inference.contract import ModelSpec

_HEAT = "heatmap"  # the output that says what is where
Graph = Any


def shipped(name: str = "good@1") -> ModelSpec:
    """Return the detector that comes along, called otherwise."""
    return replace(bundle.open(data.detector()).spec(), name=name)


def edited(spec: ModelSpec, edit: Callable[[Graph], None]) -> ModelSpec:
    """Return the model with its graph changed by `edit`."""
    model = schema.ModelT.InitFromPackedBuf(spec.content, 0)
    edit(model)
    builder = flatbuffers.Builder(len(spec.content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return replace(spec, content=bytes(builder.Output()))


def with_labels_exchanged(spec: ModelSpec) -> ModelSpec:
    """Return it with labels that stand for something else, in its probes too: whoever packed it saw no mistake."""
    other = dict(zip(spec.labels, [*spec.labels[1:], spec.labels[0]], strict=True))
    probes = tuple(
        replace(probe, expected=tuple(replace(one, label=other[one.label]) for one in probe.expected))
        for probe in spec.probes
    )
    return replace(spec, labels=tuple(other.values()), probes=probes)


def corrupt(spec: ModelSpec) -> ModelSpec:
    """Return it with every weight of its largest layers another one."""

    def edit(model: Graph) -> None:
        largest = sorted(model.buffers, key=lambda buffer: -len(_bytes(buffer)))[:6]
        for seed, buffer in enumerate(largest):
            buffer.data = np.random.default_rng(seed).permutation(_bytes(buffer))

    return edited(spec, edit)


def silent(spec: ModelSpec) -> ModelSpec:
    """Return it without probes, with a model that never sees anything."""
    return replace(edited(spec, lambda model: _bias(model, -(2**24))), probes=())


def inventing(spec: ModelSpec) -> ModelSpec:
    """Return it without probes, with a model that sees everything everywhere."""
    return replace(edited(spec, lambda model: _bias(model, 2**24)), probes=())


def slow(spec: ModelSpec, times: int = 10) -> ModelSpec:
    """Return it with a model that does the same work so many times over."""

    def edit(model: Graph) -> None:
        (graph,) = model.subgraphs
        once, work = len(graph.tensors), list(graph.operators)
        kept = {int(index) for operator in work for index in operator.outputs}
        for _ in range(times - 1):
            shift = {index: len(graph.tensors) + place for place, index in enumerate(sorted(kept))}
            graph.tensors += [_copied(graph.tensors[index]) for index in sorted(kept)]
            for operator in work:
                again = copy.copy(operator)
                again.inputs = [shift.get(int(index), int(index)) for index in operator.inputs]
                again.outputs = [shift[int(index)] for index in operator.outputs]
                graph.operators.append(again)
            graph.outputs = [*graph.outputs, *(shift[int(index)] for index in graph.outputs[:3])]
        assert len(graph.tensors) == once + (times - 1) * len(kept)
        model.signatureDefs = []

    return edited(spec, edit)


def failing_at(spec: ModelSpec, answers: int) -> ModelSpec:
    """Return it with a model that counts its answers, and of which the worker dies after so many."""
    return edited(spec, lambda model: _counting(model, answers))


def hanging_at(spec: ModelSpec, answers: int) -> ModelSpec:
    """Return it with a model that counts its answers, and never comes to an end after so many."""
    return edited(spec, lambda model: _counting(model, answers, _endless))


# --- how


def _bytes(buffer: Any) -> Any:
    return np.empty(0, np.uint8) if buffer.data is None else np.asarray(buffer.data, np.uint8)


def _copied(tensor: Any) -> Any:
    found = copy.copy(tensor)
    found.name = f"{tensor.name.decode()}_again"
    return found


def _bias(model: Graph, value: int) -> None:
    """Give the last layer before the heatmap another bias, far beyond what its weights can come to."""
    (graph,) = model.subgraphs
    made = {int(operator.outputs[0]): operator for operator in graph.operators}
    heat = next(int(index) for index in graph.outputs if graph.tensors[int(index)].name.decode() == _HEAT)
    layer = made[int(made[heat].inputs[0])]
    buffer = model.buffers[graph.tensors[int(layer.inputs[2])].buffer]
    buffer.data = np.full_like(_bytes(buffer).view(np.int32), value).view(np.uint8)


class _Builder:
    """Adds tensors and operators to a graph of `model`, that of this number."""

    def __init__(self, model: Graph, number: int) -> None:
        self.number = number
        self._model, self._graph = model, model.subgraphs[number]

    def graph(self) -> tuple[Graph, "_Builder"]:
        """Return one more graph, and what adds to it."""
        found = schema.SubGraphT()
        found.tensors, found.inputs, found.outputs, found.operators = [], [], [], []
        self._model.subgraphs.append(found)
        return found, _Builder(self._model, len(self._model.subgraphs) - 1)

    def tensor(self, shape: Sequence[int], kind: int, values: Any = None) -> int:
        found = schema.TensorT()
        found.name, found.shape, found.type, found.buffer = f"t{len(self._graph.tensors)}", list(shape), kind, 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.asarray(values, np.int32).view(np.uint8)
            self._model.buffers.append(buffer)
            found.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(found)
        return len(self._graph.tensors) - 1

    def operator(
        self, code: int, inputs: Sequence[int], outputs: Sequence[int], kind: int = 0, options: Any = None
    ) -> Any:
        known = schema.OperatorCodeT()
        known.builtinCode, known.version = code, 1
        known.deprecatedBuiltinCode = min(code, 127)  # PLACEHOLDER_FOR_GREATER_OP_CODES
        self._model.operatorCodes.append(known)
        found = schema.OperatorT()
        found.opcodeIndex = len(self._model.operatorCodes) - 1
        found.inputs, found.outputs = list(inputs), list(outputs)
        found.builtinOptionsType, found.builtinOptions = kind, options
        return found

    def variable(self) -> tuple[int, Any]:
        """Return the handle of a variable that outlives an answer, and the operator that gives it."""
        options = schema.VarHandleOptionsT()
        options.container, options.sharedName = "", "answers"
        handle = self.tensor((), schema.TensorType.RESOURCE)
        kinds = schema.BuiltinOptions
        return handle, self.operator(schema.BuiltinOperator.VAR_HANDLE, (), (handle,), kinds.VarHandleOptions, options)


def _lookup(build: "_Builder", count: int, most: int) -> Any:
    """Return what looks up a table of `most` entries: past its end, GATHER fails."""
    code, kinds, types = schema.BuiltinOperator, schema.BuiltinOptions, schema.TensorType
    table, found = build.tensor((most,), types.INT32, range(most)), build.tensor((1,), types.INT32)
    return build.operator(code.GATHER, (table, count), (found,), kinds.GatherOptions, schema.GatherOptionsT())


def _endless(build: "_Builder", count: int, most: int) -> Any:
    """Return a loop that goes on while the count, which nothing changes in it, is above `most`."""
    code, kinds, types = schema.BuiltinOperator, schema.BuiltinOptions, schema.TensorType
    options = schema.WhileOptionsT()
    for_all = []
    for constant, kind, operator, option, chosen in (
        (most, types.BOOL, code.GREATER, kinds.GreaterOptions, schema.GreaterOptionsT()),
        (0, types.INT32, code.ADD, kinds.AddOptions, schema.AddOptionsT()),
    ):
        part, inner = build.graph()
        given, other, result = (
            inner.tensor((1,), types.INT32), inner.tensor((1,), types.INT32, [constant]), inner.tensor((1,), kind)
        )  # fmt: skip
        part.inputs, part.outputs = [given], [result]
        part.operators = [inner.operator(operator, (given, other), (result,), option, chosen)]
        for_all.append(inner.number)
    options.condSubgraphIndex, options.bodySubgraphIndex = for_all
    found = build.tensor((1,), types.INT32)
    return build.operator(code.WHILE, (count,), (found,), kinds.WhileOptions, options)


def _counting(model: Graph, most: int, end: Callable[["_Builder", int, int], Any] = _lookup) -> None:
    """Count answers in a variable, and have an operator of `end` look at the count."""
    code, kinds, types = schema.BuiltinOperator, schema.BuiltinOptions, schema.TensorType
    build = _Builder(model, 0)
    first, begin = build.graph()
    handle, given = begin.variable()
    zero = begin.tensor((1,), types.INT32, [0])
    assign = kinds.AssignVariableOptions
    first.operators = [
        given, begin.operator(code.ASSIGN_VARIABLE, (handle, zero), (), assign, schema.AssignVariableOptionsT())
    ]  # fmt: skip
    once = schema.CallOnceOptionsT()
    once.initSubgraphIndex = begin.number
    handle, given = build.variable()
    count, more = build.tensor((1,), types.INT32), build.tensor((1,), types.INT32)
    one = build.tensor((1,), types.INT32, [1])
    model.subgraphs[0].operators += [
        build.operator(code.CALL_ONCE, (), (), kinds.CallOnceOptions, once),
        given,
        build.operator(
            code.READ_VARIABLE, (handle,), (count,), kinds.ReadVariableOptions, schema.ReadVariableOptionsT()
        ),
        end(build, count, most),
        build.operator(code.ADD, (count, one), (more,), kinds.AddOptions, schema.AddOptionsT()),
        build.operator(code.ASSIGN_VARIABLE, (handle, more), (), assign, schema.AssignVariableOptionsT()),
    ]
