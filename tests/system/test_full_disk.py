"""The disk on which the daemon keeps its state is full for a while: alerts leave all the same, and it says so."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.alerts import full_disk
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto, free_port
from tests.system.conftest import ROOM, Subscriber, camera, reached_at, rows, subscribed, waiting

pytestmark = pytest.mark.system

CHATTY = camera(ROOM, more="rules = { update_s = 0.2 }")
TOLD = "state_dir takes nothing"


@contextmanager
def no_file_grows(daemon: Daemon) -> Iterator[None]:
    """Let no file of the daemon grow past a page, so that its outbox is stopped (EFBIG) and its log is not."""
    unbounded = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (4096, unbounded[1]))
    yield
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, unbounded)


def on_a_small_disk(folder: Path, config: str) -> Daemon:
    """Return a daemon with a disk of its own for its state, in a user namespace: it is seen through its process."""
    (folder / "state").mkdir()
    return Daemon(folder, config, within=full_disk.on_disk_of("16m", folder / "state"))


def look_inside(daemon: Daemon) -> None:
    """Look at the state as the process sees it."""
    daemon.state = Path(f"/proc/{daemon.pid}/root") / daemon.state.relative_to("/")


def is_told(subscriber: Subscriber) -> bool:
    health: dict[str, Any] = subscriber.last("health") or {"faults": []}
    return any(TOLD in fault and "make room" in fault for fault in health["faults"])


def goes_on(subscriber: Subscriber) -> None:
    """Wait until more alerts have come."""
    before = len(subscriber.events())
    until(lambda: len(subscriber.events()) > before + 5, what="alerts go on")


def none_is_missing(subscriber: Subscriber) -> None:
    told = sorted({event["seq"] for event in subscriber.events()})
    assert told == list(range(1, len(told) + 1))


def test_a_full_disk_is_told_in_status_and_health_and_alerts_leave_until_there_is_room(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
):
    if not full_disk.possible("tmpfs"):
        pytest.skip("this machine allows no user namespaces")
    with on_a_small_disk(tmp_path, reached_at(broker.port) + CHATTY) as daemon:
        look_inside(daemon)
        daemon.until_watching()
        with full_disk.full("tmpfs", daemon.state):
            status = daemon.until(lambda status: status if any(TOLD in one for one in status["faults"]) else None)
            assert status["broker"]["connected"]
            until(lambda: is_told(subscriber))
            goes_on(subscriber)
            daemon.until(lambda now: now["at_ns"] > status["at_ns"], what="the status is still written")
        until(lambda: not is_told(subscriber), what="it is told that there is room")
        goes_on(subscriber)
        status = daemon.until(lambda status: None if status["faults"] or status["broker"]["waiting"] else status)
        assert status["broker"]["lost"] == 0
        assert daemon.stop()[0] == 0
        until(lambda: subscriber.last("state")["status"] == "offline")
    none_is_missing(subscriber)
    assert len({event["id"] for event in subscriber.events()}) == len(subscriber.events()), "none came twice"


def test_where_no_file_may_grow_alerts_leave_and_the_broker_is_told(
    tmp_path: Path, broker: Mosquitto, subscriber: Subscriber
):
    with Daemon(tmp_path, reached_at(broker.port) + CHATTY) as daemon:
        daemon.until_watching()
        with no_file_grows(daemon):
            until(lambda: is_told(subscriber))
            goes_on(subscriber)
        until(lambda: not is_told(subscriber), what="it is told that there is room")
        assert daemon.stop()[0] == 0
        until(lambda: subscriber.last("state")["status"] == "offline")
    none_is_missing(subscriber)
    assert rows(daemon) == []
    assert daemon.log.count("alerts wait in memory") == 1, "it is logged once"


def test_alerts_of_a_full_disk_outlive_the_daemon_once_there_was_room(tmp_path: Path):
    port = free_port()
    with Daemon(tmp_path, reached_at(port) + CHATTY) as daemon:
        until(lambda: waiting(daemon))
        with no_file_grows(daemon):
            daemon.until(lambda status: any(TOLD in fault for fault in status["faults"]))
            kept = len(waiting(daemon))  # not before: a row may have been on its way when the disk was filled
            daemon.until(lambda status: status["broker"]["waiting"] > kept + 5, what="alerts wait in memory")
            assert len(waiting(daemon)) == kept
        until(lambda: len(waiting(daemon)) > kept + 5, what="they are on disk")
        daemon.kill()
    before = rows(daemon)
    assert [row["seq"] for row in before] == list(range(1, len(before) + 1))
    with Mosquitto(tmp_path / "broker", port=port), subscribed(port) as subscriber, daemon:
        until(lambda: len(subscriber.events()) >= len(before))
        none_is_missing(subscriber)
