"""SIGHUP takes what can be taken while running, and refuses everything else whole."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapetum import data as shipped
from tests.simulators.daemon import Daemon, descriptors, threads, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import ROOM, Plug, Subscriber, camera, reached_at

pytestmark = pytest.mark.system


class Reloading:
    """A daemon that runs, and what its broker hears of its configuration."""

    def __init__(self, daemon: Daemon, port: int, subscriber: Subscriber) -> None:
        self.daemon = daemon
        self.heard = subscriber
        self._broker = reached_at(port)

    def reload(self, config: str) -> str:
        """Put `config` behind the broker's table, have it taken, and return why it was refused, if it was."""
        before = len(self.heard.all("config"))
        self.daemon.write(self._broker + config)
        self.daemon.send(signal.SIGHUP)
        until(lambda: len(self.heard.all("config")) > before, what="the configuration in force is told")
        return str(self.heard.last("config")["refused"])

    def in_force(self) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = self.heard.last("config")["camera"]
        return found


@pytest.fixture
def reloading(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber) -> Iterator[Reloading]:
    with Daemon(tmp_path, reached_at(broker.port) + camera()) as daemon:
        until(lambda: subscriber.all("config"))
        yield Reloading(daemon, broker.port, subscriber)


def test_new_rules_are_taken_without_a_restart_of_the_camera(reloading: Reloading):
    until(lambda: reloading.heard.events(kind="started"))
    assert reloading.reload(camera(more='rules.labels = ["dog"]')) == ""
    assert reloading.in_force()["room"]["rules"]["labels"] == ["dog"]
    started = {event["track"] for event in reloading.heard.events(kind="started")}
    until(lambda: {event["track"] for event in reloading.heard.events(kind="ended")} == started)
    before = reloading.daemon.status()
    after = reloading.daemon.until(lambda status: status if status != before else None)
    assert after["cameras"]["room"]["analysed"] > before["cameras"]["room"]["analysed"]
    assert reloading.daemon.log.count("camera room: opened") == 1
    assert {event["track"] for event in reloading.heard.events(kind="started")} == started
    assert reloading.reload(camera()) == ""
    until(lambda: len(reloading.heard.events(kind="started")) > len(started), what="and all is let out again")


def test_a_label_that_the_model_lacks_is_refused_whole(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, model: str
):
    with Daemon(tmp_path, model + reached_at(broker.port) + camera()) as daemon:
        until(lambda: subscriber.all("config"))
        reloading = Reloading(daemon, broker.port, subscriber)
        told = reloading.reload(model + camera(more='rules.labels = ["persn"]\nrules.update_s = 9'))
        assert told.startswith("camera.room.rules.labels: 'persn' is no label of detect@0; did you mean person?")
        assert reloading.in_force()["room"]["rules"]["update_s"] == 5.0
        assert reloading.reload(model + camera(more='rules.labels = ["person"]')) == ""


def test_cameras_come_and_go(reloading: Reloading):
    assert reloading.reload(camera() + camera(ROOM, "door")) == ""
    until(lambda: reloading.heard.events("door", "started"))
    assert reloading.heard.last("inventory")["cameras"] == {"room": "synthetic", "door": "synthetic"}
    assert reloading.reload(camera(ROOM, "door")) == ""
    until(lambda: reloading.heard.events("room", "ended"))
    until(lambda: reloading.heard.all("room/motion")[-1] == "", what="nothing is retained of a camera that is gone")
    assert reloading.heard.last("room/condition") == ""
    assert set(reloading.in_force()) == {"door"}
    assert reloading.daemon.log.count("camera door: opened") == 1


def test_another_source_of_a_camera_is_opened_in_its_place(reloading: Reloading):
    reloading.daemon.until_open()
    assert reloading.reload(camera('{ type = "synthetic", width = 160, height = 120, seed = 2 }')) == ""
    reloading.daemon.until_open(times=2)
    until(lambda: reloading.heard.events(kind="started"))


NEW = camera(ROOM, "new")  # what is valid beside a mistake is not taken either
REFUSED = {
    "[camera.room": "is no TOML",
    NEW + camera(more="rules.colour = 1"): "camera.room.rules.colour: there is no such key",
    NEW + camera(more="rules.min_score = 2"): "camera.room.rules.min_score: ",
    "": "camera: none is named",
    "[outbox]\nmax_mb = 1\n[inference]\ndeadline_s = 2\n" + NEW: "outbox, inference: only [camera]",
}


def test_what_cannot_be_taken_is_refused_whole_and_the_old_stays(reloading: Reloading):
    before = reloading.in_force()
    for config, told in REFUSED.items():
        assert told in reloading.reload(config)
        assert reloading.in_force() == before
    reloading.daemon.config.unlink()
    reloading.daemon.send(signal.SIGHUP)
    until(lambda: "No such file" in reloading.heard.last("config")["refused"])
    assert set(reloading.daemon.until_watching()["cameras"]) == {"room"}
    assert reloading.reload(camera(more="rules.min_score = 0.4")) == "", "and a good one is taken afterwards"


def test_twenty_reloads_leave_no_thread_and_no_file_open(reloading: Reloading, plug: Plug):
    def cameras(number: int) -> str:
        clip = f'{{ type = "file", path = "{shipped.clip()}", loop = true, analysis_width = {200 + number} }}'
        pipe = plug.source.replace("timeout_s = 1 ", f"timeout_s = {2 + number % 2} ")
        return camera(ROOM) + camera(clip, "clip") + camera(pipe, "pipe")

    def settle(number: int) -> None:
        assert reloading.reload(cameras(number)) == ""
        opened = [f"camera {name}: opened" for name in ("clip", "pipe")]
        until(lambda: [reloading.daemon.log.count(text) for text in opened] == [number + 1] * 2)

    def in_use() -> tuple[int, Counter[str]]:
        return threads(reloading.daemon.pid), Counter(descriptors(reloading.daemon.pid))

    for number in range(3):
        settle(number)
    before = in_use()
    for number in range(3, 22):
        settle(number)
    until(lambda: in_use() == before, 5, f"as much in use as before: {before}, {in_use()}")
