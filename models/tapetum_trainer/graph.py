"""A `.tflite` as objects that can be changed, and the few changes that are made to it.

The objects are those of TensorFlow's schema, as LiteRT's own tools have them (`ai_edge_litert.tools.flatbuffer_utils`).
What is packed behind a model (TFLite's metadata keep label files there) is lost: a bundle carries the labels.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum import bundle
from tapetum.bundle import plain
from tapetum.bundle.archive import LARGEST
from tapetum.bundle.tflite import describe
from tapetum.errors import BundleError
from tapetum_trainer.errors import ModelError

SIGNATURE = "serving_default"


def read(content: bytes) -> Any:
    """Return the model (schema.ModelT) in `content`; raises ModelError when it is no sound `.tflite`."""
    from ai_edge_litert.tools import flatbuffer_utils  # noqa: PLC0415  heavy, and needed at the desk alone

    try:
        describe(content)
        return flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    except BundleError as error:
        raise ModelError(f"the model cannot be read: {error}") from None
    except (IndexError, ValueError, TypeError, RuntimeError) as error:
        raise ModelError(f"the model cannot be read: {' '.join(str(error).split())[:200]}") from None


def content(path: Path) -> bytes:
    """Return the model of a bundle, or what is in a file that is none: no device needs to take it.

    path: also `shipped`. Raises BundleError.
    """
    path = bundle.named(str(path))
    try:
        return bundle.open(path).spec().content
    except BundleError:
        if path.suffix == ".tapetum":
            raise
        return plain.read(path, LARGEST)


def written(model: Any) -> bytes:
    """Return the bytes of the model."""
    from ai_edge_litert.tools import flatbuffer_utils  # noqa: PLC0415  heavy, and needed at the desk alone

    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def schema() -> Any:
    """Return the module of the schema's objects."""
    from ai_edge_litert import schema_py_generated  # noqa: PLC0415  as above

    return schema_py_generated


def name_of(tensor: Any) -> str:
    """Return the name of a tensor."""
    name = tensor.name or ""
    return name.decode("utf-8", errors="replace") if isinstance(name, bytes) else str(name)


def kind_of(model: Any, operator: Any) -> tuple[int, int]:
    """Return the number of an operator in the schema's BuiltinOperator, and its version."""
    code = model.operatorCodes[operator.opcodeIndex]
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode)), int(code.version)


def kind_name(number: int) -> str:
    """Return what BuiltinOperator calls the kind of operator with this number."""
    return _called(schema().BuiltinOperator, number)


def type_name(tensor: Any) -> str:
    """Return the type of a tensor's numbers, as numpy calls it."""
    return _called(schema().TensorType, tensor.type).lower()


def _called(names: Any, number: int) -> str:
    return next((name for name, one in vars(names).items() if isinstance(one, int) and one == number), "UNKNOWN")


def operators(model: Any, kind: str) -> Iterator[tuple[Any, Any]]:
    """Yield (subgraph, operator) for each operator of this kind, as BuiltinOperator calls it."""
    wanted = getattr(schema().BuiltinOperator, kind)
    for graph in model.subgraphs:
        yield from ((graph, operator) for operator in graph.operators if kind_of(model, operator)[0] == wanted)


def constant(model: Any, tensor: Any, dtype: str) -> NDArray[Any] | None:
    """Return the numbers of a constant tensor, None where it is none."""
    data = model.buffers[tensor.buffer].data
    if data is None or not len(data):
        return None
    return np.frombuffer(bytes(data), dtype).reshape([int(side) for side in tensor.shape])


