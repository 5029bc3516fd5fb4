"""Pictures in, alerts out: the real daemon before a real broker."""

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.daemon import PATIENCE_S, Daemon, until
from tests.simulators.mosquitto import Mosquitto, free_port
from tests.system.conftest import ROOM, STREET, Subscriber, camera, reached_at, rows, subscribed, waiting

pytestmark = pytest.mark.system


def test_what_moves_is_told_when_it_comes_and_when_nobody_looks_any_more(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
):
    with Daemon(tmp_path, reached_at(broker.port) + camera()) as daemon:
        until(lambda: len(subscriber.events(kind="started")) >= 2, what="both things are told")
        until(lambda: subscriber.last("room/motion") == "ON")
        until(lambda: subscriber.last("room/snapshot"))
        assert subscriber.last("state")["status"] == "online"
        assert subscriber.last("room/condition")["condition"] == "clear"
        assert subscriber.last("inventory")["cameras"] == {"room": "synthetic"}
        assert daemon.stop()[0] == 0
        until(lambda: subscriber.last("state")["status"] == "offline")
    started, ended = subscriber.events(kind="started"), subscriber.events(kind="ended")
    assert {event["track"] for event in started} == {event["track"] for event in ended}
    assert {event["label"] for event in started} == {"motion"}
    assert [event["seq"] for event in subscriber.events()] == list(range(1, len(subscriber.events()) + 1))
    assert subscriber.last("room/motion") == "OFF"
    assert rows(daemon) == []


def test_a_clip_that_has_ended_ends_the_daemon_with_all_of_it_told(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
):
    clip = '{ type = "synthetic", width = 320, height = 180, frames = 60, pace = "analysis" }'
    with Daemon(tmp_path, reached_at(broker.port) + camera(clip)) as daemon:
        assert daemon.wait() == 0
        assert "all clips have come to their end" in daemon.log
        until(lambda: subscriber.last("state")["status"] == "offline")
    told = subscriber.events()
    assert len([event for event in told if event["kind"] == "started"]) == 2
    assert len([event for event in told if event["kind"] == "ended"]) == 2


def test_real_people_are_named_by_a_real_model(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber, model: str):
    with Daemon(tmp_path, reached_at(broker.port) + model + camera(STREET)) as daemon:
        until(lambda: any(event["label"] == "person" for event in subscriber.events(kind="started")))
        status = daemon.until(lambda status: status if status["inference"]["answered"] > 3 else None)
        assert status["inference"]["mode"] == "cpu"
        assert status["inference"]["asked"] < status["cameras"]["room"]["analysed"]
    person = next(event for event in subscriber.events() if event["label"] == "person")
    assert person["model"] == "detect@0"


def test_several_cameras_run_in_one_daemon_each_with_its_own_topics_and_one_row_of_numbers(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
):
    names = ("left", "right", "inference", "mqtt")  # the last two: as its own threads are called
    with Daemon(tmp_path, reached_at(broker.port) + "".join(camera(ROOM, name) for name in names)) as daemon:
        until(lambda: all(subscriber.events(name, "started") for name in names))
        assert daemon.stop() < (0, 2.0)
        until(lambda: subscriber.last("state")["status"] == "offline")
    told = [event for name in names for event in subscriber.events(name)]
    assert sorted(event["seq"] for event in told) == list(range(1, len(told) + 1))
    assert len({event["id"] for event in told}) == len(told)


def test_without_its_broker_it_runs_and_alerts_wait_until_it_comes(tmp_path: Path):
    port = free_port()
    (tmp_path / "broker").mkdir()
    with Daemon(tmp_path, reached_at(port) + camera()) as daemon:
        status = daemon.until(lambda status: status if status["broker"]["waiting"] >= 2 else None)
        assert not status["broker"]["connected"]
        assert any("broker" in fault for fault in status["faults"])
        with Mosquitto(tmp_path / "broker", port=port), subscribed(port) as subscriber:
            until(lambda: len(subscriber.events(kind="started")) >= 2, 30 + PATIENCE_S, "it tries every 30 s at least")


def test_a_daemon_killed_again_and_again_loses_no_alert_and_goes_on_counting(tmp_path: Path):
    killed_again_and_again(tmp_path, times=2)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_daemon_killed_a_hundred_times_loses_no_alert_and_goes_on_counting(tmp_path: Path):
    killed_again_and_again(tmp_path, times=100)


def killed_again_and_again(folder: Path, times: int) -> None:
    """Kill a daemon at any moment, look at what it keeps, and have a broker told of all in the end."""
    port, chance = free_port(), random.Random(times)
    daemon = Daemon(folder, reached_at(port) + camera())
    kept: list[dict[str, Any]] = []
    for _ in range(times):
        with daemon:
            one_more_waits(daemon, len(kept))
            time.sleep(chance.uniform(0, 0.5))
            daemon.kill()
        before, kept = kept, rows(daemon)
        assert kept[: len(before)] == before
    (folder / "broker").mkdir()
    with Mosquitto(folder / "broker", port=port), subscribed(port) as subscriber:
        with daemon:
            until(lambda: len(subscriber.events()) > len(kept))
            assert daemon.stop()[0] == 0
        until(lambda: subscriber.last("state")["status"] == "offline")
    told = {event["seq"]: event for event in subscriber.events()}
    assert list(told) == list(range(1, len(told) + 1))
    assert [told[event["seq"]] for event in kept] == kept
    assert len({event["id"] for event in told.values()}) == len(told)


def one_more_waits(daemon: Daemon, than: int) -> None:
    until(lambda: len(waiting(daemon)) > than, what="one more alert waits")


def test_the_dead_daemon_is_said_to_be_offline_by_its_broker(tmp_path: Path, broker: Mosquitto, subscriber: Subscriber):
    with Daemon(tmp_path, reached_at(broker.port) + camera()) as daemon:
        until(lambda: (subscriber.last("state") or {}).get("status") == "online")
        daemon.send(signal.SIGKILL)
        until(lambda: subscriber.last("state")["status"] == "offline")
