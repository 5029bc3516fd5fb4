"""A broker that does not know the device: it is told what to mend, and alerts wait until that is done."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto, passwords
from tests.system.conftest import ROOM, camera, reached_at, waiting

pytestmark = pytest.mark.system

RIGHT, WRONG = "rosebud-7", "rosebud-8"
IMPATIENT = (
    "-c",
    "import sys, tapetum.alerts.mqtt as mqtt\nmqtt._REFUSED_S = 1.5\nfrom tapetum.cli import main\nsys.exit(main())",
)
"""A daemon that asks again after 1.5 s where it was refused: a minute is long for a test."""


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that knows the user unit, and lets in nobody else."""
    folder = tmp_path / "broker"
    folder.mkdir()

    with Mosquitto(folder, passwords(folder, unit=RIGHT), "log_type all", anonymous=False) as broker:
        yield broker


def credentials(folder: Path, password: str) -> Path:
    path = folder / "credentials.toml"
    path.touch(0o600)
    path.write_text(f'user = "unit"\npassword = "{password}"\n')
    return path


def arrived(broker: Mosquitto) -> int:
    """How many alerts the broker has taken."""
    return sum("Received PUBLISH from" in line and "room/event" in line for line in broker.log.splitlines())


def refused(daemon: Daemon, broker: Mosquitto) -> int:
    """Wait until the daemon says that it is not let in, and what to look at; return how many alerts wait then."""
    told = f"127.0.0.1:{broker.port}: the broker refuses: Not authorized; look at broker.credentials"
    status = daemon.until(lambda status: status if any(told in one for one in status["faults"]) else None)
    assert not status["broker"]["connected"]
    until(lambda: waiting(daemon), what="alerts wait")
    tries = len(refusals(broker))
    until(lambda: len(refusals(broker)) > tries, 90, what="it asks again")
    assert f"WARNING broker {told}" in daemon.log
    assert "rosebud" not in daemon.log + str(status)
    return len(waiting(daemon))


def all_have_left(daemon: Daemon, broker: Mosquitto, waited: int) -> None:
    status = daemon.until(lambda now: now if now["broker"]["connected"] and not now["broker"]["waiting"] else None)
    assert status["faults"] == []
    assert status["broker"]["lost"] == 0
    assert arrived(broker) >= waited


@pytest.mark.parametrize("side", ["the device's", "the broker's"])
def test_a_wrong_password_is_told_and_needs_no_restart_when_it_is_mended(tmp_path: Path, guarded: Mosquitto, side: str):
    path = credentials(tmp_path, WRONG)
    config = reached_at(guarded.port) + f'credentials = "{path}"\n' + camera(ROOM)
    with Daemon(tmp_path, config, program=IMPATIENT) as daemon:
        waited = refused(daemon, guarded)
        assert arrived(guarded) == 0
        if side == "the device's":
            credentials(tmp_path, RIGHT)
        else:
            passwords(guarded.folder, unit=WRONG)
            guarded.signal(signal.SIGHUP)
        all_have_left(daemon, guarded, waited)
        assert daemon.log.count("the broker refuses") == 1, "the same is said once"


def test_a_broker_that_comes_back_with_another_password_is_told_until_it_is_given(tmp_path: Path, guarded: Mosquitto):
    path = credentials(tmp_path, RIGHT)
    config = reached_at(guarded.port) + f'credentials = "{path}"\n' + camera(ROOM)
    with Daemon(tmp_path, config, program=IMPATIENT) as daemon:
        daemon.until(lambda status: status["broker"]["acknowledged"])
        guarded.kill()
        passwords(guarded.folder, unit=WRONG)
        guarded.start()
        waited = refused(daemon, guarded)
        before = arrived(guarded)
        credentials(tmp_path, WRONG)
        all_have_left(daemon, guarded, before + waited)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_where_it_is_refused_it_asks_again_once_a_minute(tmp_path: Path, guarded: Mosquitto):
    path = credentials(tmp_path, WRONG)
    config = reached_at(guarded.port) + f'credentials = "{path}"\n' + camera(ROOM)
    with Daemon(tmp_path, config) as daemon:
        refused(daemon, guarded)
        first, second = refusals(guarded)[:2]
        assert 58 <= second - first <= 75
        credentials(tmp_path, RIGHT)
        until(lambda: arrived(guarded), 90)


def refusals(broker: Mosquitto) -> list[int]:
    """When the broker refused somebody, Unix time."""
    return [int(line.split(":")[0]) for line in broker.log.splitlines() if "not authorised" in line]
