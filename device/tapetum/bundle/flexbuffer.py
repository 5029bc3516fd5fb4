"""Whole numbers out of a flexbuffer: how the options of an operator that TFLite does not know itself are written.

A map of names to values: a vector of keys, sorted, one of values, and one byte for each value's type. It is read from
its end, where the root lies. Only what an SSD's post-processing says of itself is wanted: small whole numbers.

FlatBuffers, "FlexBuffers": https://flatbuffers.dev/internals/#flexbuffers
"""

from tapetum.errors import Unreadable

_MAP, _INT, _UINT = 9, 1, 2
_MOST_KEYS = 100
_LONGEST_KEY = 100


def integers(content: bytes) -> dict[str, int]:
    """Return those members of the root, a map, that are whole numbers; raises Unreadable when there is no such map."""
    if len(content) < 3 or content[-2] >> 2 != _MAP:
        raise Unreadable("the options of an operator in it are no map")
    width, root_width = _width(content[-2]), content[-1]
    values = _back(content, len(content) - 2 - root_width, root_width)
    count = _unsigned(content, values - width, width)
    if count > _MOST_KEYS:
        raise Unreadable("an operator in it has more options than any")
    keys = _back(content, values - 3 * width, width)
    key_width = _unsigned(content, values - 2 * width, width)
    found = {}
    for index in range(count):
        kind = _span(content, values + count * width + index, 1)[0]
        if kind >> 2 in (_INT, _UINT):
            name = _text(content, _back(content, keys + index * key_width, key_width))
            found[name] = int.from_bytes(_span(content, values + index * width, width), "little", signed=kind >> 2 == 1)
    return found


def _width(kind: int) -> int:
    """Return the bytes of each element, from the lower bits of a type."""
    return 1 << (kind & 3)


def _back(content: bytes, position: int, width: int) -> int:
    """Return where the offset at `position` leads: flexbuffers point backwards."""
    return position - _unsigned(content, position, width)


def _unsigned(content: bytes, position: int, width: int) -> int:
    return int.from_bytes(_span(content, position, width), "little")


def _span(content: bytes, position: int, size: int) -> bytes:
    if position < 0 or position + size > len(content):
        raise Unreadable("an offset in an operator's options leads out of them")
    return content[position : position + size]


def _text(content: bytes, position: int) -> str:
    if position < 0:
        raise Unreadable("an offset in an operator's options leads out of them")
    return content[position : position + _LONGEST_KEY].split(b"\0")[0].decode("utf-8", errors="replace")
