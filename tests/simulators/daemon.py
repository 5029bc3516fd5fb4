"""The real daemon as a process: started, watched from outside, ended; and what else is asked of processes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE_S = 20.0
_LOOK_S = 0.01
_WORKER = "tapetum.inference.worker"


def until(condition: Callable[[], T], seconds: float = PATIENCE_S, what: str = "") -> T:
    """Return what `condition` gives as soon as that is true; fails when it is not so within `seconds`."""
    deadline_s = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"not so after {seconds:g} s: {what or condition}"
        time.sleep(_LOOK_S)
    return found


def alive(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that live."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return [child for child in found if alive(child)]


def workers(pid: int) -> list[int]:
    """The inference workers of the process `pid`."""
    return [child for child in children(pid) if _WORKER in command_line(child)]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def descriptors(pid: int) -> list[str]:
    """What the open files of `pid` are, sorted."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(link.readlink()).split(":")[0])
        except FileNotFoundError:
            continue
    return sorted(found)


def handles(pid: int, number: signal.Signals) -> bool:
    """Whether `pid` has a handler for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(mask & 1 << (number - 1))


def tagged(tag: str) -> list[int]:
    """The living processes in whose environment `tag` stands: all that a daemon started, orphans too."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if tag.encode() in (folder / "environ").read_bytes() and alive(int(folder.name)):
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


class Daemon:
    """`with Daemon(folder, config) as daemon: daemon.status()`; `program` runs in the place of `python -m tapetum`.

    `within` is a command that runs it, in the same process.

    `config` is what its file says beside the device's name, "unit", and the folder of its state.
    """

    def __init__(
        self,
        folder: Path,
        config: str = "",
        *,
        arguments: Sequence[str] = (),
        program: Sequence[str] = ("-m", "tapetum"),
        environment: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.config = folder / "tapetum.toml"
        self.command = [*within, sys.executable, *program, "run", "--config", str(self.config), *arguments]
        self._tag = f"TAPETUM_TEST={uuid.uuid4().hex}"
        self._environment = {**os.environ, **(environment or {}), **dict([self._tag.split("=")])}
        self._process: subprocess.Popen[bytes] | None = None
        self.write(config)

    def write(self, config: str) -> None:
        """Put `config` in the place of the file, with the state in a folder of the test's."""
        self.config.write_text(f'state_dir = {json.dumps(str(self.state))}\ndevice = "unit"\n{config}')

    def __enter__(self) -> "Daemon":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._clear_up()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def status(self) -> dict[str, Any] | None:
        """What it says of itself; None before it does."""
        try:
            found: dict[str, Any] = json.loads((self.state / "status.json").read_bytes())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return found if found["pid"] == self.pid else None

    def until(self, condition: Callable[[dict[str, Any]], T], seconds: float = PATIENCE_S, what: str = "") -> T:
        """Wait until its status fulfils `condition`, while it runs; return what that gave."""

        def fulfilled() -> T | None:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.log}"
            status = self.status()
            return condition(status) if status else None

        try:
            found = until(fulfilled, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\nstatus: {self.status()}\n{self.log}") from None
        assert found is not None
        return found

    def until_open(self, name: str = "room", times: int = 1) -> None:
        """Wait until a camera was opened so many times; the status, written every other second, tells that later."""
        until(lambda: self.log.count(f"camera {name}: opened") >= times, what=f"camera {name} opened {times} times")

    def until_watching(self, *names: str) -> dict[str, Any]:
        """Wait until the cameras `names`, all where none is named, have given frames; return the status."""

        def watching(status: dict[str, Any]) -> dict[str, Any] | None:
            cameras = status["cameras"]
            return status if all(cameras[name]["analysed"] for name in names or cameras) else None

        return self.until(watching)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, seconds: float = PATIENCE_S, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """End it as systemd does; return its exit status and how long it took, seconds."""
        start_s = time.monotonic()
        self.send(number)
        return self.process.wait(seconds), time.monotonic() - start_s

    def wait(self, seconds: float = PATIENCE_S) -> int:
        """Wait for its end; return its exit status."""
        return self.process.wait(seconds)

    def left(self) -> list[str]:
        """The command lines of what it started and that lives, once it has ended."""
        assert self.process.poll() is not None
        return [command_line(pid) for pid in tagged(self._tag)]

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _clear_up(self) -> None:
        self.kill()
        for pid in tagged(self._tag):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
