"""The wire between the daemon and its worker: what is sent arrives, and what is no message is an InferenceError."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.errors import InferenceError
from tapetum.inference import wire

Pair = tuple[socket.socket, socket.socket]
ATOMS = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text() | st.floats(allow_nan=False)
HEADERS = st.dictionaries(st.text(), ATOMS | st.lists(ATOMS) | st.dictionaries(st.text(), ATOMS), max_size=8)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with sockets() as (one, other):
        yield one, other


class sockets:  # noqa: N801  used as a function is
    def __enter__(self) -> Pair:
        self.pair = socket.socketpair()
        for end in self.pair:
            end.settimeout(10)
        return self.pair

    def __exit__(self, *_: object) -> None:
        for end in self.pair:
            end.close()


def message(header: dict[str, Any], body: bytes) -> bytes:
    packed = msgspec.msgpack.encode(header)
    return struct.pack("<II", len(packed), len(body)) + packed + body


@given(HEADERS, st.binary(max_size=4096))
def test_what_is_sent_arrives(header: dict[str, Any], body: bytes):
    with sockets() as (one, other):
        wire.send(one, header, body)
        assert wire.receive(other) == (header, body)


def test_messages_arrive_in_order_and_apart(pair: Pair):
    for number in range(9):
        wire.send(pair[0], {"number": number}, b"x" * number)
    assert [wire.receive(pair[1]) for _ in range(9)] == [({"number": n}, b"x" * n) for n in range(9)]


def test_a_message_larger_than_any_buffer_arrives(pair: Pair):
    body = bytes(range(256)) * 40_000
    thread = threading.Thread(target=wire.send, args=(pair[0], {"size": len(body)}, body))
    thread.start()
    assert wire.receive(pair[1]) == ({"size": len(body)}, body)
    thread.join()


@pytest.mark.parametrize("kept", range(len(message({"a": 1}, b"body"))))
def test_a_message_cut_short_anywhere_is_an_error(pair: Pair, kept: int):
    pair[0].sendall(message({"a": 1}, b"body")[:kept])
    pair[0].close()
    with pytest.raises(InferenceError, match="the other side is gone"):
        wire.receive(pair[1])


@pytest.mark.parametrize(
    "lengths", [(wire.QUESTION.header + 1, 0), (0, wire.QUESTION.body + 1), (0xFFFFFFFF, 0xFFFFFFFF)]
)
def test_a_message_larger_than_any_is_refused_before_it_is_read(pair: Pair, lengths: tuple[int, int]):
    pair[0].sendall(struct.pack("<II", *lengths))
    with pytest.raises(InferenceError, match="is no message"):
        wire.receive(pair[1])


@pytest.mark.parametrize(
    "header",
    [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x81\x01\x02", b"\x81\xa1\xff\x01", b"\x91" * 100_000, b"\x80\x80"],
    ids=["empty", "never used", "no mapping", "no name", "no UTF-8", "nested", "two"],
)
def test_a_header_that_is_none_is_an_error(pair: Pair, header: bytes):
    pair[0].sendall(struct.pack("<II", len(header), 0) + header)
    with pytest.raises(InferenceError, match="no header"):
        wire.receive(pair[1])


@given(st.binary(max_size=256))
def test_garbage_is_a_message_or_an_error_and_nothing_else(garbage: bytes):
    with sockets() as (one, other):
        one.sendall(garbage)
        one.close()
        try:
            header, body = wire.receive(other)
        except InferenceError:
            return
        assert isinstance(header, dict)
        assert garbage.endswith(bytes(body)) or garbage.find(bytes(body)) >= 8


@given(HEADERS, st.binary(max_size=64), st.data())
def test_a_message_with_one_byte_wrong_is_a_message_or_an_error_and_nothing_else(header: Any, body: bytes, data: Any):
    spoilt = bytearray(message(header, body))
    spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    with sockets() as (one, other):
        one.sendall(spoilt)
        one.close()
        try:
            found, _ = wire.receive(other)
        except InferenceError:
            return
        assert isinstance(found, dict)


def test_nothing_in_time_is_an_error(pair: Pair):
    pair[1].settimeout(0.01)
    with pytest.raises(InferenceError, match="in time"):
        wire.receive(pair[1])


def test_nobody_who_takes_it_is_an_error(pair: Pair):
    pair[1].close()
    with pytest.raises(InferenceError, match="takes nothing"):
        wire.send(pair[0], {}, b"x")


def test_one_who_takes_nothing_in_time_is_an_error(pair: Pair):
    pair[0].settimeout(0.05)
    with pytest.raises(InferenceError, match="nothing is taken in time"):
        wire.send(pair[0], {}, bytes(1 << 24))


def test_one_who_takes_a_little_now_and_then_has_its_deadline_all_the_same(pair: Pair):
    end = threading.Event()

    def sip() -> None:
        while not end.wait(0.02):
            pair[1].recv(4096)

    thread = threading.Thread(target=sip)
    thread.start()
    start_s = time.monotonic()
    try:
        with pytest.raises(wire.Late, match="nothing is taken in time"):
            wire.send(pair[0], {}, *[bytes(1 << 16)] * 256, until_s=start_s + 0.3)
    finally:
        end.set()
        thread.join()
    assert 0.3 <= time.monotonic() - start_s < 1.0


def test_what_is_wanted_before_now_is_late(pair: Pair):
    wire.send(pair[1], {})
    for ask in (wire.receive, lambda channel, until_s: wire.send(channel, {}, until_s=until_s)):
        with pytest.raises(wire.Late):
            ask(pair[0], until_s=time.monotonic())


def test_a_socket_closed_meanwhile_is_an_error(pair: Pair):
    pair[1].close()
    pair[0].close()
    with pytest.raises(InferenceError):
        wire.receive(pair[0])
    with pytest.raises(InferenceError):
        wire.send(pair[0], {})
