"""What devices say is taken in bounds: a hostile one neither ends nor fills the desk, nor drives its terminal."""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tapetum.record import Install, Record
from tapetum.record import State as Step
from tapetum.update.state import State as Fetched
from tapetum_trainer.rollout import fleet as fleets
from tapetum_trainer.rollout.fleet import KINDS, LARGEST, Fetch, Fleet, Known, Standing
from tapetum_trainer.rollout.outcome import Outcome, Wanted, before_of, judged, unfit
from tests.test_inventory import GOOD as INVENTORY
from tests.test_inventory import VALUES

GOOD = {
    "inventory": INVENTORY,
    "state": {"status": "online", "boot": "b"},
    "model/state": {"active": "street@1", "previous": "", "refused": None, "trial": None, "state": "trial",
                    "model": "street@1", "reason": "", "push": 4, "pinned": False},
    "model/fetch": {"state": "offered", "push": 4, "model": "street@1", "fetched": 1, "bytes": 1, "reason": ""},
}  # fmt: skip


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def almost(kind: str) -> st.SearchStrategy[bytes]:
    good = GOOD[kind]
    return st.builds(lambda name, value: encoded(good | {name: value}), st.sampled_from(sorted(good)), VALUES)


TOPICS = st.sampled_from(
    [
        f"tapetum/v1/{name}/{kind}"
        for name in ("gate", "repository", "", "a/b", "x" * 65, "é", "..", ".x")
        for kind in KINDS
    ]
    + ["", "tapetum/v1/", "tapetum/v1/gate", "tapetum/v1/gate/room/event", "$SYS/broker", "tapetum/v1/gate/model/other"]
)


@settings(deadline=None)
@given(TOPICS, st.binary(max_size=200) | st.one_of(*map(almost, KINDS)))
@example("tapetum/v1/gate/model/state", b"[" * 10_000)
@example("tapetum/v1/gate/model/state", b'{"state":' * 1500)
@example("tapetum/v1/gate/state", b'{"status":"online","x":"' + b"x" * LARGEST + b'"}')
@example("tapetum/v1/gate/model/fetch", encoded(GOOD["model/fetch"] | {"push": 10**30}))
@example("tapetum/v1/gate/model/fetch", encoded(GOOD["model/fetch"] | {"reason": "\x1b[2J\x07" * 500}))
def test_whatever_comes_is_an_answer_in_its_bounds_or_none(topic: str, payload: bytes):
    known = Fleet()
    known.take(topic, payload)
    assert set(known.devices) <= {"gate"}
    for one in known.devices.values():
        for text in (*texts(one.standing), *texts(one.fetch)):
            assert len(text) <= 200
            assert text.isprintable()
        if one.inventory:
            assert (one.inventory.packages, one.inventory.cameras) == ({}, {})
    judged(known.of("gate"), "street@1", 4)


def texts(said: Standing | Fetch | None) -> list[str]:
    return [text for text in msgspec.structs.asdict(said).values() if isinstance(text, str)] if said else []


@pytest.mark.parametrize(
    ("active", "previous", "before"),
    [
        ("street@4", "street@3", "street@4"),  # it tries street@5, or has failed at it
        ("street@5", "street@4", "street@4"),
        ("", "", ""),  # inference.model
        ("street@5", "", None),  # who had inference.model, and an earlier Tapetum, which does not say
        ("street@5", "street@5", None),
    ],
)
def test_what_a_device_goes_back_to_is_never_what_it_is_to_leave(active: str, previous: str, before: str | None):
    assert before_of(Standing("trial", active, previous, "street@5", push=4), "street@5") == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_device_says_is_known_until_it_takes_it_back_or_says_otherwise(kind: str):
    known, topic = Fleet(), f"tapetum/v1/gate/{kind}"
    assert known.take(topic, encoded(GOOD[kind])) == "gate"
    assert known.take(topic, encoded(GOOD[kind])) == "", "it is no news"
    before = known.of("gate")
    assert known.take(topic, b"nonsense") == ""
    assert (known.refused, known.of("gate")) == (1, before)
    assert known.take(topic, b"") == "gate"
    assert known.of("gate") == Known()


def test_there_are_no_more_devices_than_can_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fleets, "MOST", 3)
    known = Fleet()
    for number in range(9):
        known.take(f"tapetum/v1/cam-{number}/state", encoded(GOOD["state"]))
    assert len(known.devices) == 3
    assert known.take("tapetum/v1/cam-1/state", encoded({"status": "offline"})) == "cam-1"
    assert known.take("tapetum/v1/cam-9/state", b"") == ""


