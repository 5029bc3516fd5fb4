"""The machine's clock: intervals that never jump, wall time to date alerts, and whether that can be trusted."""

import ctypes
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from tapetum.clock import SystemClock

CLOCK = SystemClock()


def test_time_is_that_since_boot_and_never_goes_back() -> None:
    times = [CLOCK.now_ns() for _ in range(1_000)]
    assert times == sorted(times)
    assert times[0] <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) < times[0] + 20e9


def test_an_instant_has_the_wall_time_that_it_had() -> None:
    before, now_ns, after = datetime.now(UTC), CLOCK.now_ns(), datetime.now(UTC)
    tolerance = timedelta(milliseconds=50)  # the two clocks are read one after the other
    assert before - tolerance <= CLOCK.utc(now_ns) <= after + tolerance
    hour_ago = CLOCK.utc(now_ns - 3_600_000_000_000)
    assert before - timedelta(hours=1) - tolerance <= hour_ago <= after - timedelta(hours=1) + tolerance
    assert CLOCK.utc(now_ns).utcoffset() == timedelta(0)


def test_synced_is_what_the_kernel_says_of_the_clock_s_error() -> None:
    class NtpTime(ctypes.Structure):
        """struct ntptimeval (sys/timex.h), another way to the kernel's figures."""

        _fields_ = (
            ("s", ctypes.c_long),
            ("us", ctypes.c_long),
            ("maxerror", ctypes.c_long),
            ("rest", ctypes.c_long * 8),
        )

    found = NtpTime()
    if ctypes.CDLL(None).ntp_gettime(ctypes.byref(found)) < 0:
        pytest.skip("this system lets nobody ask how good its clock is")
    assert CLOCK.synced() is (found.maxerror < 16_000_000)


def test_waiting_ends_with_its_event_or_with_its_time() -> None:
    event = threading.Event()
    start_s = time.monotonic()
    assert CLOCK.wait(event, 0.05) is False
    assert time.monotonic() - start_s > 0.04
    assert CLOCK.wait(event, -1) is False
    threading.Timer(0.01, event.set).start()
    assert CLOCK.wait(event, 1e6) is True
    assert CLOCK.wait(event, 0) is True
