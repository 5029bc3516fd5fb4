"""A model on trial in the real daemon: through starts and ends, by commands, and what is told of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from tapetum import bundle, data
from tapetum.inference.contract import ModelSpec
from tapetum.record import State
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import ROOM, Subscriber, camera, reached_at
from tests.system.test_models import Device, runs

pytestmark = pytest.mark.system


def good(version: int) -> ModelSpec:
    return replace(bundle.open(data.detector()).spec(), name=f"good@{version}")


@pytest.fixture
def device(tmp_path: Path, broker: Mosquitto) -> Device:
    """A device on which good@1 is active; a model is on trial for ten minutes there. Not started."""
    trial = "[trial]\nshadow_s = 0\nrestarts = 1\n"
    device = Device(tmp_path, Daemon(tmp_path, reached_at(broker.port) + trial + camera(ROOM)))
    device.has(good(1))
    return device


def on_trial(device: Device) -> None:
    """Have good@2 on trial in the daemon, which runs."""
    done = device.models("install", device.file(good(2)), "--activate")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("ms each; it has taken over, and is on trial for 600 s\n")
    runs(device.daemon, "good@2")


def test_a_daemon_that_is_killed_while_a_model_is_on_trial_goes_on_with_the_old_one_at_last(
    device: Device, subscriber: Subscriber
):
    with device.daemon as daemon:
        runs(daemon, "good@1")
        on_trial(device)
        daemon.kill()
        daemon.start()  # one restart is allowed
        runs(daemon, "good@2")
        assert device.store.record().install.ends == 1
        daemon.kill()
        daemon.start()
        runs(daemon, "good@1")
        reason = "the daemon ended 2 times while it was on trial"
        record = device.store.record()
        assert (record.active, record.install.state, record.install.reason) == ("good@1", State.ROLLED_BACK, reason)
        told = until(
            lambda: next((one for one in subscriber.all("model/state") if one["state"] == "rolled-back"), None)
        )
        assert (told["active"], told["model"], told["reason"]) == ("good@1", "good@2", reason)
        assert told["refused"] == {"model": "good@2", "reason": reason}
        daemon.kill()
        daemon.start()
        runs(daemon, "good@1")


def test_a_daemon_that_is_stopped_and_started_goes_on_with_the_trial_and_counts_nothing(device: Device):
    with device.daemon as daemon:
        runs(daemon, "good@1")
        on_trial(device)
        for _ in range(3):
            assert daemon.stop()[0] == 0
            daemon.start()
            runs(daemon, "good@2")
        install = device.store.record().install
        assert (install.state, install.ends) == (State.TRIAL, 0)


def test_somebody_goes_back_from_a_model_on_trial(device: Device, subscriber: Subscriber):
    with device.daemon as daemon:
        runs(daemon, "good@1")
        on_trial(device)
        done = device.models("rollback")
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("ms each; it has taken over\n")
        runs(daemon, "good@1")
        record = device.store.record()
        assert (record.active, record.previous, record.install.state) == ("good@1", "good@2", State.COMMITTED)
        steps = [(one["model"], one["state"]) for one in subscriber.all("model/event")]
    assert steps == [
        ("good@2", "verified"), ("good@2", "sandbox-tested"), ("good@2", "trial"), ("good@2", "rolled-back"),
        ("good@1", "verified"), ("good@1", "sandbox-tested"), ("good@1", "committed"),
    ]  # fmt: skip


def test_a_model_made_active_while_no_daemon_runs_is_on_trial_from_its_start_on(device: Device, subscriber: Subscriber):
    done = device.models("install", device.file(good(2)), "--activate")
    assert done.returncode == 0, done.stderr
    with device.daemon as daemon:
        runs(daemon, "good@2")
        assert device.store.record().install.state is State.TRIAL
        for line in ("good@2 is on trial", "pinned: no update is taken"):
            assert device.models("pin").stdout == "pinned: no update is taken until `tapetum models pin --off`\n"
            assert line in device.models("list").stdout
        daemon.until(lambda status: status["models"]["pinned"])
        until(lambda: subscriber.last("model/state")["pinned"], 10, "the desk is told, before anything else happens")
        assert device.models("pin", "--off").stdout == "updates are taken again\n"
        daemon.until(lambda status: not status["models"]["pinned"])
        until(lambda: not subscriber.last("model/state")["pinned"], 10)


def test_without_a_model_before_it_one_that_fails_on_trial_leaves_motion_alone(tmp_path: Path, broker: Mosquitto):
    bad_models = pytest.importorskip("tests.simulators.bad_models", reason="the older runtime brings no schema")
    trial = "[trial]\nshadow_s = 0\n"
    device = Device(
        tmp_path, Daemon(tmp_path, reached_at(broker.port) + trial + camera(ROOM, more="scheduling.look_s = 0.2"))
    )
    with device.daemon as daemon:
        assert daemon.until(lambda status: status["inference"])["mode"] == "off"
        done = device.models(
            "install", device.file(bad_models.failing_at(bad_models.shipped("bad@1"), 20)), "--activate"
        )
        assert done.returncode == 0, done.stderr
        until(lambda: device.store.record().install.state is State.ROLLED_BACK, 60)
        assert daemon.until(lambda status: status["inference"]["mode"] == "off")
        record = device.store.record()
        assert (record.active, record.previous) == ("", "")
