"""Every alert of a real daemon arrives, however often its broker is killed: the promise, from end to end."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import camera, rows, waiting

pytestmark = pytest.mark.system

CROWD = '{ type = "synthetic", width = 320, height = 180, fps = 20, movers = 6 }'
"""Six things that are told of five times a second each: time enough between two kills to connect again."""
EMPTY = '{ type = "synthetic", width = 320, height = 180, movers = 0 }'
UNDERWAY = 5
DOWN_S = 0.3  # that the broker is away, at most
DRAINED_S = 60.0


class Consumer:
    """`tapetum listen --receipts`, a process: it remembers nothing of what came before it, and confirms what comes."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir()
        self._heard, self._said = folder / "heard", folder / "said"
        command = [sys.executable, "-m", "tapetum", "listen", "--receipts", "--json"]
        with self._heard.open("wb") as heard, self._said.open("wb") as said:
            place = ["--host", "127.0.0.1", "--port", str(port)]
            self.process = subprocess.Popen([*command, *place], stdout=heard, stderr=said)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._heard.read_text().split("\n")[:-1]]

    def duplicates(self) -> int:
        """End it, and return how many alerts came twice and were told once."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(10) == 0
        return int(self._said.read_text().splitlines()[-1].split()[0])


@contextmanager
def consumer(folder: Path, port: int) -> Iterator[Consumer]:
    found = Consumer(folder, port)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.wait()


def made(daemon: Daemon) -> int:
    """How many alerts the daemon has made: the number of the last."""
    with closing(sqlite3.connect(daemon.state / "outbox.sqlite")) as database:
        return int(database.execute("SELECT coalesce(max(seq), 0) FROM counter").fetchone()[0])


def until_made(daemon: Daemon, count: int) -> None:
    until(lambda: made(daemon) >= count, what=f"{count} alerts are made")


def killed(broker: Mosquitto, daemon: Daemon, kills: int, alerts: int) -> None:
    """Kill the broker again and again, evenly over so many alerts, each other time with some of them on their way."""
    chance = random.Random(1)
    for number in range(1, kills + 1):
        until_made(daemon, alerts * number // (kills + 1))
        if number % 2:
            broker.stop()
            until_made(daemon, made(daemon) + UNDERWAY)
        broker.kill()
        threading.Event().wait(chance.uniform(0, DOWN_S))
        broker.start()
    until_made(daemon, alerts)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kills", "alerts"), [(5, 150), pytest.param(50, 2000, marks=pytest.mark.long)])
def test_every_alert_arrives_though_the_broker_is_killed_while_they_flow(
    tmp_path: Path, broker: Mosquitto, kills: int, alerts: int
):
    place = f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\ndelivery = "receipt"\nreceipt_s = 1.0\n'
    with (
        consumer(tmp_path / "consumer", broker.port) as hearing,
        Daemon(tmp_path, place + camera(CROWD, more="rules.update_s = 0.2")) as daemon,
    ):
        until(hearing.events, what="the first alert arrives")
        killed(broker, daemon, kills, alerts)
        daemon.write(place + camera(EMPTY, "empty"))
        daemon.send(signal.SIGHUP)
        until(lambda: "configuration taken" in daemon.log, what="the crowd's camera has told its last")
        count = made(daemon)
        until(lambda: not waiting(daemon), DRAINED_S, "all are confirmed")
        told = daemon.until(lambda status: status["broker"] if not status["broker"]["waiting"] else None)
        assert daemon.stop()[0] == 0
        duplicates = hearing.duplicates()
    events = hearing.events()
    print(f"{count} alerts over {kills} kills: {len(events)} arrived, {duplicates} twice, {told['resent']} sent again")
    assert sorted(event["seq"] for event in events) == list(range(1, count + 1))
    assert len({event["id"] for event in events}) == count >= alerts
    assert told["resent"] > 0, "no kill struck while alerts were on their way"
    assert told["lost"] == 0
    assert rows(daemon) == []
