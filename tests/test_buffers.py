"""A frame's memory is used again when nobody looks at it any more, and never before."""

import threading
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tapetum.buffers import BufferPool, FollowingPool

SHAPE = (8, 6)


@dataclass
class Holder:
    """Somebody who keeps an array, or a part of it, and the number that he wrote into it."""

    array: NDArray[np.uint8] | memoryview
    number: int

    def is_untouched(self) -> bool:
        return bool((np.asarray(self.array) == self.number).all())


def views(array: NDArray[np.uint8]) -> list[NDArray[np.uint8] | memoryview]:
    """Return the ways in which somebody may look at a frame."""
    return [array, array[2:5, 1:], array[::2].T, array.reshape(-1)[3:], memoryview(array), array[:1].view(np.uint8)]


@given(st.lists(st.one_of(st.integers(0, 5), st.tuples(st.integers(0, 20))), max_size=60))
def test_what_somebody_still_looks_at_is_never_handed_out_again(steps: list[int | tuple[int]]) -> None:
    pool, held = BufferPool(SHAPE), []
    for number, step in enumerate(steps, 1):
        if isinstance(step, int):
            array = pool.take()
            array[:] = number
            held.append(Holder(views(array)[step], number))
            del array
        elif held:
            held.pop(step[0] % len(held))
        assert all(holder.is_untouched() for holder in held)
    assert len(pool) <= sum(isinstance(step, int) for step in steps)


@given(st.integers(1, 6), st.integers(1, 30))
def test_no_more_arrays_are_made_than_are_held_at_once(at_once: int, rounds: int) -> None:
    pool = BufferPool(SHAPE)
    held = []
    for _ in range(rounds):
        held = held[-(at_once - 1) :] if at_once > 1 else []
        held.append(pool.take())
    assert len(pool) <= at_once


def test_an_array_let_go_is_the_next_one_given() -> None:
    pool = BufferPool(SHAPE)
    place = pool.take().ctypes.data
    assert pool.take().ctypes.data == place
    assert len(pool) == 1


def test_an_array_is_of_the_shape_and_type_that_were_asked_for() -> None:
    array = BufferPool(SHAPE).take()
    assert (array.shape, array.dtype, array.flags.c_contiguous) == (SHAPE, np.uint8, True)


def test_a_reader_in_another_thread_keeps_its_array_until_it_lets_go() -> None:
    pool = BufferPool(SHAPE)
    look, done, wrong = threading.Event(), threading.Event(), []

    def reader(holders: list[Holder]) -> None:
        look.set()
        while not done.is_set():
            wrong.extend(holder.number for holder in holders if not holder.is_untouched())
        holders.clear()

    array = pool.take()
    array[:] = 255
    thread = threading.Thread(target=reader, args=([Holder(array[1:], 255)],), daemon=True)
    del array
    thread.start()
    assert look.wait(20)
    for number in range(200):
        pool.take()[:] = number
    done.set()
    thread.join(20)
    assert not wrong
    assert len(pool) == 2


def test_arrays_follow_the_shape_of_the_pictures_and_can_be_written() -> None:
    pool = FollowingPool()
    first = pool.take((4, 6))
    first.flags.writeable = False
    place = first.ctypes.data
    del first
    again = pool.take((4, 6))
    assert (again.ctypes.data, again.flags.writeable) == (place, True)
    assert pool.take((8, 3)).shape == (8, 3)
