"""How far a device has come with what it was asked, by what it says itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tapetum.inventory import Inventory
from tapetum.update import contracts
from tapetum_trainer.rollout.fleet import Fetch, Known, Standing, said


class Outcome(StrEnum):
    """In a rollout, of one device."""

    WAITING = "waiting"  # its stage has not begun
    ASKED = "asked"  # it is signed for it; nothing was heard
    COMING = "coming"  # it fetches or tries it
    TRIAL = "trial"  # it is active, and may be gone back from
    COMMITTED = "committed"
    FAILED = "failed"  # refused, or rolled back by itself
    ELSEWHERE = "elsewhere"  # somebody brought it another model meanwhile
    WITHDRAWN = "withdrawn"  # it was asked, had not begun, and is not asked any more
    GOING_BACK = "going-back"  # it is signed for what it had before
    BACK = "back"
    STAYS = "stays"  # what it had before is not this desk's to sign, or it refuses that


OPEN = frozenset({Outcome.ASKED, Outcome.COMING, Outcome.TRIAL})
"""Something is still to come of it."""
_ENDS = {"committed": Outcome.COMMITTED, "failed": Outcome.FAILED, "rolled-back": Outcome.FAILED}
_OFFLINE = "offline"


def judged(known: Known, model: str, push: int) -> tuple[Outcome, str]:
    """Return how far a device has come with a push, and the reason or the step.

    What it says of another push is no answer, so that nothing that was before counts.
    """
    standing, fetch = known.standing, known.fetch
    if standing and standing.push == push:
        if standing.state in _ENDS:
            return _ENDS[standing.state], standing.reason
        return (Outcome.TRIAL if standing.state == "trial" else Outcome.COMING), standing.state
    if fetch and fetch.push == push:
        return _fetched(fetch, standing, model)
    if fetch and fetch.push > push:
        return Outcome.ELSEWHERE, f"{fetch.model} was pushed to it"
    return Outcome.ASKED, _why(known)


def before_of(standing: Standing, model: str) -> str | None:
    """Return what a device has to go back to from `model`, "" inference.model; None where it does not say so.

    It is what is active, or where that is `model`, what was before.
    """
    if standing.active != model:
        return standing.active
    return standing.previous if standing.previous not in ("", model) else None


def _fetched(fetch: Fetch, standing: Standing | None, model: str) -> tuple[Outcome, str]:
    """Return how far it has come by its own word on the fetching alone."""
    if fetch.state == "refused":
        return Outcome.FAILED, fetch.reason
    if fetch.state == "current" and standing is not None and standing.active == model:
        return Outcome.COMMITTED, "it had it"
    if fetch.state == "current" and standing is not None and standing.state in _ENDS:
        return Outcome.ELSEWHERE, f"{standing.model or standing.active or 'inference.model'} was wanted there"
    if fetch.state in ("waiting", "failed", "idle"):
        return Outcome.ASKED, f"{fetch.state}: {fetch.reason}"
    return Outcome.COMING, fetch.state


def _why(known: Known) -> str:
    """Return what may keep a device from answering; "": nothing that is known."""
    if not known.online:
        return _OFFLINE
    if known.fetch and known.fetch.state in ("waiting", "refused", "failed"):
        return f"{known.fetch.state}: {known.fetch.reason}"
    return ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a device must be. requires: the version of Tapetum that the bundle asks for; roots: digests of the desk's.

    classes: of which it must be one; (): of any.
    """

    model: str
    requires: str
    roots: frozenset[str]
    classes: tuple[str, ...] = ()


def unfit(known: Known, wanted: Wanted) -> str:
    """Return why a device is left out; "": it is not."""
    if known.inventory is None:
        return "it tells of itself nothing that this desk understands"
    return next(_reasons(known.inventory, known.standing, wanted), "")


def _reasons(found: Inventory, standing: Standing | None, wanted: Wanted) -> Iterator[str]:
    if not found.root:
        yield "it is not enrolled: tapetum enroll"
    elif found.root not in wanted.roots:
        yield "it was enrolled by another desk's root"
    if wanted.classes and set(wanted.classes).isdisjoint(found.classes):
        yield f"it is none of {', '.join(wanted.classes)}"
    if contracts.numbers(found.tapetum) < contracts.numbers(wanted.requires):
        yield f"it has Tapetum {said(found.tapetum)}, and the bundle asks for {wanted.requires}"
    if standing and standing.pinned:
        yield "somebody pinned it: tapetum models pin --off"
    if standing and standing.active == wanted.model and standing.state != "trial":
        yield "it has it"
