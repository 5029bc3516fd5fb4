"""What processes take of memory, and what can and cannot move the figures."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tapetum.bench.memory import growth_of, memory_of

pytestmark = pytest.mark.alone

LOADED = "import cv2, numpy, sys"
WAITS = "print('here', flush=True); sys.stdin.readline()"
CHILD = "subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)"


@contextmanager
def python(*code: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a Python with `code`, which prints a line where it has come so far and reads one before it goes on."""
    command = [sys.executable, "-c", "\n".join(code)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        arrived(process)
        yield process
        process.kill()


def arrived(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"


def go_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    arrived(process)


def test_other_pythons_that_come_and_go_move_the_total_and_not_what_tells_of_growth():
    with python(LOADED, WAITS) as measured:
        alone = memory_of(measured.pid)
        with python(LOADED, WAITS), python(LOADED, WAITS):
            beside = memory_of(measured.pid)
        again = memory_of(measured.pid)
    assert beside.pss_mb - beside.anonymous_mb < 0.85 * (alone.pss_mb - alone.anonymous_mb)
    assert again.pss_mb == pytest.approx(alone.pss_mb, rel=0.02)
    assert beside.anonymous_mb == pytest.approx(alone.anonymous_mb, abs=0.1)
    assert again.anonymous_mb == pytest.approx(alone.anonymous_mb, abs=0.1)


def test_what_a_process_allocates_is_growth():
    with python(LOADED, WAITS, "held = b'x' * (20 << 20)", WAITS) as measured:
        before = memory_of(measured.pid)
        go_on(measured)
        after = memory_of(measured.pid)
    assert after.anonymous_mb - before.anonymous_mb == pytest.approx(20, abs=1)
    assert after.pss_mb - before.pss_mb == pytest.approx(20, abs=3)


def test_what_a_process_starts_counts_as_its_own():
    code = f"import sys; held = b'x' * (20 << 20); {WAITS}"
    start = f"child = {CHILD}; child.stdout.readline(); {WAITS}"
    with python("import subprocess, sys", f"code = {code!r}", WAITS, start) as measured:
        before = memory_of(measured.pid)
        go_on(measured)
        after = memory_of(measured.pid)
    assert after.anonymous_mb - before.anonymous_mb > 20


def test_a_process_that_is_gone_takes_nothing():
    with python(LOADED, WAITS) as measured:
        measured.kill()
        measured.wait()
        gone = memory_of(measured.pid)
    assert (gone.pss_mb, gone.anonymous_mb) == (0, 0)


def test_growth_is_from_the_second_quarter_to_the_last():
    seen = [(10, 70.0), (25, 100.0), (49, 100.0), (60, 500.0), (75, 101.0), (99, 102.0), (110, 103.0)]
    assert growth_of(seen, 100) == pytest.approx(0.02)


def test_where_a_quarter_holds_no_sample_no_growth_is_told():
    assert growth_of([(30, 100.0)], 100) is None
    assert growth_of([(100, 100.0)], 100) is None