def put(model: Any, operator: Any, place: int, values: NDArray[Any]) -> None:
    """Let the constant that is input `place` of `operator`, in the first subgraph, hold `values`.

    Whatever else had the same tensor, or kept its own in the same buffer, keeps what it had: converters share zeros.
    """
    tensors, index = model.subgraphs[0].tensors, int(operator.inputs[place])
    if sum(list(one.inputs).count(index) for one in model.subgraphs[0].operators) > 1:
        tensors.append(copy.copy(tensors[index]))
        operator.inputs = [*operator.inputs[:place], len(tensors) - 1, *operator.inputs[place + 1 :]]
        tensors[-1].name = f"{name_of(tensors[index])}_{len(tensors) - 1}".encode()
    tensor = tensors[operator.inputs[place]]
    if sum(one.buffer == tensor.buffer for part in model.subgraphs for one in part.tensors) > 1:
        tensor.buffer = _buffer(model, b"")
    model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)


def operator_code(model: Any, kind: str, version: int) -> int:
    """Return the index of the operator's code with this version, a new one where there is none."""
    known = schema()
    number = getattr(known.BuiltinOperator, kind)
    for index, code in enumerate(model.operatorCodes):
        if (max(code.builtinCode, code.deprecatedBuiltinCode), code.version) == (number, version):
            return index
    code = known.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def with_signature(model: Any) -> Any:
    """Give the model a signature where it has none: older converters wrote none, and tools ask by it."""
    if model.signatureDefs:
        return model
    graph, known = model.subgraphs[0], schema()
    signature = known.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs = [_entry(graph, index) for index in graph.inputs]
    signature.outputs = [_entry(graph, index) for index in graph.outputs]
    model.signatureDefs = [signature]
    return model


def _entry(graph: Any, index: int) -> Any:
    entry = schema().TensorMapT()
    entry.name, entry.tensorIndex = name_of(graph.tensors[index]), int(index)
    return entry


def with_kinds_told(model: Any) -> Any:
    """Tell each operator's kind where tools look: converters before 2020 knew only the field of one byte.

    What reads the other alone takes all operators of such a file for ADD, which is number 0.
    """
    for code in model.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    return model


def name_of_input(model: Any) -> tuple[str, str]:
    """Return the signature's key and its name of the first input."""
    signature = model.signatureDefs[0]
    found = signature.signatureKey, signature.inputs[0].name
    key, name = (text.decode() if isinstance(text, bytes) else str(text) for text in found)
    return key, name


def given(model: Any) -> dict[str, str]:
    """Return the kind of operator, as BuiltinOperator calls it, by the name of what it gives, in order of execution."""
    return {
        name_of(part.tensors[index]): kind_name(kind_of(model, operator)[0])
        for part in model.subgraphs
        for operator in part.operators
        for index in operator.outputs
        if index >= 0
    }


def with_halves_folded(model: Any) -> Any:
    """Make float32 constants of those kept in float16 and widened by an operator: no quantizer looks behind that."""
    unused: dict[int, set[int]] = {index: set() for index in range(len(model.subgraphs))}
    for place, graph in enumerate(model.subgraphs):
        for operator in [one for _, one in operators(model, "DEQUANTIZE") if one in graph.operators]:
            source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
            numbers = constant(model, source, "<f2") if source.type == schema().TensorType.FLOAT16 else None
            if numbers is not None:
                target.buffer = _buffer(model, numbers.astype("<f4").tobytes())
                graph.operators.remove(operator)
                unused[place].add(int(operator.inputs[0]))
    for place, graph in enumerate(model.subgraphs):
        _remove(model, graph, place, unused[place] - {int(one) for op in graph.operators for one in op.inputs})
    return model


def _buffer(model: Any, content: bytes) -> int:
    buffer = schema().BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def _remove(model: Any, graph: Any, place: int, unused: set[int]) -> None:
    """Remove the tensors `unused` from the subgraph at `place`, with what they held, and number the others anew."""
    for index in unused:
        model.buffers[graph.tensors[index].buffer].data = None
    stay = [index for index in range(len(graph.tensors)) if index not in unused]
    places = {-1: -1} | {old: new for new, old in enumerate(stay)}
    graph.tensors = [graph.tensors[index] for index in stay]
    for part in (graph, *graph.operators):
        part.inputs = [places[int(one)] for one in part.inputs]
        part.outputs = [places[int(one)] for one in part.outputs]
    for signature in (one for one in model.signatureDefs or [] if one.subgraphIndex == place):
        for entry in (*signature.inputs, *signature.outputs):
            entry.tensorIndex = places[int(entry.tensorIndex)]


