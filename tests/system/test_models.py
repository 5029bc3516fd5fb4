"""Another model takes over in the running daemon, or is refused and the old one stays; and what a start makes of it."""

import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from tapetum.inference.contract import Contract, ModelSpec
from tapetum.inference.decode import Classification
from tapetum.record import Install, State
from tapetum.store import Store
from tests.inference.looping import looping
from tests.simulators.bundles import classifier, packed, with_box_moved
from tests.simulators.daemon import Daemon, until, workers
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import CURIOUS, ROOM, STREET, Subscriber, camera, reached_at
from tests.system.test_commands import run

pytestmark = pytest.mark.system
AT_ONCE = "[trial]\nshadow_s = 0\ntrial_s = 0\n"
"""A model that answers its probes takes over, and stays."""


@dataclass
class Device:
    """A device with its state; `tapetum models ...` on it."""

    folder: Path
    daemon: Daemon

    @property
    def store(self) -> Store:
        return Store(self.folder / "state/models")

    def models(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        verb, *others = arguments
        return run("models", verb, *others, "--config", self.daemon.config)

    def file(self, spec: ModelSpec) -> Path:
        """Return a file with the model packed."""
        path = self.folder / f"{spec.name}.tapetum"
        path.write_bytes(packed(spec))
        return path

    def has(self, *specs: ModelSpec) -> None:
        """Have these models in slots, the last one active and the one before it previous."""
        for spec in specs:
            name = self.store.install(packed(spec))
            self.store.keep(self.store.record().begun(Install(model=name)).activated(None))


@pytest.fixture
def device(tmp_path: Path, broker: Mosquitto) -> Device:
    """A device that watches a drawn room; not started."""
    return Device(tmp_path, Daemon(tmp_path, reached_at(broker.port) + AT_ONCE + camera(ROOM)))


def runs(daemon: Daemon, model: str) -> dict[str, Any]:
    return daemon.until(lambda status: status if status["inference"]["model"] == model else None, what=f"{model} runs")


# --- it takes over


@pytest.mark.alone
def test_a_model_takes_over_while_cameras_go_on_and_none_waits_for_it(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, old: ModelSpec, new: ModelSpec
):
    notes = tmp_path / "notes"
    program = ("-m", "tests.system.watched", str(notes))
    cameras = camera(STREET, more="rules.update_s = 1") + camera(ROOM.replace(" }", ", fps = 50 }"), "fast")
    daemon = Daemon(tmp_path, reached_at(broker.port) + AT_ONCE + cameras, program=program)
    device = Device(tmp_path, daemon)
    device.has(old)
    device.store.install(packed(new))
    with daemon:
        until(lambda: len(noted(notes, "answer")) > 5 and subscriber.events(kind="started"))
        until(lambda: len(noted(notes, "room")) > 60, what="it is known how many frames are missed without a swap")
        began_s = time.monotonic()
        done = device.models("activate", "yolo@1")
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("yolo@1 is active: tried on cpu, 2 probes answered, ")
        until(lambda: len([1 for _, model in noted(notes, "answer") if model == "yolo@1"]) > 5)
        until(lambda: any(event["model"] == "yolo@1" for event in subscriber.events(kind="started")), 60)
        until(lambda: len([1 for at_s, _ in noted(notes, "room") if at_s > began_s]) > 50)
        status = runs(daemon, "yolo@1")
    models = [model for model, _ in groupby(model for _, model in noted(notes, "answer"))]
    assert models == ["ssd@1", "yolo@1"]
    for name in ("room", "fast"):
        frames = noted(notes, name)
        before = [int(seq) for at_s, seq in frames if at_s < began_s]
        since = [int(seq) for at_s, seq in frames if at_s >= began_s]  # it is tried, takes over, and is asked
        pause_s = max(later - sooner for (sooner, _), (later, _) in pairwise(frames) if later > began_s)
        print(
            f"{name}: missed {missed(before)} of {len(before)}, then {missed(since)} of {len(since)}; {pause_s:.2f} s"
        )
        assert pause_s < 0.6, "no camera waits while it is tried"
        if name == "room":  # at fifty pictures a second the other one misses some without a swap too
            assert missed(since) <= 2 * missed(before) * len(since) / len(before), "none where none was missed before"
    assert status["inference"]["restarts"] == 0
    assert status["models"]["active"] == "yolo@1"
    labels = {"ssd@1": old.labels, "yolo@1": new.labels}
    told = [event for event in subscriber.events() if event["label"] != "motion"]
    assert {event["model"] for event in told} == labels.keys()
    assert all(event["label"] in labels[event["model"]] for event in told)
    assert subscriber.last("model/state") == {
        "active": "yolo@1", "previous": "ssd@1", "refused": None, "trial": status["models"]["trial"],
        "state": "committed", "model": "yolo@1", "reason": "", "push": 0, "pinned": False,
    }  # fmt: skip
    assert status["models"]["trial"]["probes"] == 2
    assert 0 < status["models"]["trial"]["latency_ms"] < 5000
    inventories = [told["model"] for told in subscriber.all("inventory")]
    assert [model for model, _ in groupby(inventories)] == ["ssd@1", "yolo@1"]


def noted(notes: Path, what: str) -> list[tuple[float, str]]:
    """Return when what was noted, and of what it was."""
    rows = [line.split() for line in notes.read_text().splitlines()] if notes.exists() else []
    return [(float(row[0]), row[2]) for row in rows if len(row) == 3 and row[1] == what]


def missed(numbers: list[int]) -> int:
    return sum(later - sooner - 1 for sooner, later in pairwise(numbers))


def test_where_there_was_no_model_one_takes_over(device: Device, subscriber: Subscriber, old: ModelSpec):
    with device.daemon as daemon:
        assert daemon.until(lambda status: status)["inference"]["mode"] == "off"
        done = device.models("install", device.file(old), "--activate")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == "ssd@1"
        assert done.stdout.splitlines()[1].endswith("ms each; it has taken over")
        runs(daemon, "ssd@1")
        until(lambda: (subscriber.last("model/state") or {}).get("active") == "ssd@1")


def test_one_goes_back_to_the_model_before_and_forth_again(device: Device, old: ModelSpec, new: ModelSpec):
    device.has(old, new)
    with device.daemon as daemon:
        runs(daemon, "yolo@1")
        for model in ("ssd@1", "yolo@1"):
            done = device.models("rollback")
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith(f"{model} is active: ")
            runs(daemon, model)
        assert (device.store.record().active, device.store.record().previous) == ("yolo@1", "ssd@1")
        assert device.models("activate", "yolo@1").stdout == "yolo@1 is active already\n"


def test_one_goes_back_to_the_model_to_begin_with_where_no_slot_was_active_before(
    device: Device, model: str, old: ModelSpec
):
    device.daemon.write(model + AT_ONCE + camera())
    with device.daemon as daemon:
        runs(daemon, "detect@0")
        assert device.models("install", device.file(old), "--activate").returncode == 0
        runs(daemon, "ssd@1")
        done = device.models("rollback")
        assert done.stdout == "inference.model is active: tried on cpu, it has no probes; it has taken over\n"
        runs(daemon, "detect@0")
    assert (device.store.record().active, device.store.record().previous) == ("", "ssd@1")


def test_a_classifier_takes_over_from_a_detector_and_says_what_the_tracks_are(
    device: Device, subscriber: Subscriber, data: Path, old: ModelSpec
):
    """It is tried beside the detector by labels alone, of which they have none in common."""
    found = classifier(data)
    loose = "labelling.min_score = 0.1\nlabelling.evidence = 0.2\nrules.cooldown_s = 0\n"
    tried = "[inference]\nmin_score = 0.1\n[trial]\nshadow_s = 1\ntrial_s = 0\n"
    device.has(old)
    device.daemon.write(reached_at(subscriber.port) + tried + camera(STREET, more=CURIOUS + loose))
    with device.daemon as daemon:
        daemon.until(lambda status: status["inference"]["answered"] > 3)
        done = device.models("install", device.file(found), "--activate")
        assert done.returncode == 0, done.stderr
        runs(daemon, "imagenet@1")
        told = until(
            lambda: [
                one
                for one in subscriber.events()
                if one["model"] == "imagenet@1" and one["label"] not in ("", "motion")
            ],
            60,
            "a track has a label of the classifier's",
        )
        assert daemon.until(lambda status: status)["inference"]["restarts"] == 0
    assert {event["label"] for event in told} <= set(found.labels) - {"???"}


# --- it is refused


@dataclass
class Refused:
    """What a bundle has wrong with it, and the reason that is told."""

    spoil: Callable[[ModelSpec], ModelSpec]
    reason: str


def crashing(spec: ModelSpec) -> ModelSpec:
    """Return it with a model that is well formed, and leads the runtime in a circle until its stack is at an end."""
    assert spec.contract is not None
    taken = spec.contract.input
    content = looping((1, *taken.shape), taken.dtype, taken.scale, taken.zero_point)
    return replace(spec, content=content, contract=Contract(input=taken, decoder=Classification()), probes=())


REFUSED = {
    "a probe that fails": Refused(with_box_moved, "probe 1 of 2 on cpu: person of 0.92 is expected"),
    "a model of which the worker dies": Refused(crashing, "the worker died (SIGSEGV)"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_model_that_is_refused_leaves_the_old_one_and_its_reason_is_told(
    device: Device, subscriber: Subscriber, old: ModelSpec, new: ModelSpec, what: str
):
    device.has(old)
    device.daemon.write(reached_at(subscriber.port) + AT_ONCE + camera(STREET))
    with device.daemon as daemon:
        before = daemon.until(lambda status: status if status["inference"]["answered"] else None)["inference"]
        done = device.models("install", device.file(REFUSED[what].spoil(new)), "--activate")
        assert (done.returncode, done.stdout) == (1, "yolo@1\n")
        reason = f"tapetum: yolo@1 was refused, ssd@1 stays: {REFUSED[what].reason}"
        assert done.stderr.startswith(reason)
        state = until(lambda: told if (told := subscriber.last("model/state") or {}).get("refused") else None)
        assert state["refused"]["model"] == "yolo@1"
        assert state["refused"]["reason"].startswith(REFUSED[what].reason)
        assert (state["active"], state["previous"]) == ("ssd@1", "")
        after = daemon.until(
            lambda status: status["inference"] if status["inference"]["answered"] > before["answered"] + 1 else None,
            seconds=60,
        )
        assert (after["model"], after["restarts"], after["pid"]) == ("ssd@1", 0, before["pid"])
        until(lambda: len(workers(daemon.pid)) <= 2, what="its worker is gone")
        daemon.until(lambda status: status["models"]["refused"])
        shown = run("status", "--config", daemon.config)
        assert f"model: yolo@1 was refused: {REFUSED[what].reason}" in shown.stdout
        assert shown.returncode == 0, "a model that was refused is no fault of the device"


def test_without_a_model_to_go_back_to_going_back_is_refused(device: Device, old: ModelSpec):
    device.has(old)
    with device.daemon as daemon:
        runs(daemon, "ssd@1")
        done = device.models("rollback")
        assert done.returncode == 1
        assert "inference.model names no model to go back to" in done.stderr
        assert runs(daemon, "ssd@1")


# --- starts and ends


def test_the_active_model_goes_before_the_one_to_begin_with(device: Device, model: str, old: ModelSpec):
    device.has(old)
    device.daemon.write(model + AT_ONCE + camera())
    with device.daemon as daemon:
        assert daemon.until(lambda status: status["inference"])["model"] == "ssd@1"
    assert "model ssd@1 is active, and not inference.model = " in device.daemon.log


@pytest.mark.parametrize("how", ["cut off", "gone", "unloadable"])
def test_a_start_falls_back_from_a_damaged_slot_to_the_one_before_and_tells_why(
    device: Device, subscriber: Subscriber, old: ModelSpec, new: ModelSpec, how: str
):
    device.has(old, replace(new, labels=new.labels[:-1]) if how == "unloadable" else new)
    spoil(device.store.path("yolo@1"), how)
    with device.daemon as daemon:
        assert daemon.until(lambda status: status["inference"])["model"] == "ssd@1"
        state = until(lambda: subscriber.last("model/state"))
        assert (state["active"], state["previous"], state["refused"]["model"]) == ("ssd@1", "", "yolo@1")
        assert f"model yolo@1 cannot be used any more: {state['refused']['reason']}" in daemon.log
        assert device.store.record().active == "ssd@1"


def spoil(path: Path, how: str) -> None:
    if how == "cut off":
        path.write_bytes(path.read_bytes()[:100_000])
    elif how == "gone":
        path.unlink()


def test_a_start_with_no_sound_slot_falls_back_to_the_model_to_begin_with(
    device: Device, subscriber: Subscriber, model: str, old: ModelSpec, new: ModelSpec
):
    device.has(old, new)
    for name in ("ssd@1", "yolo@1"):
        spoil(device.store.path(name), "cut off")
    device.daemon.write(reached_at(subscriber.port) + model + camera())
    with device.daemon as daemon:
        assert daemon.until(lambda status: status["inference"])["model"] == "detect@0"
        state = until(lambda: subscriber.last("model/state"))
        assert (state["active"], state["previous"], state["refused"]["model"]) == ("", "", "yolo@1")


def test_a_start_with_no_sound_slot_and_no_model_to_begin_with_goes_by_motion_alone(device: Device, old: ModelSpec):
    device.has(old)
    spoil(device.store.path("ssd@1"), "cut off")
    (device.store.folder / "wanted.json").write_bytes(b"\0" * 40)
    with device.daemon as daemon:
        daemon.until_watching()
        assert daemon.until(lambda status: status["inference"])["mode"] == "off"


def test_a_daemon_killed_while_a_model_takes_over_starts_again_with_a_whole_one(
    device: Device, old: ModelSpec, new: ModelSpec
):
    killed_while_a_model_takes_over(device, old, new, times=3)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_daemon_killed_a_hundred_times_while_a_model_takes_over_starts_again_with_a_whole_one(
    device: Device, old: ModelSpec, new: ModelSpec
):
    outcomes = killed_while_a_model_takes_over(device, old, new, times=100)
    assert outcomes == {"ssd@1", "yolo@1"}, "some came before it was active, some after"


def killed_while_a_model_takes_over(device: Device, old: ModelSpec, new: ModelSpec, times: int) -> set[str]:
    """Kill a daemon at any moment after another model is wanted; return which ones ran then."""
    chance = random.Random(times)
    device.has(old)
    device.store.install(packed(new))
    models, found = ["ssd@1", "yolo@1"], set()
    with device.daemon as daemon:
        running = runs(daemon, "ssd@1")["inference"]["model"]
        for _ in range(times):
            wish = device.store.want(models[models.index(running) - 1])
            time.sleep(chance.uniform(0, 2.5))
            daemon.kill()
            record = device.store.record()
            assert device.store.open(record.active).name == record.active
            daemon.start()
            running = daemon.until(lambda status: status["inference"]["model"])
            assert running in (record.active, wish.model)
            until(lambda wish=wish: device.store.record().answered == wish.id, 120, "each wish is answered")  # type: ignore[misc]
            running = runs(daemon, device.store.record().active)["inference"]["model"]
            found.add(running)
    return found


def test_a_model_over_which_the_daemon_died_again_and_again_is_not_tried_any_more(
    device: Device, subscriber: Subscriber, old: ModelSpec, new: ModelSpec
):
    device.has(old)
    device.store.install(packed(new))
    wish = device.store.want("yolo@1")
    device.store.keep(device.store.record().begun(Install(State.VERIFIED, "yolo@1", wish=wish.id, ends=2)))
    with device.daemon as daemon:
        runs(daemon, "ssd@1")
        state = until(lambda: subscriber.last("model/state"))
        assert state["refused"] == {"model": "yolo@1", "reason": "the daemon ended 3 times while it was tried"}
        assert device.store.record().answered == wish.id


def test_a_daemon_that_is_stopped_while_a_model_is_tried_ends_in_time_and_tries_it_at_the_next_start(
    device: Device, old: ModelSpec, new: ModelSpec
):
    device.has(old)
    device.store.install(packed(new))
    with device.daemon as daemon:
        runs(daemon, "ssd@1")
        device.store.want("yolo@1")
        until(lambda: device.store.record().install.state is State.VERIFIED)
        assert daemon.stop() < (0, 2.0)
        record = device.store.record()
        assert (record.active, record.install.model, record.install.orderly) == ("ssd@1", "yolo@1", True)
        daemon.start()
        runs(daemon, "yolo@1")


def test_a_disk_that_does_not_take_which_model_is_active_is_told_and_the_model_is_not_tried(
    device: Device, old: ModelSpec, new: ModelSpec
):
    device.has(old)
    device.store.install(packed(new))
    with device.daemon as daemon:
        runs(daemon, "ssd@1")
        blocked = device.store.folder / "active.json.part"
        blocked.mkdir()
        device.store.want("yolo@1")
        status = daemon.until(lambda status: status if status["faults"] else None)
        assert any("state_dir takes nothing (Is a directory)" in fault for fault in status["faults"])
        assert status["inference"]["model"] == "ssd@1"
        assert daemon.log.count("which model is active cannot be kept") == 1
        blocked.rmdir()
        runs(daemon, "yolo@1")
        daemon.until(lambda status: not status["faults"])


def test_a_disk_that_takes_nothing_while_a_model_is_tried_holds_it_up_until_it_does_again(
    device: Device, old: ModelSpec, new: ModelSpec
):
    device.has(old)
    device.store.install(packed(new))
    with device.daemon as daemon:
        runs(daemon, "ssd@1")
        wish = device.store.want("yolo@1")
        until(lambda: device.store.record().install.wish == wish.id)
        blocked = device.store.folder / "active.json.part"
        blocked.mkdir()
        status = daemon.until(lambda status: status if status["faults"] else None)
        assert (status["inference"]["model"], device.store.record().active) == ("ssd@1", "ssd@1")
        blocked.rmdir()
        until(lambda: device.store.record().active == "yolo@1")
        daemon.until(lambda status: not status["faults"])
