"""A worker that a model has taken over: whatever it says, the daemon hears an answer or an InferenceError.

The daemon's side is the real one, and so is its socket; at the other end of it is what says anything at all.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapetum.errors import BundleError, InferenceError
from tapetum.inference.accelerators import Cpu
from tapetum.inference.answers import answer
from tapetum.inference.confine import Confinement
from tapetum.inference.contract import Contract, Input, ModelSpec, Probe
from tapetum.inference.decode import Classification
from tapetum.inference.messages import MOST_ROWS, Ready, Setup
from tapetum.inference.model import Crop
from tapetum.inference.probes import check
from tapetum.inference.process import Process
from tests.inference.running import WHOLE

PICTURE = np.zeros((4, 4, 3), np.uint8)
GOOD = [3.0, 0.5, 0.1, 0.2, 0.3, 0.4]
SPEC = ModelSpec("any@1", b"", ("cat", "dog", "cow", "fox"), probes=(Probe(PICTURE, ()),))
NONSENSE = r"^the worker talks nonsense: "
SETUP = Setup(accelerator=Cpu(), min_score=0.3)
CONTRACT = Contract(input=Input(width=4, height=4), decoder=Classification())
Say = Callable[[bytes], Process]


@pytest.fixture(scope="module")
def say() -> Iterator[Say]:
    """Give the daemon's side of a worker that has said those bytes, and died."""
    process = Process(512)
    process.kill()
    with _saying(process) as said:
        yield said


@contextmanager
def _saying(process: Process) -> Iterator[Say]:
    ends: list[socket.socket] = []

    def said(message: bytes) -> Process:
        while ends:
            ends.pop().close()
        process._channel, theirs = socket.socketpair()
        ends.extend([process._channel, theirs])
        theirs.sendall(message)
        theirs.shutdown(socket.SHUT_WR)
        process._batch, process._deadline_s = 0, 5.0
        return process

    yield said
    for end in ends:
        end.close()


def message(header: Any, body: bytes = b"") -> bytes:
    packed = msgspec.msgpack.encode(header)
    return struct.pack("<II", len(packed), len(body)) + packed + body


def reply(*rows: list[float], **changed: object) -> bytes:
    header = {"batch": 1, "counts": [len(rows)], "ms": 1.0} | changed
    return message(header, np.array(rows, np.float32).tobytes())


def changed(place: int, value: float) -> list[float]:
    return [*GOOD[:place], value, *GOOD[place + 1 :]]


def test_what_makes_sense_is_taken(say: Say):
    (rows,), taken_ms = say(reply(GOOD, changed(1, 0.0), [0, 1, 0, 0, 1, 1])).ask([PICTURE])
    assert (rows.shape, taken_ms) == ((3, 6), 1.0)
    assert rows[0].tolist() == pytest.approx(GOOD)


ROWS = {
    **{f"class {number}": changed(0, number) for number in (-500, -1, 1.5, 1e5, 1e30)},
    **{f"score {number}": changed(1, number) for number in (-0.1, 1.1, 1e30)},
    **{f"{number} in place {place}": changed(place, number) for place in range(6)
       for number in (float("nan"), float("inf"), float("-inf"))},
    **{f"edge {number}": changed(place, number) for place, number in ((2, -0.1), (3, -1), (4, 1.1), (5, 2))},
    "from right to left": [3, 0.5, 0.3, 0.2, 0.1, 0.4],
    "upside down": [3, 0.5, 0.1, 0.4, 0.3, 0.2],
    "empty": [3, 0.5, 0.1, 0.2, 0.1, 0.4],
}  # fmt: skip


@pytest.mark.parametrize("what", ROWS)
def test_a_row_that_is_no_detection_is_nonsense(say: Say, what: str):
    with pytest.raises(InferenceError, match=NONSENSE):
        say(reply(GOOD, ROWS[what])).ask([PICTURE])


