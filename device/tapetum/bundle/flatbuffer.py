"""A flatbuffer, read with every offset checked: what a model file says of itself, without loading a runtime.

A table knows where its fields lie by a vtable in front of it; a field is a number, or a forward offset to a string, a
vector or another table. All numbers are little-endian. Offsets only lead forward, so nothing can go in a circle, and
each reader may follow so many of them and no more, so a file that tells the same thing a thousand times costs nothing.

FlatBuffers, "Internals": https://flatbuffers.dev/internals/
"""

import struct
from collections.abc import Iterator
from typing import Any

from tapetum.errors import Unreadable

_STEPS = 200_000  # numbers and letters read; the models that we know take up to 1,159


class Flatbuffer:
    """Bytes that are read, and how much of them may be."""

    def __init__(self, content: memoryview, identifier: bytes) -> None:
        """Begin to read `content`; raises Unreadable when it is not a flatbuffer with this identifier."""
        self._content = content
        self._steps = _STEPS
        if bytes(content[4:8]) != identifier:
            raise Unreadable(f"it is no flatbuffer of the kind {identifier.decode()}")

    def root(self) -> "Table":
        """Return the table that holds all else."""
        return Table(self, self.follow(0))

    def number(self, format_: str, position: int) -> Any:
        """Return the number (`format_` of `struct`) at `position`."""
        return self.numbers(format_, position, 1)[0]

    def numbers(self, format_: str, position: int, count: int) -> tuple[Any, ...]:
        """Return `count` numbers that lie at `position`, one behind the other."""
        size = count * struct.calcsize(f"<{format_}")
        self.spend(count)
        return struct.unpack_from(f"<{count}{format_}", self.span(position, size))

    def follow(self, position: int) -> int:
        """Return where the offset at `position` leads."""
        offset = int(self.number("I", position))
        if not offset:
            raise Unreadable("an offset in it leads nowhere")
        return position + offset

    def span(self, position: int, size: int) -> memoryview:
        """Return `size` bytes from `position` on."""
        if position < 0 or size < 0 or position + size > len(self._content):
            raise Unreadable("an offset in it leads out of the file; is it complete?")
        return self._content[position : position + size]

    def spend(self, steps: int) -> None:
        """Count steps; raises Unreadable when they become too many."""
        self._steps -= steps
        if self._steps < 0:
            raise Unreadable("it has more parts than any model")


class Table:
    """One table. A field that is not there has the default of its schema, or is None."""

    def __init__(self, buffer: Flatbuffer, position: int) -> None:
        self._buffer = buffer
        self._position = position
        vtable = position - int(buffer.number("i", position))
        size, self._size = buffer.numbers("H", vtable, 2)
        if size < 4 or size % 2:
            raise Unreadable("a table in it has no sound list of fields")
        self._fields = buffer.numbers("H", vtable + 4, (size - 4) // 2)

    def number(self, field: int, format_: str, default: int = 0) -> int:
        """Return the field, a whole number."""
        place = self._place(field, struct.calcsize(f"<{format_}"))
        return default if place is None else int(self._buffer.number(format_, place))

    def table(self, field: int) -> "Table | None":
        """Return the field, a table."""
        place = self._place(field, 4)
        return None if place is None else Table(self._buffer, self._buffer.follow(place))

    def vector(self, field: int) -> "Vector":
        """Return the field, a vector; one that is not there is empty."""
        place = self._place(field, 4)
        return Vector(self._buffer, None if place is None else self._buffer.follow(place))

    def text(self, field: int) -> str:
        """Return the field, a string; one that is not there is empty."""
        return self.vector(field).text()

    def _place(self, field: int, size: int) -> int | None:
        """Return where the field lies, or None."""
        offset = self._fields[field] if field < len(self._fields) else 0
        if not offset:
            return None
        if offset < 4 or offset + size > self._size:
            raise Unreadable("a field in it lies outside of its table")
        return self._position + int(offset)


class Vector:
    """Elements of one kind, of which only those that are asked for are read."""

    def __init__(self, buffer: Flatbuffer, position: int | None) -> None:
        self._buffer = buffer
        self._start = 0 if position is None else position + 4
        self._count = 0 if position is None else int(buffer.number("I", position))

    def __len__(self) -> int:
        return self._count

    def numbers(self, format_: str) -> tuple[Any, ...]:
        """Return all elements, numbers."""
        return self._buffer.numbers(format_, self._start, self._count)

    def bytes(self) -> memoryview:
        """Return all elements, bytes."""
        return self._buffer.span(self._start, self._count)

    def text(self) -> str:
        """Return the elements as a string; what is no UTF-8 in it is replaced."""
        self._buffer.spend(self._count)
        return self.bytes().tobytes().decode("utf-8", errors="replace")

    def table(self, index: int) -> Table:
        """Return the element at `index`, a table."""
        if not 0 <= index < self._count:
            raise Unreadable(f"number {index} of {self._count} parts is meant in it")
        return Table(self._buffer, self._buffer.follow(self._start + 4 * index))

    def tables(self) -> Iterator[Table]:
        """Yield all elements, tables."""
        return (self.table(index) for index in range(self._count))
