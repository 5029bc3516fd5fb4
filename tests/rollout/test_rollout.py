"""Rollouts by the desk's own commands, over a real broker, to devices of which each has its own connection and trust.

Whatever happens on the way, no device is asked twice and none is forgotten.
"""

import json
import os
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tapetum.alerts.broker import Broker
from tapetum_trainer import cli
from tapetum_trainer.publish.repository import Repository
from tapetum_trainer.publish.shelf import Shelf
from tapetum_trainer.rollout import driver
from tapetum_trainer.rollout.choice import staged
from tapetum_trainer.rollout.plan import Plan, parsed
from tests.alerts.making import Consumer
from tests.rollout.making import Desk, active, fleet
from tests.rollout.simulated import Simulated
from tests.rollout.simulation import Simulation
from tests.simulators.daemon import until
from tests.simulators.mosquitto import Mosquitto
from tests.update.making import packed

pytestmark = pytest.mark.timeout(240)  # each has several commands, each with seconds of its own on a busy machine
NAME = "street@2-1"
TWO = ("--stages", "first=25%,all")
FIRST = staged(Plan(stages=parsed(TWO[1])), NAME, [f"cam-{number:03}" for number in range(12)])[0]
"""Of a fleet of twelve."""


def fails(*names: str, how: str = "trial") -> Callable[[str, str], str]:
    return lambda name, model: how if name in names and model == "street@2" else ""


def asked_once(simulation: Simulation) -> bool:
    return all(count == 1 for device in simulation.devices.values() for count in device.offered.values())


def begun(simulation: Simulation) -> set[str]:
    """The devices that have begun to install anything."""
    return {name for name, device in simulation.devices.items() if device.offered}


def pushes(simulation: Simulation) -> Counter[tuple[str, int]]:
    return Counter(key for device in simulation.devices.values() for key in device.offered.elements())


def pushed(desk: Desk) -> dict[str, set[str]]:
    """For whom each bundle is signed."""
    contracts = Repository(desk.home / "repository").contracts()
    return {name: {*one.to, *one.since} for name, one in contracts.items()}


def test_a_rollout_asks_stage_after_stage_and_each_device_once(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 12) as simulation:
        done = desk.rollout(*TWO, "--answer", "60")
        assert done.returncode == 0, done.stdout + done.stderr
        assert set(active(simulation).values()) == {"street@2"}
        assert pushes(simulation) == {("street@2", 3): 12}
    said = done.stdout
    steps = ["stage first: 3 asked", "stage all: 9 asked", "complete"]
    assert [line for line in said.splitlines() if line in steps] == steps
    assert re.search(r"^first +3 +0 +0 +0 +0 +3 +0 +0 +0$", said, re.MULTILINE)
    assert re.search(r"^all +9 +0 +0 +0 +0 +9 +0 +0 +0$", said, re.MULTILINE)
    assert "\x1b" not in said, "no terminal is driven that is none"
    status = desk.status()
    assert (status["state"], status["push"], len(status["devices"])) == ("complete", 3, 12)
    assert {one["device"] for one in status["devices"] if one["stage"] == "first"} == set(FIRST)
    assert pushed(desk) == {"street@1": {"*"}, "street@2": set(active(simulation))}


def test_a_dry_run_says_who_would_be_asked_and_sends_nothing(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 12) as simulation:
        before = dict(index(broker))
        sent = simulation.sent
        said = json.loads(dry(desk, *TWO, "--json"))
        assert [(one["stage"], len(one["devices"])) for one in said["stages"]] == [("first", 3), ("all", 9)]
        assert said["stages"][0]["devices"] == list(FIRST)
        text = dry(desk, *TWO)
        assert f"stage first: 3 devices: {', '.join(FIRST)}\n" in text
        assert index(broker) == before
        assert simulation.sent == sent
        assert desk.here("rollout", "list") == (0, "")
        assert "street@2" not in pushed(desk)


def test_a_stage_of_which_none_can_be_asked_is_refused_and_the_others_are_not_asked_without_it(
    desk: Desk, broker: Mosquitto
):
    with fleet(broker, desk.root, 2) as simulation:
        done = desk.rollout("--stages", "canary=cam-0O0,all")
        assert done.returncode == 1
        assert "stage canary: none of its devices could be asked: cam-0O0: it tells of itself nothing" in done.stderr
        assert begun(simulation) == set()
        assert desk.here("rollout", "list") == (0, "")
        assert "street@2" not in pushed(desk)


