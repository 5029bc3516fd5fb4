"""Frame-sized arrays that are used again instead of allocated again."""

import sys

import numpy as np

from tapetum.scene import Plane

_OWN_REFERENCES = 3
"""CPython's count for an array nobody else holds: the pool's list, the loop's name, the call's argument."""


class BufferPool:
    """Arrays of one shape; one is free again as soon as nobody outside the pool refers to it or to a view of it.

    Nobody has to give anything back, so nothing can be given back twice or too early: CPython's reference count says
    who still looks. One pool belongs to one thread; its arrays may be read, and let go, by any.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._buffers: list[Plane] = []

    def take(self) -> Plane:
        """Return a uint8 array of the pool's shape with undefined content, valid for as long as it is referred to."""
        for buffer in self._buffers:
            if sys.getrefcount(buffer) <= _OWN_REFERENCES:
                return buffer
        self._buffers.append(np.empty(self._shape, np.uint8))
        return self._buffers[-1]

    def __len__(self) -> int:
        """Return how many arrays were ever needed at once."""
        return len(self._buffers)


class FollowingPool:
    """A pool whose arrays change their shape with the camera's pictures; those of an earlier shape are let go."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._pool = BufferPool(())

    def take(self, shape: tuple[int, ...]) -> Plane:
        """Return a uint8 array of `shape` that can be written, as `BufferPool.take` does."""
        if shape != self._shape:
            self._shape, self._pool = shape, BufferPool(shape)
        buffer = self._pool.take()
        buffer.flags.writeable = True
        return buffer
