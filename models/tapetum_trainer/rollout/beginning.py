"""How a rollout begins: who is there, who is left out and why, and who is asked in which stage."""

import argparse
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tapetum.alerts.broker import Broker
from tapetum.update.offer import EVERYBODY, Short
from tapetum_trainer.publish import home
from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.publish.repository import Repository
from tapetum_trainer.rollout.book import Book, Member, Rollout
from tapetum_trainer.rollout.choice import staged
from tapetum_trainer.rollout.ears import Ears
from tapetum_trainer.rollout.fleet import Fleet, Known, said
from tapetum_trainer.rollout.outcome import Wanted, before_of, unfit
from tapetum_trainer.rollout.plan import STAGES, Plan, checked, load, parsed

_PATIENCE_S = 60.0  # for what is retained to come
_SHOWN = 6  # names of a stage
_SILENCE = "no device has said anything, or the broker's access rules let the publisher hear nothing"


@dataclass(frozen=True, slots=True)
class Begun:
    """A rollout as it would be. content: the bundle; online: the devices that are there now."""

    rollout: Rollout
    members: Sequence[Member]
    content: bytes
    online: frozenset[str]

    def lines(self, brief: bool = False) -> Iterator[str]:
        """Yield it for people; brief: how many alone."""
        left = [one for one in self.members if one.stage < 0]
        asked = len(self.members) - len(left)
        yield f"{self.rollout.id}: {self.rollout.model} for {asked} devices, {len(left)} left out"
        for number, stage in enumerate(self.rollout.plan.stages):
            names = [one.name for one in self.members if one.stage == number]
            off = sum(name not in self.online for name in names)
            shown = "" if brief else ": " + ", ".join(names)
            yield f"stage {stage.name}: {len(names)} devices{f', {off} of them off now' if off else ''}{shown}"
        for reason in sorted({one.reason for one in left}):
            names = [one.name for one in left if one.reason == reason]
            more = f" and {len(names) - _SHOWN} more" if brief and len(names) > _SHOWN else ""
            yield f"left out, {reason}: {', '.join(names[:_SHOWN] if brief else names)}{more}"

    def values(self) -> dict[str, Any]:
        """Return it for JSON."""
        stages = [
            {"stage": stage.name, "devices": [one.name for one in self.members if one.stage == number]}
            for number, stage in enumerate(self.rollout.plan.stages)
        ]
        left = {one.name: one.reason for one in self.members if one.stage < 0}
        return {"id": self.rollout.id, "model": self.rollout.model, "stages": stages, "left_out": left}


def planned(options: argparse.Namespace, broker: Broker) -> Begun:
    """Return what a rollout by these options would be; raises PublishError."""
    content, repository = _read(options.bundle), Repository(options.home / "repository")
    plan = limited(options, _plan(options))
    model, contract = repository.contract(content, (), 0)
    _check_free(repository, model, content)
    with closing(Book(options.home / "rollouts.sqlite")) as book:
        name = _checked(options.id or _next_name(book, model))
        busy = book.asked_elsewhere(name)
    fleet, roots = heard(broker), frozenset(_digests(repository.metadata.folder))
    wanted = Wanted(model, contract.requires, roots, home.names(options.classes))
    found = _wanted(options.to, fleet, plan)
    left = {one: f"it is in {busy[one]}" if one in busy else unfit(fleet.of(one), wanted) for one in found}
    members = _members(Rollout(name, model, plan), left, fleet)
    online = frozenset(one for one in found if fleet.of(one).online)
    return Begun(Rollout(name, model, plan), members, content, online)


def _check_free(repository: Repository, model: str, content: bytes) -> None:
    """Raise PublishError where a bundle of that name is signed that is another one, or not for every kind of device."""
    if repository.content(model) not in (None, content):
        raise PublishError(f"{model} was pushed with another content, and a slot never changes: raise its version")
    signed = repository.contracts().get(model)
    if signed and signed.classes:
        raise PublishError(f"{model} was pushed for {', '.join(signed.classes)} alone: raise its version")