def dry(desk: Desk, *arguments: str) -> str:
    """Return what a dry run says."""
    status, said = desk.here("rollout", "start", desk.bundle(2), "--dry-run", *arguments)
    assert status == 0, said
    return said


def index(broker: Mosquitto) -> dict[str, object]:
    with Shelf(Broker(host="127.0.0.1", port=broker.port)) as shelf:
        return dict(shelf.index().files)


def test_one_that_fails_too_often_stops_by_itself_and_who_has_not_begun_does_not_begin(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 12, fails(*FIRST[:2])) as simulation:
        off = simulation.devices[FIRST[2]]
        gone(simulation, FIRST[2])
        done = desk.rollout(*TWO)
        assert done.returncode == 1
        assert "halted: 2 of 3 that were asked failed: more than 0.02 of them" in done.stdout
        assert f"{FIRST[0]}: failed: its worker failed on trial: killed by SIGSEGV" in done.stdout
        assert begun(simulation) == set(FIRST[:2]), "no other stage has begun"
        comes_again(simulation, off)
        assert begun(simulation) == set(FIRST[:2])
        assert set(active(simulation).values()) == {"street@1"}
        again = desk.run("rollout", "resume", "--answer", "60")
        assert again.returncode == 0, again.stdout + again.stderr
        assert asked_once(simulation), "who failed is not asked again by the same rollout"
        assert Counter(active(simulation).values()) == {"street@1": 2, "street@2": 10}
    assert Counter(desk.outcomes().values()) == {"committed": 10, "failed": 2}


def gone(simulation: Simulation, name: str) -> None:
    """Let a device lose its connection, and the broker tell so."""
    device = simulation.devices[name]
    with Consumer(simulation.port, f"tapetum/v1/{name}/state") as consumer:
        simulation.later(device.drop)
        until(lambda: any(b"offline" in message.payload for message in list(consumer.heard)))


def comes_again(simulation: Simulation, device: Simulated) -> None:
    """Let a device have its connection again, and look what is for it."""
    looks = device.looks
    simulation.later(device.connect)
    until(lambda: device.looks > looks)


def test_who_is_off_is_late_and_has_it_when_it_is_on_again(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 12) as simulation:
        gone(simulation, "cam-005")
        done = desk.rollout(*TWO, "--answer", "4", "--success", "0.6")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 of them off now" in done.stdout
        late = [one for one in desk.status()["devices"] if one["late"]]
        assert [(one["device"], one["outcome"], one["reason"]) for one in late] == [("cam-005", "asked", "offline")]
        simulation.later(simulation.devices["cam-005"].connect)
        until(lambda: set(active(simulation).values()) == {"street@2"})
        assert asked_once(simulation)


def test_too_many_who_do_not_answer_stop_it(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 12, fails(*FIRST, how="hang")) as simulation:
        done = desk.rollout(*TWO, "--answer", "2")
        assert done.returncode == 1
        assert "halted: stage first: 0 of 3 have it (3 late), and 0.9 of them are wanted" in done.stdout
        assert begun(simulation) == set(FIRST)


def test_who_cannot_have_it_is_left_out_with_the_reason(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 4) as simulation:
        simulation.later(lambda: simulation.add("stranger").connect())
        simulation.later(lambda: simulation.add("has-it", desk.root, "street@2", push=2).connect())
        until(lambda: all(one.connects for one in list(simulation.devices.values())) and len(simulation.devices) == 6)
        pinned = simulation.devices["cam-001"]
        simulation.later(lambda: pinned.slots.pin(True))
        simulation.later(pinned.tell)
        with Consumer(broker.port, "tapetum/v1/cam-001/model/state") as consumer:
            until(lambda: consumer.heard and json.loads(consumer.heard[-1].payload)["pinned"])
        with Consumer(broker.port, "nothing") as liar:
            liar.say("tapetum/v1/liar/inventory", b'{"schema": 1, "tapetum": 7}', retain=True)
        assert json.loads(dry(desk, "--json"))["left_out"] == {
            "cam-001": "somebody pinned it: tapetum models pin --off",
            "has-it": "it has it",
            "stranger": "it is not enrolled: tapetum enroll",
        }
        named = json.loads(dry(desk, "--json", "--to", "cam-000,unheard"))
        assert named["left_out"] == {"unheard": "it tells of itself nothing that this desk understands"}
        status, said = desk.here("rollout", "start", desk.bundle(2), "--dry-run", "--classes", "edgetpu")
        assert (status, "it is none of edgetpu" in said) == (1, True)
        told = json.loads(desk.here("rollout", "devices", "--json")[1])
        assert {one["device"]: one["enrolled"] for one in told}["stranger"] == "not enrolled"
        assert len(told) == 6
        assert "6 devices, 1 messages that are none" in desk.here("rollout", "devices")[1]


