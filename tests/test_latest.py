"""Between a camera and its analysis the newest picture wins, and nobody waits for ever."""

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.latest import Latest

DEADLINE_S = 20.0


def in_a_thread(body: Callable[[], object]) -> threading.Thread:
    """Run `body` in a thread that the test may join."""
    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> bool:
    """Wait for `thread`; whether it has ended."""
    thread.join(DEADLINE_S)
    return not thread.is_alive()


def test_what_was_put_is_taken_once() -> None:
    box: Latest[int] = Latest()
    box.put(1)
    assert box.waiting()
    assert box.take(0) == 1
    assert not box.waiting()
    assert box.take(0) is None
    assert box.dropped == 0


@given(st.lists(st.one_of(st.integers(1, 5), st.none()), max_size=30))
def test_the_newest_wins_and_every_other_is_counted(steps: list[int | None]) -> None:
    box: Latest[int] = Latest()
    offered, taken, newest, number = 0, [], None, 0
    for step in steps:
        for _ in range(step or 0):
            number += 1
            box.put(number)
            offered, newest = offered + 1, number
        if step is None:
            found = box.take(0)
            assert found == newest
            taken += [found] if found else []
            newest = None
    assert taken == sorted(set(taken))
    assert box.dropped == offered - len(taken) - box.waiting()


def test_a_falsy_item_is_an_item() -> None:
    box: Latest[int] = Latest()
    box.put(0)
    assert box.waiting()
    assert box.take(0) == 0


def test_a_reader_gets_what_comes_while_it_waits() -> None:
    box: Latest[str] = Latest()
    found: list[str | None] = []
    reader = in_a_thread(lambda: found.append(box.take(DEADLINE_S)))
    box.put("picture")
    assert ended(reader)
    assert found == ["picture"]


def test_a_reader_of_an_empty_box_gets_nothing_after_its_time() -> None:
    box: Latest[str] = Latest()
    start_s = time.monotonic()
    assert box.take(0.05) is None
    assert 0.04 < time.monotonic() - start_s < DEADLINE_S


def test_a_lossless_writer_and_a_slow_reader_lose_nothing() -> None:
    box: Latest[int] = Latest()
    count = 2_000
    writer = in_a_thread(lambda: [box.put(number, wait=True) for number in range(count)])
    assert [box.take(DEADLINE_S) for _ in range(count)] == list(range(count))
    assert ended(writer)
    assert box.dropped == 0


def test_a_hasty_writer_is_never_held_up_and_the_last_item_arrives() -> None:
    box: Latest[int] = Latest()
    count, taken = 20_000, []

    def read() -> None:
        while (item := box.take(DEADLINE_S)) is not None:
            taken.append(item)
            if item == count:
                return

    reader = in_a_thread(read)
    for number in range(1, count + 1):
        box.put(number)
    assert ended(reader)
    assert taken == sorted(set(taken))
    assert box.dropped == count - len(taken)


@pytest.mark.parametrize("wait", [True, False])
def test_closing_wakes_a_reader_and_a_waiting_writer(wait: bool) -> None:
    empty: Latest[int] = Latest()
    full: Latest[int] = Latest()
    full.put(1)
    found: list[int | None] = []
    reader = in_a_thread(lambda: found.append(empty.take(1e6)))
    writer = in_a_thread(lambda: full.put(2, wait=wait))
    for box in (empty, full):
        assert not box.closed
        box.close()
        assert box.closed
    assert ended(reader)
    assert ended(writer)
    assert found == [None]


def test_what_lies_in_a_closed_box_can_still_be_taken() -> None:
    box: Latest[int] = Latest()
    box.put(1)
    box.close()
    assert box.take(1e6) == 1
    assert box.take(1e6) is None


def test_closing_twice_is_allowed_and_who_comes_later_does_not_wait() -> None:
    box: Latest[int] = Latest()
    box.close()
    box.close()
    assert box.take(1e6) is None
    box.put(1, wait=True)
    box.put(2, wait=True)
    assert box.take(1e6) == 2
