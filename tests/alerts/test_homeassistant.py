"""Home Assistant is told of a device in its own terms, as its schemas for a device's discovery want it."""

import json
import re

import pytest

from tapetum.alerts.homeassistant import discovery, topic
from tapetum.alerts.topics import Topics
from tapetum.clock import SystemClock
from tapetum.outlet import Outlet
from tapetum.record import Install, Record, State
from tapetum.scene import Condition
from tests.alerts.making import Consumer, publishing
from tests.simulators.daemon import until

TOPICS = Topics("garage.1")
ROOT = {"device", "origin", "components", "availability", "qos"}
WANTED = {
    "binary_sensor": {"state_topic"},
    "sensor": {"state_topic"},
    "button": {"command_topic", "payload_press"},
    "image": {"image_topic"},
    "update": {"state_topic"},
}
CONFIG = "homeassistant/device/garage/config"


MODEL = "tapetum/v1/garage/model/update"


def coming(state: State, reason: str = "") -> Record:
    return Record("a@1", install=Install(state, "a@2", reason))


@pytest.fixture
def said():
    return discovery(TOPICS, ["hall", "gate-2"], ["shed"], "1.2.3")


def test_there_is_what_makes_a_device_and_nothing_that_makes_home_assistant_drop_it(said):
    assert set(said) == ROOT
    assert said["device"]["identifiers"] == ["garage_1"]
    assert said["origin"]["name"] == "tapetum"
    assert said["availability"][0]["topic"] == "tapetum/v1/garage.1/state"
    assert re.fullmatch(r"homeassistant/device/[A-Za-z0-9_-]+/config", topic("garage.1"))


def test_each_entity_has_an_id_of_its_own_and_what_its_platform_wants(said):
    live = {name: part for name, part in said["components"].items() if "_shed_" not in name}
    assert len(live) == 13
    assert {name: part["unique_id"] for name, part in live.items()} == {name: name for name in live}
    for name, part in live.items():
        assert re.fullmatch(r"[A-Za-z0-9_-]+", name)
        assert WANTED[part["platform"]] <= set(part)
        if part["platform"] == "sensor":
            assert part["entity_category"] != "config"


def test_a_camera_that_is_gone_is_taken_back_by_its_platforms_alone(said):
    gone = [part for name, part in said["components"].items() if "_shed_" in name]
    assert len(gone) == 6
    assert all(set(part) == {"platform"} for part in gone)


def test_every_condition_that_is_told_is_one_that_home_assistant_knows_of(said):
    part = said["components"]["garage_1_hall_condition"]
    assert set(part["options"]) == {str(one) for one in Condition}
    assert part["state_topic"] == "tapetum/v1/garage.1/hall/condition"
    tampered = said["components"]["garage_1_hall_tampered"]["value_template"]
    assert set(re.findall(r"'([a-z]+)'", tampered)) == {"moved", "shaken", "covered", "frozen", "lost"}


def test_the_model_is_an_update_entity_of_the_device_itself(said):
    part = said["components"]["garage_1_model"]
    assert (part["platform"], part["state_topic"]) == ("update", "tapetum/v1/garage.1/model/update")


STRICT = {
    "installed_version", "latest_version", "title", "release_summary", "release_url", "entity_picture", "in_progress",
    "update_percentage",
}  # fmt: skip
"""What the state of an update entity may hold: one key more, and Home Assistant drops the whole message."""


@pytest.mark.parametrize(
    ("standing", "running", "wanted"),
    [
        (Record(), "", ("none", "none", False, "")),
        (Record("a@1"), "a@1", ("a@1", "a@1", False, "")),
        (coming(State.OFFERED), "a@1", ("a@1", "a@2", True, "a@2 is offered")),
        (coming(State.SHADOW), "a@1", ("a@1", "a@2", True, "a@2 runs beside the one in use")),
        (coming(State.TRIAL), "a@2", ("a@2", "a@2", True, "a@2 is on trial")),
        (coming(State.COMMITTED), "a@2", ("a@2", "a@2", False, "a@2 is in use, and stays")),
        (coming(State.FAILED, "no" * 199), "a@1", ("a@1", "a@1", False, f"a@2 was refused: {'no' * 199}")),
    ],
)
def test_the_state_of_the_update_entity_holds_what_home_assistant_takes_and_nothing_else(
    mosquitto, outbox, standing: Record, running: str, wanted
):
    with publishing(outbox, port=mosquitto.port) as publisher, Consumer(mosquitto.port, MODEL) as consumer:
        Outlet(Topics("garage"), outbox, publisher, SystemClock()).model(standing.standing(pinned=False), running)
        state = json.loads(until(lambda: consumer.on(MODEL))[-1])
    assert set(state) <= STRICT
    *told, summary = wanted
    assert [state["installed_version"], state["latest_version"], state["in_progress"]] == told
    assert state["release_summary"] == summary[:255]


def test_the_broker_keeps_it_and_who_is_gone_is_taken_back_once_cameras_change(mosquitto, outbox):
    with publishing(outbox, port=mosquitto.port) as publisher, Consumer(mosquitto.port, CONFIG) as consumer:
        outlet = Outlet(Topics("garage"), outbox, publisher, SystemClock())
        outlet.introduce(["hall", "shed"])
        until(lambda: consumer.on(CONFIG))
        outlet.introduce(["hall"])
        until(lambda: len(consumer.on(CONFIG)) == 2)
        parts = json.loads(consumer.on(CONFIG)[-1])["components"]
        assert parts["garage_shed_motion"] == {"platform": "binary_sensor"}
        assert parts["garage_hall_motion"]["state_topic"] == "tapetum/v1/garage/hall/motion"
        with Consumer(mosquitto.port, CONFIG) as late:
            until(late.retained)
