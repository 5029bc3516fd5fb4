"""When a rollout goes on, stops by itself, or is done: by how many have come how far."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from tapetum_trainer.rollout.book import Member
from tapetum_trainer.rollout.outcome import OPEN, Outcome
from tapetum_trainer.rollout.plan import Plan


@dataclass(slots=True)
class Tally:
    """How many devices of a stage, or of several, have come how far; `late` are those of `open` out of time."""

    devices: int = 0
    waiting: int = 0
    asked: int = 0
    coming: int = 0
    trial: int = 0
    committed: int = 0
    failed: int = 0
    forgiven: int = 0
    late: int = 0
    other: int = 0  # elsewhere, withdrawn

    @property
    def open(self) -> int:
        """Of which something is to be waited for."""
        return self.asked + self.coming + self.trial

    @property
    def size(self) -> int:
        """Those that the success is a share of."""
        return self.devices - self.other - self.forgiven


_FIELDS = {
    Outcome.WAITING: "waiting",
    Outcome.ASKED: "asked",
    Outcome.COMING: "coming",
    Outcome.TRIAL: "trial",
    Outcome.COMMITTED: "committed",
    Outcome.FAILED: "failed",
}


def is_late(member: Member, plan: Plan, now_s: float) -> bool:
    """Return whether a device had its time and has not come to an end."""
    return member.outcome in OPEN | {Outcome.GOING_BACK} and now_s - member.asked_s > plan.answer_s


def tally(members: Collection[Member], plan: Plan, now_s: float) -> Tally:
    """Count."""
    found = Tally()
    for member in members:
        found.devices += 1
        if member.outcome is Outcome.FAILED and member.forgiven:
            found.forgiven += 1
        elif member.outcome in OPEN and is_late(member, plan, now_s):
            found.late += 1
        else:
            field = _FIELDS.get(member.outcome, "other")
            setattr(found, field, getattr(found, field) + 1)
    return found


class Verdict(StrEnum):
    """What is to be done."""

    WAIT = "wait"
    NEXT = "next"
    HALT = "halt"
    DONE = "done"


def verdict(plan: Plan, stage: int, of_stage: Tally, of_all: Tally) -> tuple[Verdict, str]:
    """Return what is to be done once `stage` was asked, and why. of_all: of the stages that were asked so far."""
    asked = of_all.devices - of_all.other - of_all.forgiven
    if of_all.failed >= plan.fewest_failures and of_all.failed > plan.failures * asked:
        return Verdict.HALT, f"{of_all.failed} of {asked} that were asked failed: more than {plan.failures:.6g} of them"
    last = stage == len(plan.stages) - 1
    enough = of_stage.committed >= plan.success * of_stage.size
    if enough and not (last and of_all.open):
        return (Verdict.DONE if last else Verdict.NEXT), ""
    if of_stage.open or (last and enough):
        return Verdict.WAIT, ""
    told = f"stage {plan.stages[stage].name}: {of_stage.committed} of {of_stage.size} have it"
    more = ", ".join(f"{getattr(of_stage, what)} {what}" for what in ("failed", "late") if getattr(of_stage, what))
    return Verdict.HALT, f"{told} ({more}), and {plan.success:.6g} of them are wanted"
