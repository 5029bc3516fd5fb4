"""The end of what a process has started: threads that are waited for, and processes that are not."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path


def ended(seconds: float, threads: Iterable[threading.Thread]) -> list[threading.Thread]:
    """Wait for `threads` to end, `seconds` for all of them together; return those that did not."""
    deadline_s = time.monotonic() + seconds
    left = []
    for thread in threads:
        thread.join(max(0.0, deadline_s - time.monotonic()))
        if thread.is_alive():
            left.append(thread)
    return left


def kill_children() -> None:
    """Kill what threads that are left behind have started, with all of its process group, as a camera's command is."""
    for children in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it has just ended
            for pid in map(int, children.read_text(encoding="ascii").split()):
                leads = os.getpgid(pid) == pid
                (os.killpg if leads else os.kill)(pid, signal.SIGKILL)
