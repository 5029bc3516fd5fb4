"""Kills what changes the slots at every step that it takes: `python -m tests.store.killed FOLDER`.

For each line of `tapetum.store` and `tapetum.durable` that runs, a process is forked that begins anew and kills itself
(SIGKILL) right there; then what it leaves is looked at. Prints how many steps each change took.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from tapetum import durable, store
from tapetum.record import Install, Record, State
from tapetum.store import Store
from tests.store.making import TRIAL, packed

BEFORE = Record("street@2", "street@1", None, TRIAL, "earlier")
AFTER = BEFORE.begun(Install(State.SHADOW, "street@3", wish="later")).activated(TRIAL, State.TRIAL)
COMING = packed(3)


def prepared(folder: Path) -> Store:
    """Two slots, the second of which is active; a third that nobody needs any more."""
    found = Store(folder)
    found.install(packed(1))
    found.keep(Record("street@1"))
    found.install(packed(2))
    found.keep(BEFORE)
    found.path("street@9").write_bytes(packed(9))
    return found


CHANGES: dict[str, Callable[[Store], object]] = {
    "install": lambda found: found.install(COMING),
    "keep": lambda found: found.keep(AFTER),
    "want": lambda found: found.want("street@1"),
}


def killed_at(step: int, change: Callable[[], object]) -> bool:
    """Let a process make the change and kill itself at that step; False: it came to its end before."""
    pid = os.fork()
    if pid == 0:
        sys.settrace(tracer(step))
        change()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, status
    return os.WIFSIGNALED(status)


def tracer(step: int) -> Callable[[FrameType, str, Any], Any]:
    left = step

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in (store.__file__, durable.__file__):
            return None
        left -= event == "line"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def look(name: str, folder: Path) -> None:
    """Whatever was cut off: all slots are whole, one of them is active, and the change can be made again."""
    found = Store(folder)
    record = found.record()
    assert record in ((BEFORE, AFTER) if name == "keep" else (BEFORE,)), record
    for slot in found.slots():
        assert found.open(slot).name == slot
    assert {"street@1", "street@2"} <= set(found.slots())
    assert found.wish().model in ("", "street@1")
    CHANGES[name](found)
    if name == "install":
        assert found.slots() == ["street@1", "street@2", "street@3"]
        assert not list(folder.glob("*.part"))
    else:
        assert (found.record() == AFTER) if name == "keep" else (found.wish().model == "street@1")


def main(folder: Path) -> None:
    """Try all; print a line for each change."""
    prepared(folder / "before")
    for name, change in CHANGES.items():
        step, killed = 0, True
        while killed:
            step += 1
            state = folder / f"{name}{step}"
            shutil.copytree(folder / "before", state)
            killed = killed_at(step, lambda change=change, state=state: change(Store(state)))  # type: ignore[misc]
            look(name, state)
        print(name, step - 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
