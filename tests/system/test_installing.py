"""Another model comes to a running daemon under load: in seconds, no picture is missed, labels go on, memory stays.

`scripts/test tests/system/test_installing.py -s` prints what it came to; `-m long` holds it to what is promised, pushed
from the desk too, on a machine that does nothing else.
"""

import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from tapetum import bundle, data
from tapetum.inference.contract import ModelSpec
from tapetum.record import State
from tapetum_trainer.pack import pack
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import CURIOUS, ROOM, STREET, Subscriber, camera, reached_at
from tests.system.test_models import Device, missed, noted
from tests.system.test_push import Desk, enroll

pytestmark = pytest.mark.system
WAY = [State.VERIFIED, State.TESTED, State.SHADOW, State.TRIAL, State.COMMITTED]
_LOAD = f"{camera(STREET, more=CURIOUS)}{camera(STREET, 'second', CURIOUS)}{camera(ROOM, 'drawn')}"
"""Two cameras whose models are asked as often as they answer, and one that is drawn."""
_MANY = 5  # models, one after another
_SETTLES_S = 40


def shipped(version: int) -> ModelSpec:
    return replace(bundle.open(data.detector()).spec(), name=f"good@{version}")


def of_four_mib(spec: ModelSpec) -> bytes:
    """Return the bundle of the model, with a card that fills it up to 4 MiB."""
    plain = len(pack(spec, bundle.Provenance(licence="none"), {}, card="#"))
    return pack(spec, bundle.Provenance(licence="none"), {}, card="#" * ((4 << 20) - plain + 1))


class Memory:
    """The resident set of a process over time, MiB."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.seen: list[tuple[float, float]] = []

    def look(self) -> None:
        text = Path(f"/proc/{self._pid}/status").read_text()
        self.seen.append((time.monotonic(), int(text.partition("VmRSS:")[2].split()[0]) / 1024))

    def lately(self) -> float:
        """Return what it was in the last three seconds, the median."""
        now_s = time.monotonic()
        return statistics.median(self.between(now_s - 3, now_s))

    def between(self, since_s: float, until_s: float) -> list[float]:
        return [size for at_s, size in self.seen if since_s <= at_s < until_s]


@contextmanager
def watched_memory(pid: int) -> Iterator[Memory]:
    memory, stop = Memory(pid), threading.Event()

    def watch() -> None:
        while not stop.wait(0.05):
            memory.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        stop.set()
        thread.join()


@dataclass
class Figures:
    """What an installing under load came to. on_trial_s: after the command; pauses: the longest between two answers."""

    on_trial_s: float
    missed: tuple[int, int]
    came: tuple[int, int]
    pauses: tuple[float, float]
    before_mib: float
    peak_mib: float
    after_mib: float

    def __str__(self) -> str:
        return f"""on trial {self.on_trial_s:.2f} s after the command
