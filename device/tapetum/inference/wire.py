"""How the daemon and its inference worker talk: length, msgpack header, raw bytes, over a socket pair. No pickle."""

import socket
import struct
from typing import Any, NamedTuple

import msgspec

from tapetum.errors import InferenceError


class Late(InferenceError):
    """The other side does not answer, or take, in time."""


_LENGTHS = struct.Struct("<II")  # of the header and of the bytes


class Largest(NamedTuple):
    """Bytes of a message that are taken at most."""

    header: int
    body: int


QUESTION = Largest(1 << 20, 1 << 28)
"""What the daemon sends: it is trusted, and sends models and pictures."""
LARGEST_REPLY = 1 << 16
"""Bytes of a reply's header; how long its body may be is known by who asks."""


def send(channel: socket.socket, header: dict[str, Any], *body: bytes | memoryview) -> None:
    """Send one message, whose bytes are those of all of `body`, one after another; a memoryview: flat, of bytes.

    Raises InferenceError when the other side is gone or does not take it in time.
    """
    packed = msgspec.msgpack.encode(header)
    lengths = _LENGTHS.pack(len(packed), sum(map(len, body)))
    try:
        for part in (lengths + packed, *body):
            channel.sendall(part)
    except TimeoutError:
        raise Late("nothing is taken in time") from None
    except OSError as error:
        raise InferenceError(f"the other side takes nothing: {error.strerror}") from None


def receive(
    channel: socket.socket, buffer: bytearray | None = None, largest: Largest = QUESTION
) -> tuple[dict[str, Any], memoryview]:
    """Return the next message, header and bytes; these lie in `buffer` where one is given, until the next is received.

    Raises InferenceError when the other side is gone, late (the socket's time-out), or talks nonsense.
    """
    header_size, body_size = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size))
    if header_size > largest.header or body_size > largest.body:
        raise InferenceError(f"a message of {header_size} + {body_size} bytes is no message")
    packed, body = _exactly(channel, header_size), _exactly(channel, body_size, buffer)
    try:
        return msgspec.msgpack.decode(packed, type=dict[str, Any]), body
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise InferenceError(f"a message's header is no header: {error}") from None


def _exactly(channel: socket.socket, size: int, buffer: bytearray | None = None) -> memoryview:
    """Return the next `size` bytes, in `buffer`, which grows as it must, or in memory of their own."""
    data = bytearray() if buffer is None else buffer
    if len(data) < size:
        data.extend(bytes(size - len(data)))
    found = memoryview(data)[:size]
    rest = found
    while rest:
        try:
            count = channel.recv_into(rest, 0, socket.MSG_WAITALL)
        except TimeoutError:
            raise Late("no answer in time") from None
        except OSError as error:
            raise InferenceError(f"the other side is gone: {error.strerror}") from None
        if count == 0:
            raise InferenceError("the other side is gone")
        rest = rest[count:]
    return found
