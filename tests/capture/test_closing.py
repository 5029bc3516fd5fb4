"""Letting a source go while it may be read from."""

import threading

import pytest

from tapetum.capture.closing import Closing
from tapetum.errors import SourceError
from tests.capture.conftest import Reader


def test_what_nobody_reads_is_freed_at_once_and_once() -> None:
    freed: list[int] = []
    closing = Closing("door", lambda: freed.append(1))
    closing.close()
    closing.close()
    assert freed == [1]


def test_what_is_being_read_is_freed_by_its_reader() -> None:
    freed: list[str] = []
    inside, leave = threading.Event(), threading.Event()
    closing = Closing("door", lambda: freed.append(threading.current_thread().name))

    def read() -> None:
        with closing.reading():
            inside.set()
            leave.wait(5)

    reader = Reader(read)
    assert inside.wait(5)
    closing.close()
    assert freed == [], "not under the reader's hands"
    leave.set()
    reader.join(5)
    assert freed == [reader.name]


def test_a_reader_that_fails_frees_it_too() -> None:
    freed: list[int] = []
    closing = Closing("door", lambda: freed.append(1))

    def fail() -> None:
        with closing.reading():
            closing.close()
            assert freed == []
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert freed == [1]


def test_who_reads_what_was_closed_is_told_its_name() -> None:
    closing = Closing("camera 3", lambda: None)
    closing.close()
    with pytest.raises(SourceError, match="camera 3: was closed"), closing.reading():
        pass


def test_however_closing_and_reading_meet_it_is_freed_once_and_never_during_a_read() -> None:
    for _ in range(50):
        state = {"reading": False, "freed": 0, "clash": False}

        def free(state: dict[str, int | bool] = state) -> None:
            state["freed"] += 1
            state["clash"] |= bool(state["reading"])

        closing = Closing("door", free)

        def read(state: dict[str, int | bool] = state, closing: Closing = closing) -> None:
            while True:
                with closing.reading():
                    state["reading"] = True
                    state["reading"] = False

        reader = Reader(read)
        closing.close()
        reader.join(5)
        assert isinstance(reader.result, SourceError)
        assert state == {"reading": False, "freed": 1, "clash": False}