def test_what_the_daemon_writes_is_what_the_desk_reads():
    record = Record("street@1").begun(Install(Step.VERIFIED, "street@2", push=7))
    steps: list[Callable[[Record], Record]] = [
        lambda one: one,
        *[lambda one, step=step: one.come_to(step) for step in Step],
        lambda one: one.unwilling("no"),
        lambda one: one.activated(None, Step.TRIAL),
    ]
    for step in steps:
        told = step(record).standing(pinned=True)
        known = Fleet()
        assert known.take("tapetum/v1/gate/model/state", msgspec.json.encode(told)) == "gate", told
        read = known.of("gate").standing
        assert msgspec.structs.asdict(read) == {
            name: getattr(told, name) for name in ("state", "active", "previous", "model", "reason", "push", "pinned")
        }
    for state in ("idle", "current", "waiting", "downloading", "offered", "refused", "failed"):
        known = Fleet()
        said = msgspec.json.encode(Fetched(state, 7, "street@2", 5, 9, "why"))
        assert known.take("tapetum/v1/gate/model/fetch", said) == "gate"
        assert known.of("gate").fetch == Fetch(state, 7, "street@2", "why")


def standing(state: str, push: int = 7, **more: object) -> Standing:
    return msgspec.convert({"state": state, "push": push, "model": "street@2", **more}, Standing)


def fetch(state: str, push: int = 7, **more: object) -> Fetch:
    return msgspec.convert({"state": state, "push": push, "model": "street@2", **more}, Fetch)


@pytest.mark.parametrize(
    ("known", "outcome", "reason"),
    [
        (Known(), Outcome.ASKED, "offline"),
        (Known(state=fleets.State("online")), Outcome.ASKED, ""),
        (Known(fetch=fetch("downloading")), Outcome.COMING, "downloading"),
        (Known(fetch=fetch("offered"), standing=standing("shadow")), Outcome.COMING, "shadow"),
        (Known(fetch=fetch("offered"), standing=standing("failed", 3, reason="then")), Outcome.COMING, "offered"),
        (Known(standing=standing("trial")), Outcome.TRIAL, "trial"),
        (Known(standing=standing("committed"), fetch=fetch("current")), Outcome.COMMITTED, ""),
        (Known(standing=standing("failed", reason="probe 1")), Outcome.FAILED, "probe 1"),
        (Known(standing=standing("rolled-back", reason="slow")), Outcome.FAILED, "slow"),
        (Known(fetch=fetch("refused", reason="version")), Outcome.FAILED, "version"),
        (
            Known(fetch=fetch("refused", 0, reason="expired"), state=fleets.State("online")),
            Outcome.ASKED,
            "refused: ex",
        ),
        (Known(fetch=fetch("waiting", reason="busy")), Outcome.ASKED, "waiting: busy"),
        (Known(fetch=fetch("current"), standing=standing("committed", 0, active="street@2")), Outcome.COMMITTED, "it"),
        (Known(fetch=fetch("current"), standing=standing("committed", 0, model="own@1")), Outcome.ELSEWHERE, "own@1"),
        (Known(fetch=fetch("offered", 9, model="street@3")), Outcome.ELSEWHERE, "street@3 was pushed to it"),
        (Known(fetch=fetch("current", 3), standing=standing("committed", 3)), Outcome.ASKED, "offline"),
    ],
)
def test_how_far_a_device_has_come_is_told_by_what_it_says_of_that_push(known: Known, outcome: Outcome, reason: str):
    found, why = judged(known, "street@2", 7)
    assert found is outcome
    assert why.startswith(reason)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, ""),
        ({"root": ""}, "it is not enrolled: tapetum enroll"),
        ({"root": "b" * 64}, "it was enrolled by another desk's root"),
        ({"classes": ["armv8"]}, "it is none of cpu, edgetpu"),
        ({"tapetum": "0.0.9"}, "it has Tapetum 0.0.9, and the bundle asks for 0.1.0"),
        ({"tapetum": "none \x1b[J"}, "it has Tapetum none ?[J, and"),
    ],
)
def test_who_cannot_have_it_is_left_out_with_the_reason(changed: dict[str, object], reason: str):
    known = Fleet()
    known.take("tapetum/v1/gate/inventory", encoded(INVENTORY | changed))
    wanted = Wanted("street@2", "0.1.0", frozenset({"a" * 64}), ("cpu", "edgetpu"))
    assert unfit(known.of("gate"), wanted).startswith(reason)
    assert bool(unfit(known.of("gate"), wanted)) is bool(reason)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (standing("committed", active="street@1"), ""),
        (standing("committed", active="street@2"), "it has it"),
        (standing("idle", 0, pinned=True), "somebody pinned it: tapetum models pin --off"),
    ],
)
def test_who_has_it_or_wants_none_is_left_out(said: Standing, reason: str):
    known = Fleet()
    known.take("tapetum/v1/gate/inventory", encoded(INVENTORY))
    one = known.of("gate")
    one.standing = said
    assert unfit(one, Wanted("street@2", "0.1.0", frozenset({"a" * 64}))) == reason


def test_who_says_nothing_of_itself_is_left_out():
    assert unfit(Known(), Wanted("street@2", "0.1.0", frozenset())).startswith("it tells of itself nothing")
