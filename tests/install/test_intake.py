"""What was fetched is taken when it is wanted, once."""

from pathlib import Path

import pytest

from tapetum.errors import Unsuitable
from tapetum.intake import Intake
from tapetum.ledger import Ledger
from tapetum.record import Install, Record, State
from tapetum.store import Store
from tapetum.update.offer import Contract, Input, Installer, Offer
from tests.store.making import packed

HASH = "0" * 64


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    store = Store(tmp_path / "models")
    store.install(packed(1))
    store.keep(Record("street@1", push=4))
    return Ledger(store)


@pytest.fixture
def told() -> list[State]:
    return []


@pytest.fixture
def intake(ledger: Ledger, told: list[State]) -> Intake:
    return Intake(ledger, lambda: told.append(ledger.record.install.state))


def offer(tmp_path: Path, version: int = 2, push: int = 5, label: str = "person") -> Offer:
    path = tmp_path / "coming.tapetum"
    path.write_bytes(packed(version, label=label))
    picture = Input(width=2, height=2, channels=3, dtype="uint8")
    contract = Contract(push=push, to=("*",), requires="0.1.0", labels=HASH, input=picture)
    return Offer("street", version, path, HASH, contract)


def test_a_bundle_that_is_taken_lies_in_its_slot_and_is_to_be_tried(
    tmp_path: Path, intake: Intake, ledger: Ledger, told: list[State]
):
    installer: Installer = intake
    assert installer.needs("street@2", HASH, 5)
    assert installer.needs("street@2", HASH, 5)  # it is asked again after a connection was lost
    intake.downloading("street@2")
    coming = offer(tmp_path)
    installer.take(coming)
    assert not coming.path.exists()
    assert ledger.store.open("street@2").name == "street@2"
    assert told == [State.OFFERED, State.DOWNLOADING, State.VERIFIED]
    on_disk = ledger.store.record().install
    assert (on_disk.state, on_disk.model, on_disk.push) == (State.VERIFIED, "street@2", 5)


@pytest.mark.parametrize(
    ("record", "model", "push", "needed"),
    [
        (Record("street@1", push=4), "street@2", 5, True),
        (Record("street@1", push=4), "street@2", 4, False),  # that push was answered
        (Record("street@1", push=4), "street@1", 9, False),  # it runs
        (Record("street@2", "street@1", push=4), "street@1", 9, True),  # it ran, and is pushed anew
        (Record("street@1", push=4, install=Install(State.SHADOW, "street@2", push=5)), "street@3", 6, False),
        (Record("street@1", push=4, install=Install(State.TRIAL, "street@1", push=4)), "street@3", 6, False),
        (Record("street@1", push=4, install=Install(State.OFFERED, "street@2", push=5)), "street@3", 6, True),
        (Record("street@1", push=4, install=Install(State.ROLLED_BACK, "street@2", push=4)), "street@2", 4, False),
        (Record("street@1", push=4, install=Install(State.ROLLED_BACK, "street@2", push=4)), "street@2", 5, True),
    ],
)
def test_a_push_is_wanted_once_and_not_while_another_one_is_installed(
    intake: Intake, ledger: Ledger, record: Record, model: str, push: int, needed: bool
):
    ledger.demand(lambda _: record)
    assert intake.needs(model, HASH, push) is needed


def test_while_updates_are_not_wanted_none_is_taken(tmp_path: Path, intake: Intake, ledger: Ledger):
    ledger.store.pin(True)
    assert not intake.needs("street@2", HASH, 5)
    with pytest.raises(OSError, match="somebody wants no updates"):
        intake.take(offer(tmp_path))
    ledger.store.want("street@1")
    assert ledger.store.wish().pinned, "a wish for a model does not unpin"
    ledger.store.pin(False)
    assert intake.needs("street@2", HASH, 5)


def test_while_another_one_is_installed_a_bundle_is_offered_again_later(tmp_path: Path, intake: Intake, ledger: Ledger):
    ledger.demand(lambda record: record.begun(Install(State.SHADOW, "street@9", wish="somebody")))
    coming = offer(tmp_path)
    with pytest.raises(OSError, match="street@9 is being installed"):
        intake.take(coming)
    assert coming.path.exists()
    assert ledger.record.install.model == "street@9"


def test_another_content_under_a_name_that_is_there_is_refused_for_good(
    tmp_path: Path, intake: Intake, ledger: Ledger, told: list[State]
):
    with pytest.raises(Unsuitable, match="a slot never changes"):
        intake.take(offer(tmp_path, version=1, label="dog"))
    assert told == [State.FAILED]
    assert ledger.store.record().push == 5
    assert not intake.needs("street@1", HASH, 5)
    assert ledger.store.path("street@1").read_bytes() == packed(1)


def test_what_a_disk_does_not_take_is_offered_again(tmp_path: Path, intake: Intake, ledger: Ledger):
    (ledger.store.folder / "active.json.part").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        intake.take(offer(tmp_path))
    assert ledger.record.install.state is State.IDLE
    (ledger.store.folder / "active.json.part").rmdir()
    intake.take(offer(tmp_path))
    assert ledger.store.record().install.state is State.VERIFIED


def test_what_nobody_needs_makes_room_for_what_comes(intake: Intake, ledger: Ledger):
    for version in (6, 7):
        ledger.store.path(f"street@{version}").write_bytes(packed(version))
    assert intake.needs("street@2", HASH, 5)
    assert ledger.store.slots() == ["street@1"]


@pytest.mark.parametrize(
    ("install", "needed"),
    [
        (Install(State.COMMITTED, "street@2", push=5), True),
        (Install(State.TRIAL, "street@2", push=5), True),  # it ends the trial, as somebody at the device would
        (Install(State.SHADOW, "street@3", push=5), False),  # which is none yet
    ],
)
def test_what_was_active_before_may_come_back_while_the_one_after_it_is_on_trial(
    intake: Intake, ledger: Ledger, install: Install, needed: bool
):
    ledger.demand(lambda _: Record("street@2", "street@1", push=5, install=install))
    assert intake.needs("street@1", HASH, 6) is needed


def test_a_push_of_what_was_active_before_is_a_wish_for_it(tmp_path: Path, intake: Intake, ledger: Ledger):
    on_trial = Record("street@2", "street@1", push=5, install=Install(State.TRIAL, "street@2", push=5))
    ledger.demand(lambda _: on_trial)
    intake.take(offer(tmp_path, version=1, push=6))
    wish = ledger.store.wish()
    assert (wish.model, wish.push, wish.pinned) == ("street@1", 6, False)
    assert ledger.record == on_trial, "who changes what runs does the rest"
    with pytest.raises(Unsuitable, match="a slot never changes"):
        intake.take(offer(tmp_path, version=1, push=7, label="dog"))
    assert ledger.store.wish() == wish


def test_a_push_of_the_active_model_waits_while_another_is_tried_that_may_take_over(intake: Intake, ledger: Ledger):
    ledger.demand(lambda _: Record("street@1", push=5, install=Install(State.SHADOW, "street@2", push=5)))
    assert not intake.had("street@1", 6)
    assert not intake.needs("street@1", HASH, 6)
    ledger.demand(lambda record: record.unwilling("it was worse"))
    assert intake.had("street@1", 6)
