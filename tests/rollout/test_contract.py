"""A real daemon and a simulated device take part in the same rollouts, and say the same of them."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tapetum import bundle, data, inventory
from tests.rollout.making import Desk, quick_folder
from tests.rollout.simulation import Simulation, running
from tests.simulators.bundles import packed, with_box_moved
from tests.simulators.daemon import Daemon, until
from tests.simulators.mosquitto import Mosquitto
from tests.system.conftest import STREET, Subscriber, camera, reached_at, subscribed

FIRST = data.detector().stem
_NAME, _VERSION = FIRST.split("@")
SECOND, BAD = (f"{_NAME}@{int(_VERSION) + later}" for later in (1, 2))
QUICK = '[update]\nclock = "any"\n[trial]\nshadow_s = 1\ntrial_s = 2\n'
TOPICS = ("state", "inventory", "model/state", "model/update", "model/fetch")
COMES = ["offered", "downloading", "verified", "sandbox-tested"]


@contextlib.contextmanager
def real(folder: Path, port: int, root: bytes) -> Iterator[None]:
    daemon = Daemon(folder, camera(STREET) + reached_at(port) + QUICK)
    trust = daemon.state / "update"
    trust.mkdir(parents=True)
    (trust / "root.json").write_bytes(root)
    (trust / "floor.json").write_bytes(b"{}")
    with daemon:
        daemon.until_watching()
        yield
        assert daemon.stop()[0] == 0, daemon.log


@contextlib.contextmanager
def simulated(folder: Path, port: int, root: bytes) -> Iterator[None]:
    with quick_folder() as place:
        simulation = Simulation(place, port, lambda _, model: "probes" if model == BAD else "")
        simulation.add("unit", root, active="")
        with running(simulation):
            until(lambda: simulation.devices["unit"].connects)
            yield


@pytest.fixture
def bundles(tmp_path: Path) -> dict[str, str]:
    """The detector that comes along; the same as a later version; and one whose probe expects what is not there."""
    spec = bundle.open(data.detector()).spec()
    found = {FIRST: data.detector(), SECOND: tmp_path / "3.tapetum", BAD: tmp_path / "4.tapetum"}
    found[SECOND].write_bytes(packed(replace(spec, name=SECOND)))
    found[BAD].write_bytes(packed(with_box_moved(replace(spec, name=BAD))))
    return {name: str(path) for name, path in found.items()}


def steps(heard: Subscriber, topic: str, since: int = 0) -> list[Any]:
    """The states that were told on a topic, each once."""
    return [one for one, _ in groupby(one["state"] for one in heard.all(topic)[since:])]


def came_by(found: list[str], whole: list[str]) -> bool:
    """Whether these are the steps, in their order, to the last: of two in one turn only the later one is told."""
    rest = iter(whole)
    assert all(step in rest for step in found), found
    return found[-1] == whole[-1] and len(found) >= len(whole) - 3


@pytest.mark.system
@pytest.mark.timeout(240)
@pytest.mark.parametrize("device", [real, simulated], ids=["real", "simulated"])
def test_a_device_takes_part_in_rollouts_and_says_so(tmp_path: Path, bundles: dict[str, str], device: Any):
    with Mosquitto(tmp_path / "broker") as broker, subscribed(broker.port) as heard:
        desk = Desk(tmp_path, broker.port)
        with device(tmp_path, broker.port, desk.root):
            assert has_introduced_itself(heard)

            assert rolled_out(desk, bundles[FIRST]) == {"unit": "committed"}
            assert came_by(steps(heard, "model/state"), ["idle", *COMES, "trial", "committed"]), "none to compare with"
            assert came_by(steps(heard, "model/fetch")[:2], ["downloading", "offered"])
            told = heard.last("model/state")
            assert (told["active"], told["previous"], told["push"]) == (FIRST, "", 2)

            count = len(heard.all("model/state"))
            assert rolled_out(desk, bundles[SECOND]) == {"unit": "committed"}
            assert came_by(steps(heard, "model/state", count), ["committed", *COMES, "shadow", "trial", "committed"])

            count = len(heard.all("model/state"))
            assert desk.here("rollout", "rollback")[0] == 0
            until(lambda: heard.last("model/state")["active"] == FIRST)  # the desk may have heard it first
            told = heard.last("model/state")
            assert (told["active"], told["previous"], told["state"]) == (FIRST, SECOND, "committed")
            assert told["push"] == heard.last("model/fetch")["push"] > 3
            assert [step for step in steps(heard, "model/state", count) if step in ("shadow", "trial")] == []

            assert rolled_out(desk, bundles[BAD], "--fewest-failures", "1") == {"unit": "failed"}
            told = heard.last("model/state")
            assert (told["active"], told["state"], told["model"]) == (FIRST, "failed", BAD)
            assert told["reason"].startswith("probe 1 of ")
            assert all(keys(heard, topic) == KEYS[topic] for topic in KEYS), {one: keys(heard, one) for one in KEYS}
        until(lambda: heard.last("state")["status"] == "offline")


KEYS = {
    "state": {"boot", "status"},
    "inventory": {"schema", "tapetum", "python", "machine", "packages", "model", "classes", "cameras", "root"},
    "model/state": {"active", "previous", "refused", "trial", "state", "model", "reason", "push", "pinned"},
    "model/update": {"installed_version", "latest_version", "in_progress", "release_summary"},
    "model/fetch": {"state", "push", "model", "fetched", "bytes", "reason"},
}


def keys(heard: Subscriber, topic: str) -> set[str]:
    return {name for said in heard.all(topic) for name in said}


def has_introduced_itself(heard: Subscriber) -> bool:
    """Whether it is on the broker, and has said what a desk must know before it begins."""
    until(lambda: all(heard.last(topic) for topic in ("state", "inventory", "model/state")))
    said = inventory.parse(msgspec.json.encode(heard.last("inventory")))
    return bool(heard.last("state")["status"] == "online" and said.root and said.tapetum and said.classes)


def rolled_out(desk: Desk, path: str, *more: str) -> dict[str, str]:
    """Begin a rollout and see it end; return what became of each device."""
    said = desk.here("rollout", "start", path, "--stages", "all", "--answer", "60", *more)[1]
    assert "all: 1 devices" in said, said
    name = said.partition(":")[0]
    return {
        one["device"]: one["outcome"]
        for one in json.loads(desk.here("rollout", "status", name, "--json")[1])["devices"]
    }