@pytest.mark.parametrize(
    "seconds", [pytest.param(0.1, marks=pytest.mark.long), 1.0, pytest.param(3.0, marks=pytest.mark.long)]
)
def test_a_desk_that_is_killed_goes_on_where_it_was(desk: Desk, broker: Mosquitto, seconds: float):
    with fleet(broker, desk.root, 12, step_s=0.3) as simulation:
        with desk.begun("rollout", "start", desk.bundle(2), *TWO) as process:
            until(lambda: "asked" in desk.said)
            time.sleep(seconds)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        before = begun(simulation)
        done = desk.run("rollout", "watch")
        assert done.returncode == 0, done.stdout + done.stderr
        assert before <= begun(simulation)
        assert pushes(simulation) == {("street@2", 3): 12}
        assert set(active(simulation).values()) == {"street@2"}
    assert set(desk.outcomes().values()) == {"committed"}
    with closing(sqlite3.connect(desk.home / "rollouts.sqlite")) as database:
        asked = database.execute("SELECT what FROM event WHERE what LIKE '%asked'").fetchall()
    assert sorted(asked) == [("stage all: 9 asked",), ("stage first: 3 asked",)]


def test_a_second_process_on_the_same_rollout_is_refused_and_says_who_drives_it(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 12, fails(*FIRST, how="hang")) as simulation:
        with desk.begun("rollout", "start", desk.bundle(2), *TWO) as process:
            until(lambda: begun(simulation) == set(FIRST))
            refused = desk.run("rollout", "watch")
            assert refused.returncode == 1
            assert f"{NAME} is driven by another command: process {process.pid}" in refused.stderr
            another = desk.rollout("--id", "mine")
            assert (another.returncode, f"it is in {NAME}" in another.stderr) == (1, True)
            assert desk.status()["state"] == "running", "whoever wants to know how it stands is told"
            paused = desk.run("rollout", "pause")
            assert paused.returncode == 0
            assert f"{NAME}: paused: somebody paused it: by the process that drives it" in paused.stdout
            assert process.wait(10) == 0
        assert begun(simulation) == set(FIRST)
        assert desk.run("rollout", "watch").stderr.endswith("it can be when rolling-back, running\n")
        aborted = desk.run("rollout", "abort")
        assert (aborted.returncode, desk.status()["state"]) == (0, "aborted")
        assert pushed(desk)["street@2"] == set(FIRST), "who has begun goes on"
        assert desk.run("rollout", "resume").returncode == 1


def test_an_abort_leaves_alone_who_was_not_asked_and_takes_back_what_was_not_begun(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 12) as simulation:
        gone(simulation, FIRST[0])
        off = simulation.devices[FIRST[0]]
        with desk.begun("rollout", "start", desk.bundle(2), *TWO, "--success", "1") as process:
            until(lambda: all(active(simulation)[name] == "street@2" for name in FIRST[1:]))
            aborted = desk.run("rollout", "abort")
            assert aborted.returncode == 0, aborted.stdout + aborted.stderr
            assert process.wait(10) == 1
        assert pushed(desk)["street@2"] == set(FIRST[1:])
        comes_again(simulation, off)
        assert begun(simulation) == set(FIRST[1:])
        counted = Counter(active(simulation).values())
        assert counted == {"street@2": 2, "street@1": 10}, "who has it keeps it"
    assert desk.outcomes()[FIRST[0]] == "withdrawn"


