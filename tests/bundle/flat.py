"""Flatbuffers written by hand, for what no model at hand has in it.

A part is its bytes and the place in them at which an offset to it points. Offsets are relative and lead forward, so
parts are simply put one behind the other.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Part(NamedTuple):
    content: bytes
    entry: int = 0


def number(format_: str, value: float) -> bytes:
    return struct.pack("<" + format_, value)


def numbers(format_: str, values: Sequence[float]) -> Part:
    return Part(struct.pack(f"<I{len(values)}{format_}", len(values), *values))


def text(value: str) -> Part:
    return Part(struct.pack("<I", len(value)) + value.encode() + b"\0")


def vector(parts: Sequence[Part]) -> Part:
    return Part(struct.pack("<I", len(parts)) + linked(parts))


def linked(parts: Sequence[Part]) -> bytes:
    """Return offsets to `parts`, and the parts behind them."""
    offsets = behind = b""
    for part in parts:
        offsets += struct.pack("<I", 4 * len(parts) - len(offsets) + len(behind) + part.entry)
        behind += part.content
    return offsets + behind


def table(fields: Mapping[int, bytes | Part]) -> Part:
    """Return a table of these fields: numbers as they lie, all else by offset, one after the other."""
    scalars = {field: value for field, value in fields.items() if isinstance(value, bytes)}
    parts = {field: value for field, value in fields.items() if isinstance(value, Part)}
    places, place = {}, 4
    for field in [*scalars, *parts]:
        places[field] = place
        place += len(scalars.get(field, b"____"))
    count = max(fields, default=-1) + 1
    vtable = struct.pack(f"<{2 + count}H", 4 + 2 * count, place, *(places.get(field, 0) for field in range(count)))
    inside = b"".join(scalars.values()) + linked(list(parts.values()))
    return Part(vtable + struct.pack("<i", len(vtable)) + inside, len(vtable))


def finished(identifier: bytes, root: Part) -> bytes:
    return struct.pack("<I4s", 8 + root.entry, identifier) + root.content


# --- models


def tensor(name: str = "t", shape: Sequence[int] = (1, 2, 2, 3), kind: int = 3, **more: Part) -> Part:
    """Return a tensor; quantization=: a table."""
    fields: dict[int, bytes | Part] = {0: numbers("i", shape), 1: number("B", kind), 3: text(name)}
    return table(fields | ({4: more["quantization"]} if more else {}))


def model(
    tensors: Sequence[Part] = (),
    inputs: Sequence[int] = (0,),
    outputs: Sequence[int] = (),
    graph: Mapping[int, Any] | None = None,
    **fields: Any,
) -> bytes:
    """Return a model of one subgraph; graph: more fields of it; fields: f0=...: more of the model."""
    main = table({0: vector(tensors), 1: numbers("i", inputs), 2: numbers("i", outputs)} | dict(graph or {}))
    more = {int(name[1:]): value for name, value in fields.items()}
    return finished(b"TFL3", table({0: number("I", 3), 2: vector([main])} | more))


def with_metadata(metadata: bytes, name: str = "TFLITE_METADATA") -> bytes:
    """Return a model that carries these metadata."""
    buffer = table({0: numbers("B", metadata)})
    return model([tensor()], f4=vector([buffer]), f6=vector([table({0: text(name), 1: number("I", 0)})]))
