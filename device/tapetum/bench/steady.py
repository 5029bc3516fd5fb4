"""What keeps figures from depending on how many cores there are, and on when Python tidies up."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def one_thread() -> Iterator[None]:
    """Let OpenCV use one thread, as the daemon does."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


@contextmanager
def uncollected() -> Iterator[None]:
    """Let no garbage be collected, which would fall on whoever is timed then."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
