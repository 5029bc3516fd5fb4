"""Models made to do harm: whatever is in them, the daemon goes on, and nothing is opened, connected or started.

Each mutant of a real model goes through a worker of its own, locked in as always, in which every call that is not
allowed ends the process: so that one which would have opened a file is counted, too. The positive control is native
code in the place of a hostile model's, a delegate that really tries.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tapetum.errors import InferenceError
from tapetum.inference import wire
from tapetum.inference.accelerators import Accelerator, Cpu, Delegate
from tapetum.inference.messages import Setup
from tapetum.inference.process import Crashed, Process
from tapetum.inference.settings import Inference
from tests.inference.conftest import ASKS_FOR_MORE, Picture
from tests.simulators.daemon import descriptors, until

MUTANTS = 300
LIMIT_MB = 1024
ANSWER_S = 20.0


class Nursery:
    """Workers, each with one model; `outcome` says what became of it."""

    def __init__(self, *arguments: str) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.inference.nursery", str(LIMIT_MB), str(theirs.fileno()), *arguments]
            self.process = subprocess.Popen(
                command, pass_fds=(theirs.fileno(),), stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
            )
        self._control.settimeout(60)

    def outcome(self, content: bytes, picture: Picture, accelerator: Accelerator | None = None) -> str:
        """Return "answered", "refused", "hung", or the signal or status that a worker ended with over `content`."""
        self._control.sendall(b"x")
        told, found, _, _ = socket.recv_fds(self._control, 16, 1)
        said = "hung"
        with socket.socket(fileno=found[0]) as channel:
            channel.settimeout(ANSWER_S)
            with suppress(wire.Late):
                said = self._asked(channel, content, picture, accelerator or Cpu())
            if said == "hung":
                os.kill(int(told), signal.SIGKILL)
        status = int(self._control.recv(5))
        if said == "died":
            return signal.Signals(-status).name if status < 0 else f"status {status}"
        return said

    def _asked(self, channel: socket.socket, content: bytes, picture: Picture, accelerator: Accelerator) -> str:
        try:
            wire.send(channel, msgspec.to_builtins(Setup(accelerator=accelerator, min_score=0.3)))
            wire.send(channel, {}, content)
            reply, _ = wire.receive(channel)
            if "refused" in reply:
                return "refused"
            wire.send(channel, {"batch": 1, "count": 1}, picture.tobytes())
            wire.receive(channel)
        except wire.Late:
            raise
        except InferenceError:
            return "died"
        return "answered"


@contextmanager
def nursery(*arguments: str) -> Iterator[Nursery]:
    found = Nursery(*arguments)
    try:
        yield found
    finally:
        found._control.close()
        found.process.wait(30)


def mutant(content: bytes, seed: int) -> bytes:
    """Return `content` spoilt: a few bytes of its structure or anywhere changed, cut off, or parts of it swapped."""
    random = np.random.default_rng(seed)
    data = np.frombuffer(content, np.uint8).copy()
    structure = len(data) - 40_000  # a flatbuffer of TFLite's converter ends with its tables
    match seed % 5:
        case 0:
            places = random.integers(structure, len(data), 1 + seed % 3)
            data[places] = random.integers(0, 256, len(places))
        case 1:
            places = random.integers(structure, len(data), 1 + seed % 8)
            data[places] ^= (1 << random.integers(0, 8, len(places))).astype(np.uint8)
        case 2:
            return content[: random.integers(0, len(content))]
        case 3:
            size = int(random.integers(1, 64))
            source, target = random.integers(structure, len(data) - size, 2)
            data[target : target + size] = data[source : source + size].copy()
        case _:
            place = int(random.integers(structure // 4, len(data) // 4)) * 4  # an offset or a length
            data[place : place + 4] = np.frombuffer(np.uint32(random.integers(0, 2**32)).tobytes(), np.uint8)
    return data.tobytes()


@ASKS_FOR_MORE
@pytest.mark.parametrize(
    "count",
    [
        pytest.param(MUTANTS, marks=pytest.mark.timeout(600)),
        pytest.param(5000, marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
    ],
    ids=["few", "many"],
)
def test_no_spoilt_model_opens_connects_or_starts_anything_or_harms_more_than_its_worker(
    ssd: Inference, picture: Picture, count: int
):
    content = Path(ssd.model).read_bytes()
    before = descriptors(os.getpid())
    start_s = time.monotonic()
    with nursery("strict") as workers:
        assert workers.outcome(content, picture) == "answered"
        found = Counter(workers.outcome(mutant(content, seed), picture) for seed in range(count))
        assert workers.outcome(content, picture) == "answered"
    print(f"\n{count} mutants in {time.monotonic() - start_s:.0f} s: {dict(found)}")
    assert found["SIGSYS"] == 0, "none tried what is forbidden"
    assert found["refused"] > count / 5
    assert found["answered"] > count / 20
    assert set(found) <= {
        "answered",
        "refused",
        "hung",
        "status 1",
        "SIGSEGV",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
    }
    assert descriptors(os.getpid()) == before


# The positive control: native code that really tries, where a hostile model's would run


def trying(library: Path, target: Path, what: str, at: str, after: int = 0) -> Delegate:
    options = {"fault": what, "at": at, "target": str(target), "after": str(after)}
    return Delegate(library=str(library), options=options)


ATTEMPTS = ("open", "socket", "fork", "exec")


@pytest.mark.parametrize("what", ATTEMPTS)
@pytest.mark.parametrize("at", ["prepare", "invoke"])
def test_native_code_that_runs_with_a_model_cannot_do_it(
    ssd: Inference, library: Path, picture: Picture, tmp_path: Path, what: str, at: str
):
    target = tmp_path / "made"
    process = Process(2048)
    ended = ""
    try:
        process.load(Setup(accelerator=trying(library, target, what, at), min_score=0.3), Path(ssd.model).read_bytes())
        process.ask([picture])
    except Crashed as error:
        ended = str(error)
    finally:
        process.kill()
    time.sleep(0.05)  # for a child that should not be
    assert not target.exists()
    assert ended == ("" if what == "open" else "the worker died (SIGSYS: it tried what is forbidden to it)")


@pytest.mark.parametrize("what", ATTEMPTS)
def test_before_the_lock_the_same_code_does_it(
    ssd: Inference, library: Path, picture: Picture, tmp_path: Path, what: str
):
    target = tmp_path / "made"
    process = Process(2048)
    try:
        setup = Setup(accelerator=trying(library, target, what, "create"), min_score=0.3)
        with suppress(InferenceError):  # one that becomes another program answers no more
            process.load(setup, Path(ssd.model).read_bytes())
        deadline_s = time.monotonic() + 5
        while not target.exists() and time.monotonic() < deadline_s:
            time.sleep(0.01)
    finally:
        process.kill()
    assert target.exists()


@pytest.mark.parametrize("what", ATTEMPTS)
def test_the_counter_of_mutants_counts_it(ssd: Inference, library: Path, picture: Picture, tmp_path: Path, what: str):
    content, target = Path(ssd.model).read_bytes(), tmp_path / "made"
    with nursery("strict") as workers:
        assert workers.outcome(content, picture, trying(library, target, what, "invoke")) == "SIGSYS"
        assert workers.outcome(content, picture, trying(library, target, "crash", "invoke")) == "SIGSEGV"
    assert not target.exists()


def test_a_worker_that_answers_is_filtered_and_holds_its_socket_its_errors_and_nothing_else(
    ssd: Inference, picture: Picture
):
    process = Process(2048)
    try:
        process.load(Setup(accelerator=Cpu(), min_score=0.3), Path(ssd.model).read_bytes())
        process.ask([picture])  # it has closed what it held for the load
        status = Path(f"/proc/{process.pid}/status").read_text()
        held = descriptors(process.pid)
    finally:
        process.kill()
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
    assert held == ["/dev/null", "/dev/null", "pipe", "socket"]


def test_a_worker_gets_of_the_environment_what_it_needs_and_no_secret(monkeypatch: pytest.MonkeyPatch):
    for name in ("BROKER_PASSWORD", "AWS_SECRET_ACCESS_KEY", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "LD_PRELOADED"):
        monkeypatch.setenv(name, "secret")
    for name in ("LC_CTYPE", "LD_LIBRARY_PATH", "VK_ICD_FILENAMES", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, "/needed")
    process = Process(2048)
    try:
        told = Path(f"/proc/{process.pid}/environ")
        until(told.read_bytes, what="the kernel has set it up")  # Popen returns a moment earlier
        given = told.read_bytes().decode().split("\0")
    finally:
        process.kill()
    assert not [one for one in given if one.endswith("=secret")]
    assert sum(one.endswith("=/needed") for one in given) == 4
    assert {"OMP_NUM_THREADS=1", f"PATH={os.environ['PATH']}"} <= set(given)