def test_a_fleet_goes_back_to_what_each_had_before(desk: Desk, broker: Mosquitto):
    desk.pushes(3, "cam-003")
    with fleet(broker, desk.root, 12, fails("cam-001")) as simulation:
        until(lambda: active(simulation)["cam-003"] == "street@3")
        simulation.later(lambda: simulation.add("own", desk.root, "mine@1", push=2).connect())
        until(lambda: "own" in simulation.devices and simulation.devices["own"].connects)
        done = desk.rollout(*TWO, "--fewest-failures", "3", "--success", "0.8")
        assert done.returncode == 0, done.stdout + done.stderr
        assert Counter(active(simulation).values()) == {"street@2": 12, "street@1": 1}
        back = desk.run("rollout", "rollback")
        assert back.returncode == 0, back.stdout + back.stderr
        assert "rolled-back" in back.stdout
        assert "own: stays: it had mine@1, which is not signed here: tapetum models rollback" in back.stdout
        assert active(simulation) == {
            **dict.fromkeys(active(simulation), "street@1"), "cam-003": "street@3", "own": "street@2"
        }  # fmt: skip
        assert asked_once(simulation)
        assert simulation.devices["cam-001"].offered == {("street@2", 4): 1}, "who went back by itself is left alone"
        assert all(step.install.back for step in [one.ledger.record for one in simulation.devices.values()][2:3])
    assert Counter(desk.outcomes().values()) == {"back": 11, "failed": 1, "stays": 1}
    assert "street@2" not in pushed(desk)


def test_who_was_trying_an_earlier_push_when_it_began_goes_back_to_that(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 3, step_s=1.5) as simulation:
        trying = simulation.devices["cam-001"].ledger
        desk.pushes(3, "cam-001")
        until(lambda: trying.record.install.model == "street@3")
        with desk.begun("rollout", "start", desk.bundle(2), "--stages", "all", "--answer", "60") as process:
            until(lambda: "stage all: 3 asked" in desk.said)
            assert active(simulation)["cam-001"] == "street@1", "it had not even begun its trial"
            assert process.wait(60) == 0, desk.said
        assert (set(active(simulation).values()), trying.record.previous) == ({"street@2"}, "street@3")
        back = desk.run("rollout", "rollback")
        assert back.returncode == 0, back.stdout + back.stderr
        assert active(simulation) == {"cam-000": "street@1", "cam-001": "street@3", "cam-002": "street@1"}


def test_a_device_is_not_believed_that_it_had_what_was_never_signed_for_it(desk: Desk, broker: Mosquitto):
    desk.pushes(3, "cam-001")
    with fleet(broker, desk.root, 2, fails("cam-000", "cam-001", how="hang")) as simulation:
        until(lambda: active(simulation)["cam-001"] == "street@3")
        with desk.begun("rollout", "start", desk.bundle(2), "--stages", "all", "--answer", "60"):
            until(lambda: set(active(simulation).values()) == {"street@2"})
            until(lambda: set(desk.outcomes().values()) == {"trial"})
            told = {"state": "trial", "model": "street@2", "active": "street@2", "push": desk.status()["push"]}
            with Consumer(broker.port, "nothing") as liar:
                for previous in ("street@3", "street@2", "nothing@9"):
                    said = json.dumps({**told, "previous": previous, "reason": f"I had {previous}"}).encode()
                    liar.say("tapetum/v1/cam-000/model/state", said, retain=True)
            time.sleep(2)  # it hears that; nothing of it is to be seen
            back = desk.run("rollout", "rollback")
            assert back.returncode == 0, back.stdout + back.stderr
        until(lambda: active(simulation) == {"cam-000": "street@1", "cam-001": "street@3"})
    assert pushed(desk)["street@3"] == {"cam-001"}


def test_a_rollback_ends_trials_that_are_under_way(desk: Desk, broker: Mosquitto):
    hanging = fails(*[f"cam-{number:03}" for number in range(6)], how="hang")
    start = "rollout", "start", desk.bundle(2), "--stages", "all"
    with fleet(broker, desk.root, 6, hanging) as simulation, desk.begun(*start):
        until(lambda: set(active(simulation).values()) == {"street@2"})
        back = desk.run("rollout", "rollback")
        assert back.returncode == 0, back.stdout + back.stderr
        until(lambda: set(active(simulation).values()) == {"street@1"})
        until(lambda: "rolled-back" in desk.said)
    assert set(desk.outcomes().values()) == {"back"}


