"""When a rollout goes on, stops by itself, or is done."""

import dataclasses
import re

import pytest

from tapetum_trainer.rollout import rules
from tapetum_trainer.rollout.book import Member
from tapetum_trainer.rollout.outcome import Outcome
from tapetum_trainer.rollout.plan import Plan, parsed
from tapetum_trainer.rollout.rules import Tally, Verdict

PLAN = Plan(stages=parsed("10%,all"), success=0.9, failures=0.02, fewest_failures=2, answer_s=60)


def tally(devices: int = 100, **counts: int) -> Tally:
    return Tally(devices=devices, **counts)


@pytest.mark.parametrize(
    ("stage", "of_stage", "verdict", "told"),
    [
        (0, tally(asked=100), Verdict.WAIT, ""),
        (0, tally(committed=89, trial=11), Verdict.WAIT, ""),
        (0, tally(committed=90, trial=10), Verdict.NEXT, ""),  # the others are counted meanwhile
        (0, tally(committed=98, failed=2), Verdict.NEXT, ""),
        (0, tally(committed=50, trial=47, failed=3), Verdict.HALT, "3 of 100 that were asked failed: more than 0.02"),
        (0, tally(10, committed=8, trial=1, failed=1), Verdict.WAIT, ""),  # one failure is no two
        (0, tally(10, committed=9, failed=1), Verdict.NEXT, ""),
        (0, tally(10, trial=8, failed=2), Verdict.HALT, "2 of 10 that were asked failed"),
        (0, tally(committed=89, late=11), Verdict.HALT, r"stage 10 %: 89 of 100 have it \(11 late\), and 0.9 of them"),
        (0, tally(committed=89, late=10, coming=1), Verdict.WAIT, ""),  # it may still come
        (0, tally(committed=89, other=11), Verdict.NEXT, ""),  # who was brought something else counts not
        (0, tally(0), Verdict.NEXT, ""),
        (0, tally(other=100), Verdict.NEXT, ""),
        (0, tally(10, committed=8, forgiven=2), Verdict.NEXT, ""),
        (1, tally(committed=99, trial=1), Verdict.WAIT, ""),  # the last stage is waited for
        (1, tally(committed=95, late=5), Verdict.DONE, ""),
        (1, tally(committed=100), Verdict.DONE, ""),
        (1, tally(committed=80, late=20), Verdict.HALT, "20 late"),
    ],
)
def test_what_is_to_be_done_follows_from_how_far_they_have_come(
    stage: int, of_stage: Tally, verdict: Verdict, told: str
):
    found, reason = rules.verdict(PLAN, stage, of_stage, of_stage)
    assert found is verdict
    assert re.search(told, reason)


def test_failures_count_in_all_stages_together_against_all_that_were_asked():
    of_stage = tally(900, committed=100, trial=797, failed=3)
    assert rules.verdict(PLAN, 1, of_stage, tally(1000, committed=183, trial=797, failed=20))[0] is Verdict.WAIT
    halted = rules.verdict(PLAN, 1, of_stage, tally(1000, committed=182, trial=797, failed=21))
    assert halted == (Verdict.HALT, "21 of 1000 that were asked failed: more than 0.02 of them")


def test_with_no_failure_allowed_the_first_stops_it():
    plan = Plan(stages=PLAN.stages, failures=0, fewest_failures=1)
    assert rules.verdict(plan, 0, tally(trial=99, failed=1), tally(trial=99, failed=1))[0] is Verdict.HALT


def test_a_last_stage_waits_for_those_of_earlier_ones():
    of_all = tally(200, committed=199, trial=1)
    assert rules.verdict(PLAN, 1, tally(committed=100), of_all)[0] is Verdict.WAIT


def test_devices_are_counted_once_and_late_ones_by_their_time():
    outcomes = [*Outcome, Outcome.FAILED]
    members = [Member(str(number), 0, one, asked_s=100.0) for number, one in enumerate(outcomes)]
    members[-1] = dataclasses.replace(members[-1], forgiven=True)
    in_time, out_of_time = (rules.tally(members, PLAN, now_s) for now_s in (160.0, 160.1))
    assert in_time == Tally(12, waiting=1, asked=1, coming=1, trial=1, committed=1, failed=1, forgiven=1, other=5)
    assert out_of_time == Tally(12, waiting=1, late=3, committed=1, failed=1, forgiven=1, other=5)
    for found in (in_time, out_of_time):
        counted = dataclasses.asdict(found)
        assert counted.pop("devices") == sum(counted.values())
