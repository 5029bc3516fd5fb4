"""Another model comes to a running daemon under load: in seconds, no picture is missed, labels go on, memory stays.

`scripts/test tests/system/test_installing.py -k takes_its_place -s` prints what it came to.
"""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from tapetum import bundle, data
from tapetum.inference.contract import ModelSpec
from tapetum.record import State
from tapetum_trainer.pack import pack
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import ROOM, STREET, Subscriber, camera, reached_at
from tests.system.test_bad_models import CURIOUS
from tests.system.test_models import Device, missed, noted

pytestmark = pytest.mark.system
WAY = [State.VERIFIED, State.TESTED, State.SHADOW, State.TRIAL, State.COMMITTED]
_LOAD = f"{camera(STREET, more=CURIOUS)}{camera(STREET, 'second', CURIOUS)}{camera(ROOM, 'drawn')}"
"""Two cameras whose models are asked as often as they answer, and one that is drawn."""


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


@pytest.mark.alone
@pytest.mark.timeout(240)
@pytest.mark.parametrize("strict", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_model_takes_its_place_in_seconds_and_nothing_is_missed_meanwhile(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, strict: bool
):
    notes = tmp_path / "notes"
    trial = "[trial]\nshadow_s = 1\ntrial_s = 15\nagreement = 0.3\n"
    daemon = Daemon(
        tmp_path, reached_at(broker.port) + trial + _LOAD, program=("-m", "tests.system.watched", str(notes))
    )
    device = Device(tmp_path, daemon)
    device.has(shipped(1))
    coming = tmp_path / "coming.tapetum"
    coming.write_bytes(of_four_mib(shipped(2)))
    with daemon, watched_memory(daemon.pid) as memory:
        until(lambda: len(noted(notes, "answer")) > 150, 60)
        began_s = time.monotonic()
        done = device.models("install", coming, "--activate")
        assert done.returncode == 0, done.stderr
        on_trial_s = time.monotonic() - began_s
        states = lambda: [told["state"] for told in subscriber.all("model/event") if told["model"] == "good@2"]  # noqa: E731
        until(lambda: State.COMMITTED in states(), 40, "it has come through its trial")
        ended_s = time.monotonic()
        time.sleep(3)
        after_s = time.monotonic()
    answers = noted(notes, "answer")
    before = statistics.median(memory.between(began_s - 3, began_s))
    peak = max(memory.between(began_s, ended_s))
    after = statistics.median(memory.between(ended_s, after_s))
    frames = [noted(notes, name) for name in ("room", "second", "drawn")]
    earlier = [[int(seq) for at_s, seq in one if at_s < began_s] for one in frames]
    since = [[int(seq) for at_s, seq in one if at_s >= began_s] for one in frames]
    lost_before, lost = sum(map(missed, earlier)), sum(map(missed, since))
    came_before, came = sum(map(len, earlier)), sum(map(len, since))
    pauses = {
        when: max(later - sooner for (sooner, _), (later, _) in pairwise(answers) if inside(sooner))
        for when, inside in {
            "before": lambda at_s: at_s < began_s - 0.5,
            "since": lambda at_s: at_s >= began_s - 0.5,
        }.items()
    }
    print(f"{coming.stat().st_size} bytes: on trial {on_trial_s:.2f} s after the command")
    print(f"pictures missed: {lost_before} of {came_before} before, {lost} of {came} since")
    print(f"longest pause between two answers: {pauses['before']:.2f} s before, {pauses['since']:.2f} s since")
    print(f"RSS of the daemon: {before:.1f} MiB before, at most {peak:.1f} meanwhile, {after:.1f} after")
    assert states() == WAY
    assert [model for model, _ in groupby(model for _, model in answers)] == ["good@1", "good@2"]
    assert peak - before < 40
    assert after - before < 10
    if strict:  # on a machine that does nothing else
        assert lost == 0
        assert on_trial_s < 5
        assert pauses["since"] < 0.5
    else:
        assert lost <= lost_before * came / came_before + 0.05 * came
        assert pauses["since"] < pauses["before"] + 2
