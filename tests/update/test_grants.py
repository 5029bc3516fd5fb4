"""For whom bundles are signed, device by device: what is added, taken back and settled touches nobody else."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.update.offer import Contract, Input
from tapetum_trainer.publish import grants
from tapetum_trainer.publish.grants import Pushes

DEVICES = [f"cam-{number}" for number in range(6)]
some = st.lists(st.sampled_from(DEVICES), unique=True)


def contract(push: int, *to: str, **more: object) -> Contract:
    picture = Input(width=2, height=2, channels=3, dtype="uint8")
    return Contract(push=push, to=to, requires="0.1.0", labels="0" * 64, input=picture, **more)  # type: ignore[arg-type]


CONTRACTS = st.builds(
    lambda push, to, everybody, since: contract(push, *to, *(["*"] if everybody else []), since=since),
    st.integers(1, 20), some, st.booleans(), st.dictionaries(st.sampled_from(DEVICES), st.integers(1, 20)),
)  # fmt: skip


def has(contracts: dict[str, Contract], device: str) -> str:
    """Which bundle a device takes of these: as its own code chooses."""
    meant = {name: found.push for name, one in contracts.items() if (found := one.of(device))}
    return max(meant, key=lambda name: meant[name], default="")


@given(CONTRACTS)
def test_a_desk_counts_pushes_as_a_device_does(one: Contract):
    counted = Pushes(one)
    for device in [*DEVICES, "elsewhere"]:
        found = one.of(device)
        assert counted.of(device) == (found.push if found else 0)


@given(CONTRACTS, some)
def test_who_is_added_has_the_push_and_nobody_else_another(before: Contract, added: list[str]):
    after = grants.wider(before, contract(30, *added))
    for device in [*DEVICES, "elsewhere"]:
        assert Pushes(after).of(device) == (30 if device in added else Pushes(before).of(device))


def test_the_first_who_are_named_are_the_contract():
    assert grants.wider(None, contract(4, "gate")) == contract(4, "gate")


def test_the_epoch_never_falls():
    assert grants.wider(contract(3, "*", epoch=2), contract(4, "gate", epoch=5)).epoch == 5
    assert grants.wider(contract(3, "*", epoch=7), contract(4, "gate", epoch=5)).epoch == 7


@given(some, some)
def test_what_is_withdrawn_gives_back_what_was_there_before(asked: list[str], withdrawn: list[str]):
    before = {"street@1": contract(1, "*"), "street@0": contract(2, "cam-1", "cam-2")}
    after = {**before, "street@2": grants.wider(None, contract(5, *asked))}
    again = grants.withdrawn(after, "street@2", withdrawn)
    for device in DEVICES:
        kept = device in asked and device not in withdrawn
        assert has(again, device) == ("street@2" if kept else has(before, device))
    assert ("street@2" in again) is bool(set(asked) - set(withdrawn))
    assert grants.withdrawn(before, "street@9", withdrawn) == before


@given(some, some)
def test_what_is_settled_changes_for_nobody_what_they_have(asked: list[str], settled: list[str]):
    before = {"street@1": contract(1, *DEVICES), "street@0": contract(9, "cam-1"), "street@2": contract(5, *asked)}
    after = grants.settled(before, "street@2", settled)
    for device in DEVICES:
        assert has(after, device) == has(before, device)
        over = device in settled and device in asked
        assert Pushes(after["street@1"]).of(device) == (0 if over else 1) if "street@1" in after else over
    assert Pushes(after["street@0"]).of("cam-1") == 9, "what was pushed after it stays"


def test_a_contract_that_names_pushes_is_read_as_it_was_signed():
    whole = contract(3, "*", since={"gate": 8})
    assert msgspec.convert(msgspec.to_builtins(whole), Contract) == whole
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**msgspec.to_builtins(whole), "since": {"a/b": 1}}, Contract)
