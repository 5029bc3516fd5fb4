"""What a `.tflite` says of itself: its inputs and outputs, and the metadata packed into it, read without a runtime.

The numbers of the fields are those of TensorFlow's schema.fbs (version 3) and of TFLite Support's metadata_schema.fbs.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tapetum.bundle import flexbuffer
from tapetum.bundle.flatbuffer import Flatbuffer, Table, Vector
from tapetum.errors import Unreadable
from tapetum.inference.tensors import TensorSpec

_IDENTIFIER, _METADATA_IDENTIFIER = b"TFL3", b"M001"
_VERSION = 3
_METADATA = "TFLITE_METADATA"
_POSTPROCESS = "TFLite_Detection_PostProcess"
_MOST_TENSORS = 32  # inputs or outputs: a detector has one, and up to ten
_MOST_DIMENSIONS = 8
_MOST_FOUND = 10_000  # detections that an SSD's post-processing may let through
_NORMALIZATION = 1  # of the union ProcessUnitOptions
_LABELS = frozenset({2, 3})  # TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS
_TYPES = (
    "float32", "float16", "int32", "uint8", "int64", "bytes", "bool", "int16", "complex64", "int8", "float64",
    "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the metadata tell. mean and std: of the first input, for all channels or each, () where they do not say.

    label_files: packed files with the labels of an output, in the order in which they are named.
    """

    name: str = ""
    version: str = ""
    author: str = ""
    licence: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    label_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """A model's inputs and outputs in its own order. metadata: None where it brings none.

    A shape is () where the file leaves it to the runtime.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    metadata: Metadata | None


def describe(content: bytes | memoryview) -> Description:
    """Return what the model `content` says of itself; raises Unreadable when it is no sound `.tflite`."""
    model = Flatbuffer(memoryview(content), _IDENTIFIER).root()
    version = model.number(0, "I")
    if version != _VERSION:
        raise Unreadable(f"it is of version {version} of the schema; {_VERSION} is wanted")
    main = model.vector(2).table(0)
    outputs = _postprocessed(model, main, _tensors(main, 2))
    return Description(_tensors(main, 1), outputs, _metadata(model, content))


def _tensors(graph: Table, field: int) -> tuple[TensorSpec, ...]:
    """Return the tensors whose numbers stand in `field` of the subgraph."""
    indices, tensors = graph.vector(field), graph.vector(0)
    if len(indices) > _MOST_TENSORS:
        raise Unreadable(f"it has {len(indices)} inputs or outputs; up to {_MOST_TENSORS} are read")
    return tuple(_tensor(tensors.table(index)) for index in indices.numbers("i"))


def _tensor(table: Table) -> TensorSpec:
    kind = table.number(1, "B")
    if kind >= len(_TYPES):
        raise Unreadable(f"a tensor in it is of the unknown type {kind}")
    shape = table.vector(0).numbers("i")
    if len(shape) > _MOST_DIMENSIONS or any(size < 0 for size in shape):
        raise Unreadable(f"a tensor in it is of the impossible shape {shape[:_MOST_DIMENSIONS]}")
    return TensorSpec(table.text(3), shape, _TYPES[kind], *_quantization(table.table(4)))


def _quantization(table: Table | None) -> tuple[float, int]:
    """Return scale and zero point, as the runtime tells them: 0 and 0 where there are none, or one for each channel."""
    if table is None or len(table.vector(2)) != 1:
        return 0.0, 0
    scale, zero_points = table.vector(2).numbers("f")[0], table.vector(3)
    if not (math.isfinite(scale) and scale >= 0):
        raise Unreadable(f"a tensor in it has the scale {scale}; a number above 0 is wanted")
    return scale, zero_points.numbers("q")[0] if len(zero_points) == 1 else 0


# --- SSD with post-processing, which leaves its shapes to the runtime


def _postprocessed(model: Table, graph: Table, outputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """Return `outputs` with the shapes that the operator for an SSD's post-processing gives its own.

    It finds out only when it is loaded; its options say how many detections it lets through.
    """
    shapes = _found_shapes(model, graph) if any(not output.shape for output in outputs) else {}
    places = zip(graph.vector(2).numbers("i"), outputs, strict=True)
    return tuple(
        TensorSpec(output.name, output.shape or shapes.get(place, ()), output.dtype, output.scale, output.zero_point)
        for place, output in places
    )


def _found_shapes(model: Table, graph: Table) -> dict[int, tuple[int, ...]]:
    """Return the number and the shape of each tensor that the operator gives."""
    for operator in _operators(model, graph, _POSTPROCESS):
        options = flexbuffer.integers(operator.vector(5).bytes().tobytes())
        count = options.get("max_detections", 0) * options.get("max_classes_per_detection", 1)
        if not 0 < count <= _MOST_FOUND:
            raise Unreadable(f"its post-processing lets {count} detections through; 1 to {_MOST_FOUND} are wanted")
        shapes = ((1, count, 4), (1, count), (1, count), (1,))
        return dict(zip(_numbers(operator.vector(2)), shapes, strict=False))
    return {}


def _operators(model: Table, graph: Table, custom: str) -> Iterator[Table]:
    """Yield the operators of the subgraph that are of this kind, one that TFLite does not know itself."""
    codes = [index for index, code in enumerate(model.vector(1).tables()) if code.text(1) == custom]
    if codes:
        yield from (one for one in graph.vector(3).tables() if one.number(0, "I") in codes)


def _numbers(vector: Vector) -> tuple[int, ...]:
    if len(vector) > _MOST_TENSORS:
        raise Unreadable(f"an operator in it gives {len(vector)} tensors; up to {_MOST_TENSORS} are read")
    return vector.numbers("i")


# --- metadata


def _metadata(model: Table, content: bytes | memoryview) -> Metadata | None:
    for entry in model.vector(6).tables():
        if entry.text(0) == _METADATA:
            packed = _buffer(model.vector(4).table(entry.number(1, "I")), content)
            return _told(Flatbuffer(packed, _METADATA_IDENTIFIER).root())
    return None


def _buffer(table: Table, content: bytes | memoryview) -> memoryview:
    """Return the bytes of a buffer; those of a large model may lie behind the flatbuffer."""
    offset, size = table.number(1, "Q"), table.number(2, "Q")
    if offset <= 1:
        return table.vector(0).bytes()
    if offset + size > len(content):
        raise Unreadable("an offset in it leads out of the file; is it complete?")
    return memoryview(content)[offset : offset + size]


def _told(root: Table) -> Metadata:
    graphs = root.vector(3)
    graph = graphs.table(0) if len(graphs) else None
    inputs = graph.vector(2) if graph else None
    mean, std = _normalization(inputs.table(0)) if inputs else ((), ())
    name, version, author, licence = (root.text(field) for field in (0, 2, 4, 5))
    label_files = tuple(_label_files(graph.vector(3))) if graph else ()
    return Metadata(name, version, author, licence, mean, std, label_files)


def _normalization(tensor: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and std of the unit that normalises this input."""
    for unit in tensor.vector(4).tables():
        options = unit.table(1)
        if unit.number(0, "B") == _NORMALIZATION and options:
            return options.vector(0).numbers("f"), options.vector(1).numbers("f")
    return (), ()


def _label_files(outputs: Vector) -> Iterator[str]:
    for output in outputs.tables():
        yield from (one.text(0) for one in output.vector(6).tables() if one.number(2, "B") in _LABELS)