def _members(rollout: Rollout, left: Mapping[str, str], fleet: Fleet) -> list[Member]:
    """Return who is asked in which stage, and who is left out: those with a reason in `left`."""
    plan, model = rollout.plan, rollout.model
    stages = staged(plan, rollout.id, [one for one, reason in left.items() if not reason])
    if not any(stages):
        reasons = "; ".join(sorted(set(left.values()))) or _SILENCE
        raise PublishError(f"nobody is left who could be asked: {reasons}")
    for stage, names in zip(plan.stages, stages, strict=True):
        if stage.devices and not names:  # the fleet would be asked without the ones who were to be asked first
            reasons = "; ".join(f"{one}: {left.get(one) or _SILENCE}" for one in stage.devices)
            raise PublishError(f"stage {stage.name}: none of its devices could be asked: {reasons}")
    due = [(one, number) for number, names in enumerate(stages) for one in names]
    asked = [Member(one, number, before=_before(fleet.of(one), model)) for one, number in due]
    return asked + [Member(one, -1, reason=reason) for one, reason in left.items() if reason]


def heard(broker: Broker) -> Fleet:
    """Return all that the broker retains of devices; raises PublishError."""
    fleet, until_s = Fleet(), time.monotonic() + _PATIENCE_S
    troubles: list[str] = []
    ears = Ears(broker, fleet, troubles.append)
    try:
        while not ears.ready:
            if time.monotonic() > until_s:
                raise PublishError((troubles or [f"{ears.where}: it does not answer"])[-1])
            ears.turn()
        return fleet
    finally:
        ears.close()


def inventory(fleet: Fleet) -> list[dict[str, str]]:
    """Return what devices say of themselves, as it may be shown."""
    return [_entry(name, fleet) for name in sorted(fleet.devices)]


def limited(options: argparse.Namespace, plan: Plan) -> Plan:
    """Return the plan with the limits that options set otherwise; raises PublishError."""
    given = {
        "success": options.success,
        "failures": options.failures,
        "fewest_failures": options.fewest_failures,
        "answer_s": options.answer,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    try:
        return msgspec.convert({**msgspec.to_builtins(plan), **changed}, Plan)
    except msgspec.ValidationError as error:
        raise PublishError(f"the options: {error}") from None


def _plan(options: argparse.Namespace) -> Plan:
    if options.plan and options.stages:
        raise PublishError("--stages: the plan has its own")
    return load(options.plan) if options.plan else checked(Plan(stages=parsed(options.stages or STAGES)))


def _wanted(to: str, fleet: Fleet, plan: Plan) -> list[str]:
    """Return the devices that are meant: all that are heard of, or those that are named; stages may name more."""
    named = home.names(to)
    found = sorted(fleet.devices) if EVERYBODY in named else list(named)
    return list(dict.fromkeys([*found, *(name for stage in plan.stages for name in stage.devices)]))


def _entry(name: str, fleet: Fleet) -> dict[str, str]:
    known = fleet.of(name)
    found, standing = known.inventory, known.standing
    return {
        "device": name,
        "state": known.state.status if known.state else "unknown",
        "model": (standing.active if standing else "") or (said(found.model) if found else ""),
        "installing": standing.state if standing and standing.state != "idle" else "",
        "tapetum": said(found.tapetum) if found else "",
        "classes": said(",".join(found.classes)) if found else "",
        "enrolled": "enrolled" if found and found.root else "not enrolled",
        "pinned": "pinned" if standing and standing.pinned else "",
        "reason": standing.reason if standing else "",
    }


def _before(known: Known, model: str) -> str:
    """Return what a device has to go back to, unless it says otherwise once it was asked."""
    return (before_of(known.standing, model) if known.standing else None) or ""


def _next_name(book: Book, model: str) -> str:
    taken, number = set(book.ids()), 1
    while f"{model}-{number}" in taken:
        number += 1
    return f"{model}-{number}"


def _checked(name: str) -> str:
    """Return what a rollout is called, if it can be: a folder is called so; raises PublishError."""
    try:
        msgspec.convert(name.replace("@", "-"), Short)
    except msgspec.ValidationError:
        wanted = "up to 64 letters, digits, '_', '.', '-' or '@', the first no sign"
        raise PublishError(f"--id {name!r}: {wanted}") from None
    return name


def _digests(folder: Path) -> Iterator[str]:
    """Yield by what devices know the roots that this desk has signed."""
    return (hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.root.json"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PublishError(error.strerror or str(error), path) from None
