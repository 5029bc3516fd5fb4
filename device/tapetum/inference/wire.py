"""How the daemon and its inference worker talk: length, msgpack header, raw bytes, over a socket pair. No pickle."""

import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from tapetum.errors import InferenceError


class Late(InferenceError):
    """The other side does not answer, or take, in time."""


_LENGTHS = struct.Struct("<II")  # of the header and of the bytes
_SMALL = 1 << 14  # bytes that are sooner copied than sent apart


class Largest(NamedTuple):
    """Bytes of a message that are taken at most."""

    header: int
    body: int


QUESTION = Largest(1 << 20, 1 << 28)
"""What the daemon sends: it is trusted, and sends models and pictures."""
LARGEST_REPLY = 1 << 16
"""Bytes of a reply's header; how long its body may be is known by who asks."""


def send(
    channel: socket.socket, header: dict[str, Any], *body: bytes | memoryview, until_s: float | None = None
) -> None:
    """Send one message, whose bytes are those of all of `body`, one after another; a memoryview: flat, of bytes.

    until_s: when all of it must be taken, as `time.monotonic` tells; None: the socket's time-out, for each part.
    Raises InferenceError when the other side is gone or does not take it in time.
    """
    packed = msgspec.msgpack.encode(header)
    size = sum(map(len, body))
    parts: Sequence[bytes | memoryview] = (_LENGTHS.pack(len(packed), size) + packed, *body)
    if size < _SMALL:
        parts = (b"".join(parts),)
    try:
        for part in parts:
            _limit(channel, until_s)
            channel.sendall(part)  # whose time-out is for all of the part
    except TimeoutError:
        raise Late("nothing is taken in time") from None
    except OSError as error:
        raise InferenceError(f"the other side takes nothing: {error.strerror}") from None


def receive(
    channel: socket.socket,
    buffer: bytearray | None = None,
    largest: Largest = QUESTION,
    until_s: float | None = None,
) -> tuple[dict[str, Any], memoryview]:
    """Return the next message, header and bytes; these lie in `buffer` where one is given, until the next is received.

    until_s: when all of it must be there, as of `send`: one who sends a byte now and then is late too.
    Raises InferenceError when the other side is gone, late, or talks nonsense.
    """
    header_size, body_size = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size, until_s))
    if header_size > largest.header or body_size > largest.body:
        raise InferenceError(f"a message of {header_size} + {body_size} bytes is no message")
    both = _exactly(channel, header_size + body_size, until_s, buffer)
    packed, body = both[:header_size], both[header_size:]
    try:
        return msgspec.msgpack.decode(packed, type=dict[str, Any]), body
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise InferenceError(f"a message's header is no header: {error}") from None


def _limit(channel: socket.socket, until_s: float | None) -> None:
    """Give the channel's next call the time that is left; raises TimeoutError when there is none."""
    if until_s is None:
        return
    rest_s = until_s - time.monotonic()
    if rest_s <= 0:
        raise TimeoutError
    channel.settimeout(rest_s)


def _exactly(channel: socket.socket, size: int, until_s: float | None, buffer: bytearray | None = None) -> memoryview:
    """Return the next `size` bytes, in `buffer`, which grows as it must, or in memory of their own."""
    data = bytearray() if buffer is None else buffer
    if len(data) < size:
        data.extend(bytes(size - len(data)))
    found = memoryview(data)[:size]
    rest = found
    while rest:
        try:
            _limit(channel, until_s)
            count = channel.recv_into(rest, 0, socket.MSG_WAITALL)
        except TimeoutError:
            raise Late("no answer in time") from None
        except OSError as error:
            raise InferenceError(f"the other side is gone: {error.strerror}") from None
        if count == 0:
            raise InferenceError("the other side is gone")
        rest = rest[count:]
    return found
