"""How a rollout stands, for people and for programs."""

import io
import json
from dataclasses import replace

import pytest

from tapetum_trainer.rollout import table
from tapetum_trainer.rollout.book import Member, Rollout, State
from tapetum_trainer.rollout.outcome import Outcome
from tapetum_trainer.rollout.plan import Plan, parsed

ROLLOUT = Rollout("street@2-1", "street@2", Plan(stages=parsed("canary=gate,all")), push=7, stage=1)
MEMBERS = [
    Member("gate", 0, Outcome.COMMITTED, before="street@1", asked_s=100.0),
    Member("yard", 1, Outcome.FAILED, "probe 1 of 2", asked_s=100.0),
    Member("hall", 1, Outcome.TRIAL, "trial", asked_s=100.0),
    Member("shed", 1, Outcome.ASKED, "offline", asked_s=100.0),
    Member("loft", -1, reason="it has it"),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_table_counts_each_device_once_and_says_what_went_wrong():
    assert table.lines(ROLLOUT, MEMBERS, 200.0) == [
        "street@2-1: street@2, push 7: running",
        "[##########..........] 2 of 4",
        "stage   devices  waiting  asked  coming  trial  committed  failed  late  other",
        "canary        1        0      0       0      0          1       0     0      0",
        "all           3        0      1       0      1          0       1     0      0",
        "yard: failed: probe 1 of 2",
    ]
    late = table.lines(ROLLOUT, MEMBERS, 99_999.0)
    assert late[4] == "all           3        0      0       0      0          0       1     2      0"


def test_what_goes_back_is_counted_beside_it():
    back = replace(ROLLOUT, state=State.GOING_BACK)
    going = [replace(MEMBERS[0], outcome=Outcome.BACK), replace(MEMBERS[1], outcome=Outcome.STAYS), MEMBERS[2]]
    assert table.lines(back, going, 200.0)[6:8] == ["going back  back  stays  late", "0              1      1     0"]


def test_programs_are_told_all_of_it():
    told = json.loads(json.dumps(table.values(ROLLOUT, MEMBERS, 99_999.0)))
    assert (told["state"], told["stage"], told["push"]) == ("running", "all", 7)
    assert [one["late"] for one in told["stages"]] == [0, 2]
    devices = {one["device"]: one for one in told["devices"]}
    assert devices["loft"] == {
        "device": "loft", "stage": "", "outcome": "left out", "late": False, "before": "", "reason": "it has it"
    }  # fmt: skip
    assert devices["shed"]["late"]


def test_on_a_terminal_the_table_is_drawn_over_itself_and_fits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = Terminal()
    screen = table.Screen(out)
    screen.show(ROLLOUT, MEMBERS)
    first = out.getvalue()
    assert max(map(len, first.splitlines())) == 39
    screen.show(ROLLOUT, MEMBERS)
    assert out.getvalue() == first, "not more often than one can see"
    screen.say("stage all: 3 asked")
    screen.show(ROLLOUT, MEMBERS)
    drawn = out.getvalue().removeprefix(first)
    assert drawn.startswith("\x1b[6A\x1b[Jstage all: 3 asked\n")
    assert drawn.endswith(first)


def test_elsewhere_a_line_is_written_when_something_has_changed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table, "_LINE_S", 0.0)
    out = io.StringIO()
    screen = table.Screen(out)
    for _ in range(3):
        screen.show(ROLLOUT, MEMBERS)
    screen.show(ROLLOUT, [replace(MEMBERS[0], outcome=Outcome.TRIAL)])
    assert out.getvalue().splitlines() == [
        "stage all: 4 devices, 1 committed, 1 failed, 2 late",
        "stage all: 1 devices, 1 late",
    ]
