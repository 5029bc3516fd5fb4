"""What a rollout is to do is said on the command line or in a file, and taken whole or refused with the reason."""

import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.rollout.choice import drawn, staged
from tapetum_trainer.rollout.plan import STAGES, Plan, Stage, checked, load, parsed

NAMES = [f"cam-{number:04}" for number in range(1000)]


def plan(stages: str) -> Plan:
    return checked(Plan(stages=parsed(stages)))


def test_stages_are_shares_of_the_fleet_or_devices_by_name():
    assert parsed("canary=gate+yard, 2.5%, half=50%, all") == (
        Stage(name="canary", devices=("gate", "yard")),
        Stage(name="2.5 %", share=0.025),
        Stage(name="half", share=0.5),
        Stage(name="all", share=1.0),
    )
    assert [stage.name for stage in parsed(STAGES)] == ["canary", "10 %", "50 %", "all"]


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        ("", "Expected `array` of length >= 1"),
        ("0%", "'0%': 10%, all, NAME=10% or NAME=DEVICE.DEVICE is wanted"),
        ("110%", "'110%': 10%, all"),
        ("gate", "'gate': 10%, all, NAME=10% or NAME=DEVICE.DEVICE is wanted"),
        ("canary=a/b", "'canary=a/b': Expected `str` matching regex"),
        ("canary=gate+", "'canary=gate\\+': Expected `str` matching regex"),
        ("50%,10%", "stage 10 %: 0.5 of the fleet were asked before; shares rise"),
        ("x=10%,x=50%", "each has a name of its own"),
        ("all,all=100%", "shares rise"),
    ],
)
def test_stages_that_cannot_be_are_refused(stages: str, told: str):
    with pytest.raises((PublishError, msgspec.ValidationError), match=told):
        plan(stages) if stages else msgspec.convert({"stages": []}, Plan)


def test_a_plan_in_a_file_says_all_of_it(tmp_path: Path):
    path = tmp_path / "plan.toml"
    path.write_text(
        "success = 0.95\nfailures = 0.01\nfewest_failures = 3\nanswer_s = 600\n"
        '[[stages]]\nname = "canary"\ndevices = ["gate"]\n[[stages]]\nname = "all"\nshare = 1\n'
    )
    stages = (Stage(name="canary", devices=("gate",)), Stage(name="all", share=1.0))
    assert load(path) == Plan(stages=stages, success=0.95, failures=0.01, fewest_failures=3, answer_s=600)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "stages"),
        ("stages = 1", "plan.stages"),
        ("sucess = 1", "sucess"),
        ('success = 2\n[[stages]]\nname = "all"\nshare = 1', "plan.success"),
        ('[[stages]]\nname = "all"', "stage all: either devices or a share above 0 is wanted"),
        ('[[stages]]\nname = "all"\nshare = 1\ndevices = ["gate"]', "either devices or a share"),
        ("stages =", "plan.toml: "),
    ],
)
def test_a_file_that_is_no_plan_is_named_with_what_is_wrong(tmp_path: Path, text: str, told: str):
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(PublishError, match=told):
        load(tmp_path / "plan.toml")
    with pytest.raises(PublishError, match=r"nowhere\.toml: No such file or directory"):
        load(tmp_path / "nowhere.toml")


@given(
    count=st.integers(1, 400),
    shares=st.lists(st.integers(1, 100), min_size=1, max_size=6, unique=True).map(sorted),
    named=st.integers(0, 5),
)
def test_each_device_is_asked_once_and_so_many_at_a_time_as_were_wanted(count: int, shares: list[int], named: int):
    names = NAMES[:count]
    first = (Stage(name="canary", devices=tuple(names[:named])),) if named else ()
    wanted = checked(Plan(stages=(*first, *(Stage(name=f"{one}", share=one / 100) for one in shares))))
    found = staged(wanted, "street@5-1", names)
    asked = [name for stage in found for name in stage]
    assert len(asked) == len(set(asked))
    assert set(asked) <= set(names)
    for number, share in enumerate(shares, start=len(first)):
        assert sum(map(len, found[: number + 1])) == max(math.ceil(round(share * count / 100, 6)), len(names[:named]))
    if first:
        assert found[0] == tuple(names[:named])


def test_who_is_in_which_stage_is_the_same_each_time_and_other_in_another_rollout():
    one = staged(plan("1%,10%,all"), "street@5-1", NAMES)
    assert staged(plan("1%,10%,all"), "street@5-1", NAMES[::-1]) == one
    other = staged(plan("1%,10%,all"), "street@5-2", NAMES)
    assert len(set(one[0]) & set(other[0])) <= 2, "chance has it so"
    assert [len(stage) for stage in one] == [10, 90, 900]
    assert drawn("street@5-1", NAMES)[:3] == ["cam-0427", "cam-0263", "cam-0881"], "in each version of Tapetum too"


def test_a_named_device_that_is_left_out_is_in_no_stage_and_one_named_twice_is_refused():
    assert staged(plan("canary=gate+yard,all"), "one", ["yard", "hall"]) == [("yard",), ("hall",)]
    with pytest.raises(PublishError, match="stage b: gate is in a stage before it"):
        staged(plan("a=gate,b=gate"), "one", ["gate"])


def test_a_fleet_of_one_has_a_canary():
    assert staged(plan(STAGES), "one", ["gate"]) == [("gate",), (), (), ()]
