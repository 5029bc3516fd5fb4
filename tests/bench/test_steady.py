"""Nothing is left as a measurement had it."""

import gc

import cv2
import pytest

from tapetum.bench.steady import one_thread, uncollected


def test_threads_and_garbage_are_as_they_were_whatever_happens():
    threads = cv2.getNumThreads()
    with pytest.raises(ZeroDivisionError), one_thread(), uncollected():
        1 / (cv2.getNumThreads() - 1 + gc.isenabled())
    assert (cv2.getNumThreads(), gc.isenabled()) == (threads, True)


def test_what_was_not_collected_before_is_not_after():
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