pictures missed: {self.missed[0]} of {self.came[0]} before, {self.missed[1]} of {self.came[1]} since
longest pause between two answers: {self.pauses[0]:.2f} s before, {self.pauses[1]:.2f} s since
RSS of the daemon: {self.before_mib:.1f} MiB, at most {self.peak_mib:.1f} meanwhile, {self.after_mib:.1f} after"""


@dataclass
class Loaded:
    """A device under load, a daemon that notes what it does, and a bundle of 4 MiB that is to come."""

    device: Device
    subscriber: Subscriber
    notes: Path
    coming: Path

    @property
    def states(self) -> list[str]:
        return self.states_of("good@2")

    def states_of(self, model: str) -> list[str]:
        return [told["state"] for told in self.subscriber.all("model/event") if told["model"] == model]

    def takes(self, version: int) -> None:
        """Have this version of the model installed in the daemon, which runs, and come through its trial."""
        self.coming.write_bytes(of_four_mib(shipped(version)))
        assert self.device.models("install", self.coming, "--activate").returncode == 0
        until(lambda: State.COMMITTED in self.states_of(f"good@{version}"), 40, "it has come through its trial")

    def measured(self, install: Callable[[], "subprocess.CompletedProcess[str]"]) -> Figures:
        """Have the bundle installed in the daemon, which runs, and come through its trial."""
        with watched_memory(self.device.daemon.pid) as memory:
            until(lambda: len(noted(self.notes, "answer")) > 150, 60)
            began_s = time.monotonic()
            done = install()
            assert done.returncode == 0, done.stdout + done.stderr
            on_trial_s = time.monotonic() - began_s
            assert State.TRIAL in self.states
            until(lambda: State.COMMITTED in self.states, 40, "it has come through its trial")
            ended_s = time.monotonic()
            time.sleep(3)
        frames = [noted(self.notes, name) for name in ("room", "second", "drawn")]
        earlier = [[int(seq) for at_s, seq in one if at_s < began_s] for one in frames]
        since = [[int(seq) for at_s, seq in one if at_s >= began_s] for one in frames]
        return Figures(
            on_trial_s=on_trial_s,
            missed=(sum(map(missed, earlier)), sum(map(missed, since))),
            came=(sum(map(len, earlier)), sum(map(len, since))),
            pauses=(self._pause(0, began_s - 0.5), self._pause(began_s - 0.5, float("inf"))),
            before_mib=statistics.median(memory.between(began_s - 3, began_s)),
            peak_mib=max(memory.between(began_s, ended_s)),
            after_mib=statistics.median(memory.between(ended_s, float("inf"))),
        )

    def _pause(self, since_s: float, until_s: float) -> float:
        answers = [at_s for at_s, _ in noted(self.notes, "answer")]
        return max(later - sooner for sooner, later in pairwise(answers) if since_s <= sooner < until_s)


@pytest.fixture
def loaded(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> Loaded:
    """A device that was not started, with a good model active."""
    notes, coming = tmp_path / "notes", tmp_path / "coming.tapetum"
    settings = '[trial]\nshadow_s = 1\ntrial_s = 15\n[update]\nclock = "any"\n'
    program = ("-m", "tests.system.watched", str(notes))
    device = Device(tmp_path, Daemon(tmp_path, reached_at(broker.port) + settings + _LOAD, program=program))
    device.has(shipped(1))
    coming.write_bytes(of_four_mib(shipped(2)))
    return Loaded(device, subscriber, notes, coming)


@pytest.mark.alone
@pytest.mark.timeout(240)
def test_a_model_takes_its_place_and_no_camera_waits_for_it(loaded: Loaded):
    with loaded.device.daemon:
        found = loaded.measured(lambda: loaded.device.models("install", loaded.coming, "--activate"))
    print(f"{loaded.coming.stat().st_size} bytes by a command: {found}")
    assert loaded.states == WAY
    assert [model for model, _ in groupby(model for _, model in noted(loaded.notes, "answer"))] == ["good@1", "good@2"]
    assert found.peak_mib - found.before_mib < 40
    assert found.after_mib - found.before_mib < 10
    shares = [missed / came for missed, came in zip(found.missed, found.came, strict=True)]
    assert shares[1] <= 2 * shares[0] + 0.1, "where the machine has much else to do, some are missed without it too"
    assert found.pauses[1] < found.pauses[0] + 2


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", ["by a command", "by a push"])
def test_a_model_takes_its_place_in_five_seconds_and_no_picture_is_missed(tmp_path: Path, loaded: Loaded, how: str):
    desk = Desk(tmp_path, loaded.subscriber.port)
    ways = {
        "by a command": lambda: loaded.device.models("install", loaded.coming, "--activate"),
        "by a push": lambda: desk.run("push", str(loaded.coming), "--to", "unit", "--wait", "60"),
    }
    with loaded.device.daemon as daemon:
        assert enroll(daemon, desk.root).returncode == 0
        found = loaded.measured(ways[how])
    print(f"{loaded.coming.stat().st_size} bytes {how}: {found}")
    assert loaded.states[-len(WAY) :] == WAY
    assert found.on_trial_s < 5
    assert found.missed[1] == 0
    assert found.pauses[1] < 0.5
    assert found.peak_mib - found.before_mib < 40


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_what_a_model_took_of_memory_comes_back_however_many_come(loaded: Loaded):
    """It rises a little by itself in its first minutes: that is waited for first, and the rest of it is allowed for."""
    with loaded.device.daemon as daemon, watched_memory(daemon.pid) as memory:
        until(lambda: len(noted(loaded.notes, "answer")) > 150, 60)
        time.sleep(_SETTLES_S)
        sizes = [memory.lately()]
        for version in range(2, 2 + _MANY):
            loaded.takes(version)
            time.sleep(_SETTLES_S / 4)
            sizes.append(memory.lately())
    print("RSS of the daemon before, and after each of the models:", *(f"{size:.1f}" for size in sizes), "MiB")
    assert sizes[-1] - sizes[0] < 6, f"{_MANY} models of 3 MiB came"
    assert sizes[-1] - sizes[1] < 4
