"""The desk hears what is retained, and reads it again where it may have missed what was said."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapetum.alerts.broker import Broker
from tapetum_trainer.rollout import ears as module
from tapetum_trainer.rollout.ears import Ears
from tapetum_trainer.rollout.fleet import Fleet, topics
from tests.alerts.making import Consumer
from tests.rollout.test_fleet import GOOD
from tests.simulators.mosquitto import Mosquitto

NAMES = [f"cam-{number:03}" for number in range(120)]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "own") as running:
        yield running


@pytest.fixture
def ears(own: Mosquitto) -> Iterator[Ears]:
    found = Ears(Broker(host="127.0.0.1", port=own.port), Fleet(), lambda _: None)
    yield found
    found.close()


def retained(port: int, *names: str, **changed: object) -> None:
    """Have devices say how they do with a model."""
    with Consumer(port, "nothing") as speaker:
        for name in names:
            said = json.dumps(GOOD["model/state"] | changed).encode()
            speaker.say(f"tapetum/v1/{name}/model/state", said, retain=True)


def turned(ears: Ears, seconds: float = 20.0) -> set[str]:
    """Turn until all has come; return of whom something new was heard."""
    heard, until_s = set[str](), time.monotonic() + seconds
    while not ears.ready or ears.looking:
        assert time.monotonic() < until_s
        heard |= ears.turn()
    return heard


def test_all_that_is_retained_has_come_when_it_is_ready(own: Mosquitto, ears: Ears):
    retained(own.port, *NAMES)
    assert not ears.ready
    assert turned(ears) == set(NAMES)
    assert set(ears.fleet.devices) == set(NAMES)


def test_what_was_missed_is_read_again_some_at_a_time(own: Mosquitto, ears: Ears, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_READ_S", 0.3)
    retained(own.port, *NAMES)
    turned(ears)
    ears.fleet.devices.clear()  # as if a queue of the broker's had had no room for it
    assert turned(ears) == set()
    ears.look(topics(iter([*NAMES, "unheard"]), "model/state", "model/fetch"))
    assert ears.looking
    assert turned(ears) == set(NAMES), "and who has said nothing holds nothing up"
    assert len(ears._connection._asking) == 4, "what was read is left"  # type: ignore[union-attr]


def test_what_is_said_meanwhile_is_heard(own: Mosquitto, ears: Ears):
    turned(ears)
    retained(own.port, "gate", state="committed")
    until_s = time.monotonic() + 10
    while not (heard := ears.turn()):
        assert time.monotonic() < until_s
    assert heard == {"gate"}
    assert ears.fleet.of("gate").standing.state == "committed"  # type: ignore[union-attr]


def test_a_connection_that_is_lost_is_made_again_and_all_is_asked_for_again(
    own: Mosquitto, ears: Ears, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_SHORTEST_S", 0.1)
    retained(own.port, "gate")
    time.sleep(1.2)  # it is on the broker's disk
    turned(ears)
    own.kill()
    while ears.ready:
        ears.turn()
    ears.look(["tapetum/v1/gate/model/fetch"])
    own.start()
    retained(own.port, "yard")
    turned(ears)
    assert set(ears.fleet.devices) == {"gate", "yard"}
    assert ears.connections == 2
