"""What glibc's heap keeps of memory that was freed: little, of what is large and comes seldom.

A model of some megabytes is read, checked and taken apart in several threads. By itself glibc takes the largest block
that was ever freed for one that comes again soon, up to 32 MiB, puts the next one of that size into the heap of its
thread, and leaves twice as much free at the end of each (mallopt(3)): so a daemon that takes an update stays larger by
several models. Another C library may have no such call.
"""

import contextlib
import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD: malloc.h
_LARGE = 2 << 20  # bytes: the planes of a picture of 1920 x 1080 are smaller, most models larger


def bound() -> None:
    """Have blocks of 2 MiB and more given back when they are freed; before threads are started."""
    with contextlib.suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, 2 * _LARGE)  # as glibc would have it for that size
