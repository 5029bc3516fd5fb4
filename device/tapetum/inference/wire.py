"""How the daemon and its inference worker talk: length, msgpack header, raw bytes, over a socket pair. No pickle."""

import socket
import struct
from typing import Any

import msgspec

from tapetum.errors import InferenceError


class Late(InferenceError):
    """The other side does not answer, or take, in time."""


_LENGTHS = struct.Struct("<II")  # of the header and of the bytes
LARGEST_HEADER = 1 << 20
LARGEST_BODY = 1 << 28


def send(channel: socket.socket, header: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Send one message; raises InferenceError when the other side is gone or does not take it in time."""
    packed = msgspec.msgpack.encode(header)
    try:
        channel.sendall(_LENGTHS.pack(len(packed), len(body)) + packed)
        channel.sendall(body)
    except TimeoutError:
        raise Late("nothing is taken in time") from None
    except OSError as error:
        raise InferenceError(f"the other side takes nothing: {error.strerror}") from None


def receive(channel: socket.socket) -> tuple[dict[str, Any], bytearray]:
    """Return the next message, header and bytes.

    Raises InferenceError when the other side is gone, late (the socket's time-out), or talks nonsense.
    """
    header_size, body_size = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size))
    if header_size > LARGEST_HEADER or body_size > LARGEST_BODY:
        raise InferenceError(f"a message of {header_size} + {body_size} bytes is no message")
    packed, body = _exactly(channel, header_size), _exactly(channel, body_size)
    try:
        return msgspec.msgpack.decode(packed, type=dict[str, Any]), body
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InferenceError(f"a message's header is no header: {error}") from None


def _exactly(channel: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        try:
            count = channel.recv_into(rest)
        except TimeoutError:
            raise Late("no answer in time") from None
        except OSError as error:
            raise InferenceError(f"the other side is gone: {error.strerror}") from None
        if count == 0:
            raise InferenceError("the other side is gone")
        rest = rest[count:]
    return data
