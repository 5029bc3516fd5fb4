"""An installing goes on where another start of the daemon has left it."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from tapetum import switch
from tapetum.inference.settings import Inference
from tapetum.install.probation import Pace, Tally
from tapetum.install.settings import Trials
from tapetum.record import Install, Record, State, Wish
from tapetum.store import Store
from tapetum.switch import Switch
from tests.install.quick import QuickWorker
from tests.simulators.daemon import until
from tests.store.making import packed

PACE = Pace(600.0, 6000, 6000, 40)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Two slots, the first of which is active, on a device whose models answer at once."""
    monkeypatch.setattr(switch, "Worker", lambda spec, _: QuickWorker(spec))
    monkeypatch.setattr(switch, "_LOOK_S", 0.01)
    store = Store(tmp_path / "models")
    for version in (1, 2):
        store.install(packed(version))
        store.keep(Record("street@1"))
    return store


def ran(store: Store, condition: Callable[[Record], bool], trials: Trials) -> list[State]:
    """Do what the daemon does until `condition` is true of what is on the disk; return the states that were told."""
    running, stop, told = Switch(store, Inference(), trials), threading.Event(), list[State]()
    tell = lambda: told.append(running.standing.state)  # noqa: E731
    tally = lambda: Tally(time.monotonic(), 0, 0, 0)  # noqa: E731
    thread = threading.Thread(target=lambda: running.run(stop, tell, tally))
    thread.start()
    try:
        until(lambda: condition(store.record()))
    finally:
        stop.set()
        thread.join()
    return told


@pytest.mark.parametrize("state", [State.VERIFIED, State.TESTED, State.SHADOW])
def test_a_model_that_is_not_active_yet_is_tried_from_the_beginning(store: Store, state: State):
    store.keep(Record("street@1", install=Install(state, "street@2", push=5, before=PACE)))
    told = ran(store, lambda record: record.install.state is State.TRIAL, Trials(shadow_s=0.02))
    assert [one for one, _ in groupby(told)][-3:] == [State.TESTED, State.SHADOW, State.TRIAL]
    record = store.record()
    assert (record.active, record.previous, record.push) == ("street@2", "street@1", 5)
    assert record.install.before == PACE, "how the device did before is not forgotten"
    assert (record.install.ends, record.install.orderly) == (1, True)


def test_one_on_trial_is_on_trial_anew(store: Store):
    store.keep(Record("street@2", "street@1", install=Install(State.TRIAL, "street@2", before=PACE)))
    began_s = time.monotonic()
    told = ran(store, lambda record: record.install.state is State.COMMITTED, Trials(trial_s=0.3))
    assert time.monotonic() - began_s > 0.3
    assert told == [State.COMMITTED]


@pytest.mark.parametrize(
    ("state", "active", "comes_to"),
    [(State.TRIAL, "street@2", State.ROLLED_BACK), (State.SHADOW, "street@1", State.FAILED)],
)
def test_one_over_which_the_daemon_ended_too_often_is_given_up_before_anything_of_it_is_loaded(
    store: Store, state: State, active: str, comes_to: State
):
    store.keep(Record(active, "street@1", install=Install(state, "street@2", push=5, ends=2)))
    running = Switch(store, Inference(), Trials(restarts=2))
    assert running.worker.model == "street@1"
    record = store.record()
    assert (record.active, record.install.state, record.push) == ("street@1", comes_to, 5)
    assert record.install.reason.startswith("the daemon ended 3 times while it was ")
    assert store.slots() == ["street@1"], "a pushed one that is given up goes"


def test_what_is_on_its_way_is_asked_for_anew_after_a_start(store: Store):
    store.keep(Record("street@1", install=Install(State.DOWNLOADING, "street@3", push=5)))
    assert Switch(store, Inference(), Trials()).standing.state is State.IDLE


def test_who_wants_another_model_has_seen_enough_of_the_one_on_trial(store: Store):
    store.install(packed(2))
    store.keep(Record("street@2", "street@1", install=Install(State.TRIAL, "street@2")))
    store.install(packed(3))
    wish = store.want("street@3")
    ran(store, lambda record: record.active == "street@3", Trials(shadow_s=0))
    record = store.record()
    assert (record.previous, record.answered, record.install.state) == ("street@2", wish.id, State.TRIAL)


def test_a_disk_that_takes_nothing_while_somebody_wants_a_model_holds_up_nothing_but_that(store: Store):
    store.keep(Record("street@2", "street@1", install=Install(State.TRIAL, "street@2")))
    running, stop = Switch(store, Inference(), Trials()), threading.Event()
    (store.folder / "active.json.part").mkdir()
    store.want("street@1")
    thread = threading.Thread(target=lambda: running.run(stop, lambda: None, lambda: Tally(0.0, 0, 0, 0)))
    thread.start()
    until(lambda: running.ledger.trouble)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    (store.folder / "active.json.part").rmdir()
    ran(store, lambda record: record.active == "street@1", Trials())


def test_a_wish_of_an_earlier_version_is_read(store: Store):
    (store.folder / "wanted.json").write_text('{"model": "street@1", "id": "one"}')
    (store.folder / "active.json").write_text(
        '{"active": "street@1", "previous": "", "refused": null, "trial": null, "trying": "one", "answered": ""}'
    )
    assert store.wish() == Wish("street@1", "one")
    assert replace(store.record(), answered="") == Record("street@1")


def test_a_push_of_what_was_before_ends_a_trial_and_is_told_by_its_number(store: Store):
    store.keep(Record("street@2", "street@1", push=5, install=Install(State.TRIAL, "street@2", push=5)))
    store.want("street@1", push=6)
    told = ran(store, lambda record: record.active == "street@1", Trials(shadow_s=5, trial_s=600))
    assert State.SHADOW not in told, "it was active before: it answers its probes, and no more is asked"
    record = store.record()
    assert (record.previous, record.push, record.install.state) == ("street@2", 6, State.COMMITTED)
    assert record.standing(pinned=False).push == 6