HEADERS: dict[str, dict[str, object]] = {
    "no batch": {"batch": None},
    "another batch": {"batch": 2},
    "no counts": {"counts": None},
    "counts of another number of pictures": {"counts": [1, 0]},
    "more rows than came": {"counts": [2]},
    "fewer than none": {"counts": [-1]},
    "endless counts": {"counts": [float("inf")]},
    "counts that are text": {"counts": ["1"]},
    "a number for counts": {"counts": 1},
    "no time": {"ms": float("nan")},
    "endless time": {"ms": float("inf")},
    "time before it began": {"ms": -1.0},
    "a time that is text": {"ms": "1"},
    "something more": {"more": 1},
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_that_answers_nothing_is_nonsense(say: Say, what: str):
    with pytest.raises(InferenceError, match=NONSENSE):
        say(reply(GOOD, **HEADERS[what])).ask([PICTURE])


def test_more_rows_than_a_picture_has_are_nonsense(say: Say):
    assert len(say(reply(*[GOOD] * MOST_ROWS)).ask([PICTURE])[0][0]) == MOST_ROWS
    both = {"counts": [MOST_ROWS + 1, MOST_ROWS - 1]}
    with pytest.raises(InferenceError, match=NONSENSE):
        say(reply(*[GOOD] * 2 * MOST_ROWS, **both)).ask([PICTURE, PICTURE])


@pytest.mark.parametrize("lengths", [(64, MOST_ROWS * 24 + 1), (64, 1 << 28), ((1 << 16) + 1, 24)])
def test_a_reply_longer_than_any_is_refused_before_it_is_read(say: Say, lengths: tuple[int, int]):
    process = say(struct.pack("<II", *lengths) + bytes(1000))
    with pytest.raises(InferenceError):
        process.ask([PICTURE])
    assert len(process._channel.recv(2000)) == 1000


@pytest.mark.parametrize("number", [-500.0, -1.0, float("-inf"), 4.0, float("nan"), 1e30])
def test_a_class_without_a_label_has_none_whoever_asks(number: float):
    rows = np.array([changed(0, number)], np.float32)
    assert answer(SPEC, Crop(1, WHOLE, PICTURE), rows, 0.1).detections == ()
    with pytest.raises(BundleError, match=r"a class without a label of 0.50"):
        check(SPEC, "cpu", lambda _: ([rows], 1.0), 0.1)


# What it says in words

EVIL = "\x1b]0;owned\x07 \x9b2J \u202egnp.exe\u2066 two\r\nlines" + "!" * 9000


def harmless(text: str) -> bool:
    return text.isprintable() and "lines" in text and len(text) <= 2100


@pytest.mark.parametrize("kind", ["Unreadable", "Unsuitable", "anything"])
def test_the_reason_of_a_refusal_is_a_plain_line(say: Say, kind: str):
    with pytest.raises((InferenceError, BundleError)) as refused:
        say(message({"refused": EVIL, "kind": kind})).load(SETUP, b"model", 5)
    assert harmless(str(refused.value))


def test_how_it_says_that_it_is_held_is_a_plain_line(say: Say):
    ready = Ready(contract=CONTRACT, classes=4, confinement=Confinement(level=EVIL, lacks=EVIL))
    found = say(message({"ready": msgspec.to_builtins(ready)})).load(SETUP, b"model", 5)
    assert harmless(found.confinement.level)
    assert harmless(found.confinement.lacks)


def test_what_it_names_in_its_nonsense_is_a_plain_line(say: Say):
    with pytest.raises(InferenceError, match=NONSENSE) as nonsense:
        say(reply(GOOD, **{EVIL: 1})).ask([PICTURE])
    assert harmless(str(nonsense.value))


def test_its_last_words_are_a_plain_line():
    """A real process that writes them to its standard error, and dies."""
    process = Process(512)
    read, write = os.pipe()
    try:
        process._errors.close()
        process._errors = open(read, "rb", buffering=0)  # noqa: PTH123, SIM115
        os.write(write, b"ends\x1b[2J\xe2\x80\xae of it\r\nlines")
        os.close(write)
        process._process.kill()
        process._deadline_s = 5.0
        with pytest.raises(InferenceError, match=r"it said: ends\?\[2J\? of it lines$") as died:
            process.ask([PICTURE])
    finally:
        process.kill()
    assert harmless(str(died.value))


# When it says it


@contextmanager
def dripping(message: bytes) -> Iterator[Process]:
    """Give the daemon's side of a worker that says a byte every 20 ms."""
    process, end = Process(512), threading.Event()
    living = process._channel
    process._channel, theirs = socket.socketpair()

    def drip() -> None:
        for place in range(len(message)):
            if end.wait(0.02):
                return
            theirs.sendall(message[place : place + 1])

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield process
    finally:
        end.set()
        thread.join()
        process.kill()
        for channel in (theirs, living):
            channel.close()


def test_an_answer_that_comes_byte_by_byte_has_its_deadline_all_the_same():
    with dripping(reply(*[GOOD] * 30)) as process:
        process._deadline_s = 0.3
        start_s = time.monotonic()
        with pytest.raises(InferenceError, match="no answer in time"):
            process.ask([PICTURE])
        assert 0.3 <= time.monotonic() - start_s < 1.0


def test_so_has_what_it_says_of_its_model():
    with dripping(message({"refused": "x" * 500})) as process:
        start_s = time.monotonic()
        with pytest.raises(InferenceError, match="no answer in time"):
            process.load(SETUP, b"model", 0.3)
        assert 0.3 <= time.monotonic() - start_s < 1.0


# Anything at all

ATOMS = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text() | st.floats() | st.binary()
ANY = st.recursive(ATOMS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
NEARLY = st.fixed_dictionaries(
    {"batch": st.just(1) | ANY, "counts": st.lists(st.integers(-1, 4) | ANY, max_size=3) | ANY, "ms": st.floats() | ANY}
)
NUMBERS = st.lists(st.floats(width=32), max_size=18).map(lambda some: struct.pack(f"<{len(some)}f", *some))
READY = st.fixed_dictionaries({"contract": ANY, "classes": ANY, "confinement": ANY}) | ANY
SAID = st.one_of(
    st.binary(max_size=200),
    st.builds(message, ANY, st.binary(max_size=96)),
    st.builds(message, NEARLY, NUMBERS),
    st.builds(message, st.fixed_dictionaries({"refused": ANY, "kind": ANY}) | st.fixed_dictionaries({"ready": READY})),
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=SAID)
def test_whatever_it_answers_is_detections_or_an_inference_error(say: Say, said: bytes):
    try:
        found, _ = say(said).ask([PICTURE])
    except InferenceError:
        return
    for one in answer(SPEC, Crop(1, WHOLE, PICTURE), found[0], 0.0).detections:
        assert 0 <= one.score <= 1
        assert 0 <= one.box.left < one.box.right <= 1


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=SAID)
def test_whatever_it_says_of_its_model_is_that_or_an_error(say: Say, said: bytes):
    try:
        say(said).load(SETUP, b"model", 5)
    except (InferenceError, BundleError):
        return
