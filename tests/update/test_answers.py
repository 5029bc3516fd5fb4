"""What devices make of a push, as the desk tells it: told by what they retain, on a real broker."""

import json
import threading

import pytest

from tapetum.alerts.broker import Broker
from tapetum_trainer.publish import answers
from tapetum_trainer.publish.answers import Answers
from tapetum_trainer.publish.shelf import Shelf
from tests.alerts.making import Consumer
from tests.simulators.mosquitto import Mosquitto

MODEL, PUSH = "street@5", 7


class Fleet:
    """Devices that say what they are told to."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def fetch(self, device: str, state: str, push: int = PUSH, **more: object) -> None:
        self._say(device, "fetch", {"state": state, "push": push, "model": MODEL, **more})

    def state(self, device: str, state: str, active: str = "", model: str = MODEL, reason: str = "") -> None:
        self._say(device, "state", {"active": active, "state": state, "model": model, "reason": reason})

    def pinned(self, device: str) -> None:
        self._say(device, "state", {"active": "street@4", "state": "committed", "model": "street@4", "pinned": True})

    def _say(self, device: str, kind: str, value: object) -> None:
        self._consumer.say(f"tapetum/v1/{device}/model/{kind}", json.dumps(value).encode(), retain=True)


@pytest.fixture
def own(tmp_path):
    with Mosquitto(tmp_path / "own") as running:
        yield running


@pytest.fixture
def fleet(own: Mosquitto):
    with Consumer(own.port, "elsewhere") as consumer:
        yield Fleet(consumer)


def told(port: int, to: tuple[str, ...], later=lambda: None, seconds: float = 3.0) -> tuple[bool, list[str]]:
    """Listen as the desk does, let `later` happen, and return the outcome with what was said."""
    said: list[str] = []
    with Shelf(Broker(host="127.0.0.1", port=port)) as shelf:
        waiting = Answers(shelf, to, said.append)
        shelf.index()
        timer = threading.Timer(0.2, later)
        timer.start()
        outcome = waiting.wait(MODEL, PUSH, seconds)
        timer.join()
    return outcome, said


def test_each_step_is_told_and_the_end_is_that_it_is_on_trial(own: Mosquitto, fleet: Fleet):
    def goes_well() -> None:
        fleet.fetch("gate", "downloading", fetched=1_000_000, bytes=4_000_000)
        fleet.fetch("gate", "offered")
        for state in ("verified", "sandbox-tested", "shadow"):
            fleet.state("gate", state, active="street@4")
        fleet.state("gate", "trial", active=MODEL)

    outcome, said = told(own.port, ("gate",), goes_well)
    assert outcome
    steps = ["downloading 1.0 of 4.0 MB", "offered", "verified", "sandbox-tested", "shadow", "trial"]
    assert said == [f"gate: {step}" for step in steps]


@pytest.mark.parametrize("state", ["failed", "rolled-back"])
def test_one_that_refuses_or_goes_back_is_told_with_the_reason(own: Mosquitto, fleet: Fleet, state: str):
    def fails() -> None:
        fleet.fetch("gate", "offered")
        fleet.state("gate", state, active="street@4", reason="probe 1 of 2: \x1b[31mno")

    outcome, said = told(own.port, ("gate",), fails)
    assert (outcome, said[-1]) == (False, f"gate: {state} probe 1 of 2: ?[31mno")


def test_what_was_said_of_an_earlier_push_is_no_answer(own: Mosquitto, fleet: Fleet):
    fleet.fetch("gate", "offered", push=PUSH - 1)
    fleet.state("gate", "failed", reason="then")
    outcome, said = told(own.port, ("gate",), lambda: fleet.fetch("gate", "waiting", reason="busy"), 1.5)
    assert (outcome, said) == (False, ["gate: waiting busy", "gate: no answer yet; what is pushed waits for it"])


def test_one_that_was_never_heard_of_and_one_that_is_pinned_are_told_of(own: Mosquitto, fleet: Fleet):
    fleet.pinned("yard")
    outcome, said = told(own.port, ("gaet", "yard"), seconds=1.5)
    assert not outcome
    assert said == [
        "gaet: no device of that name has said anything here yet; what is pushed waits for it",
        "yard: somebody pinned it (tapetum models pin --off, there); what is pushed waits for it",
    ]


def test_one_that_has_had_it_and_one_that_does_not_trust_it_are_told_apart(own: Mosquitto, fleet: Fleet):
    fleet.fetch("gate", "current")
    fleet.fetch("yard", "refused", reason="UnsignedMetadataError")
    outcome, said = told(own.port, ("gate", "yard"))
    assert (outcome, sorted(said)) == (False, ["gate: current", "yard: refused UnsignedMetadataError"])


def test_without_names_it_is_those_that_are_enrolled(own: Mosquitto, fleet: Fleet, monkeypatch):
    fleet.state("never-enrolled", "idle")
    fleet.fetch("gate", "current")
    assert told(own.port, ()) == (True, ["gate: current"])


def test_nobody_at_all_is_told_of(own: Mosquitto, monkeypatch):
    monkeypatch.setattr(answers, "_SOON_S", 0.5)
    outcome, said = told(own.port, (), seconds=60)
    assert (outcome, said[0][:38]) == (False, "no device that is enrolled has said an")


@pytest.mark.parametrize("junk", [b"{", b"[]", b'{"state":5}', b"\xff", b'{"push":"x"}', b'{"x":' + b"[" * 9000])
def test_what_is_no_answer_is_passed_over(own: Mosquitto, fleet: Fleet, junk: bytes):
    with Consumer(own.port, "elsewhere") as consumer:
        for kind in ("fetch", "state"):
            consumer.say(f"tapetum/v1/gate/model/{kind}", junk, retain=True)
    assert told(own.port, ("gate",), lambda: fleet.fetch("gate", "current")) == (True, ["gate: current"])