def with_input_as_bytes(model: Any) -> Any:
    """Give an int8 model an input of uint8, by an operator that shifts it: the same numbers, of each 128 more."""
    known, graph = schema(), model.subgraphs[0]
    inside = int(graph.inputs[0])
    old = graph.tensors[inside]
    outside = known.TensorT()
    outside.name, outside.shape, outside.type = f"{name_of(old)}_uint8", list(old.shape), known.TensorType.UINT8
    outside.quantization = known.QuantizationParametersT()
    outside.quantization.scale = list(old.quantization.scale)
    outside.quantization.zeroPoint = [int(old.quantization.zeroPoint[0]) + 128]
    graph.tensors.append(outside)
    place = len(graph.tensors) - 1
    shift = known.OperatorT()
    shift.opcodeIndex = operator_code(model, "QUANTIZE", 1)
    shift.inputs, shift.outputs = [place], [inside]
    graph.operators.insert(0, shift)
    graph.inputs = [place]
    for entry in (entry for signature in model.signatureDefs or [] for entry in signature.inputs):
        entry.tensorIndex = place if entry.tensorIndex == inside else entry.tensorIndex
    return model


def reshaped(model: Any, source: int, shape: tuple[int, ...], name: str) -> int:
    """Put an operator before all others that gives tensor `source`, the input, another shape; return the new tensor."""
    known, graph = schema(), model.subgraphs[0]
    found = copy.deepcopy(graph.tensors[source])
    found.name, found.shape, found.shapeSignature = name.encode(), list(shape), None
    wanted = known.TensorT()
    wanted.name, wanted.shape, wanted.type = f"{name}_shape".encode(), [len(shape)], known.TensorType.INT32
    wanted.buffer = _buffer(model, np.array(shape, "<i4").tobytes())
    graph.tensors += [found, wanted]
    place = len(graph.tensors) - 2
    operator = known.OperatorT()
    operator.opcodeIndex = operator_code(model, "RESHAPE", 1)
    operator.inputs, operator.outputs = [source, place + 1], [place]
    operator.builtinOptionsType, operator.builtinOptions = known.BuiltinOptions.ReshapeOptions, known.ReshapeOptionsT()
    operator.builtinOptions.newShape = list(shape)
    graph.operators.insert(0, operator)
    return place


def with_resizes_legal(model: Any) -> tuple[Any, int]:
    """Return the model with nearest enlarging as the Edge TPU's compiler takes it, and how many were changed.

    Enlarged by 2, 4 or 8, half-pixel centres pick the same pixel as none (floor((x + 0.5) / k) = floor(x / k), exact in
    floats for powers of two), but are another version of the operator, which that compiler refuses.
    """
    changed = 0
    for graph, operator in operators(model, "RESIZE_NEAREST_NEIGHBOR"):
        options = operator.builtinOptions
        if options.halfPixelCenters and not options.alignCorners and _doubles(graph, operator):
            options.halfPixelCenters = False
            operator.opcodeIndex = operator_code(model, "RESIZE_NEAREST_NEIGHBOR", 2)
            changed += 1
    return model, changed


def _doubles(graph: Any, operator: Any) -> bool:
    """Whether both sides are enlarged by the same power of two."""
    small, large = (graph.tensors[places[0]].shape for places in (operator.inputs, operator.outputs))
    factors = {int(large[axis]) / int(small[axis]) for axis in (1, 2)}
    return len(factors) == 1 and factors <= {2.0, 4.0, 8.0}