def test_a_broker_that_is_killed_holds_it_up_and_no_more(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 12, step_s=0.3) as simulation:
        with desk.begun("rollout", "start", desk.bundle(2), *TWO) as process:
            until(lambda: "stage first: 3 asked" in desk.said)
            broker.kill()
            until(lambda: "trying again" in desk.said)
            broker.start()
            until(lambda: process.poll() is not None, 90, "the rollout is at its end")  # a lost answer is said again
            assert process.wait() == 0, desk.said
        assert set(active(simulation).values()) == {"street@2"}
        assert asked_once(simulation)


def test_a_bundle_that_is_signed_already_is_rolled_out_as_what_it_is_or_not_at_all(desk: Desk, broker: Mosquitto):
    assert desk.here("push", desk.bundle(2), "--wait", "0", "--classes", "edgetpu")[0] == 0
    status, said = desk.here("rollout", "start", desk.bundle(2), "--dry-run")
    assert (status, "street@2 was pushed for edgetpu alone: raise its version" in said) == (1, True)
    Path(desk.bundle(1)).write_bytes(packed(1, 9_000, label="dog"))
    status, said = desk.here("rollout", "start", desk.bundle(1), "--dry-run")
    assert (status, "street@1 was pushed with another content" in said) == (1, True)


def test_what_was_pushed_to_a_device_since_is_left_to_it(desk: Desk, broker: Mosquitto):
    with fleet(broker, desk.root, 12, fails(*FIRST[1:], how="hang")) as simulation:
        with desk.begun("rollout", "start", desk.bundle(2), *TWO, "--success", "0.6") as process:
            until(lambda: "1 committed" in desk.said)
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(10) == 130
        assert f"so does this: tapetum-trainer rollout watch {NAME}" in desk.said
        other = next(name for name in active(simulation) if name not in FIRST)
        desk.pushes(3, other, FIRST[0])
        until(lambda: active(simulation)[other] == active(simulation)[FIRST[0]] == "street@3")
        assert desk.run("rollout", "pause").returncode == 0
        with desk.begun("rollout", "resume", "--success", "0.3"):
            until(lambda: Counter(desk.outcomes().values())["committed"] >= 8)
        assert active(simulation)[other] == "street@3"
        assert desk.outcomes()[other] == "elsewhere"
        assert simulation.devices[other].offered == {("street@3", 4): 1}


def test_a_broker_whose_queue_is_short_hides_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(driver, "_READ_S", 1.0)
    with Mosquitto(tmp_path / "short", "max_queued_messages 15", "max_inflight_messages 5") as broker:
        desk = Desk(tmp_path, broker.port)
        desk.pushes(1)
        with fleet(broker, desk.root, 20, step_s=0.02) as simulation:
            command = ("rollout", "start", desk.bundle(2), "--stages", "all", "--success", "1", "--answer", "60")
            assert cli.main(desk.command(*command)[3:]) == 0
            assert set(active(simulation).values()) == {"street@2"}
        assert "dropped" in broker.log.lower()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["start", "nothing.tapetum"], "nothing.tapetum: No such file or directory"),
        (["start", "BUNDLE", "--stages", "half"], "--stages: 'half': 10%, all, NAME=10% or"),
        (["start", "BUNDLE", "--success", "2"], "the options: Expected `float` <= 1.0 - at `$.success`"),
        (["start", "BUNDLE", "--id", "../x"], "--id '../x': up to 64 letters"),
        (["start", "BUNDLE", "--plan", "no.toml"], "no.toml: No such file or directory"),
        (["start", "BUNDLE"], "nobody is left who could be asked: no device has said anything, or"),
        (["status"], "there is no rollout yet: tapetum-trainer rollout start BUNDLE"),
        (["pause", "other"], "there is no rollout 'other': tapetum-trainer rollout list"),
    ],
)
def test_what_cannot_be_is_told_with_what_would_be_right(desk: Desk, arguments: list[str], told: str):
    status, said = desk.here("rollout", *[desk.bundle(2) if one == "BUNDLE" else one for one in arguments])
    assert status == 1
    assert told in said
    assert "street@2" not in pushed(desk)
