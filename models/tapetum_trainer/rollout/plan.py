"""What a rollout is to do: its stages, and what they must come to."""

import re
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from tapetum.config_errors import explained
from tapetum.settings import Fraction, Settings
from tapetum.update.offer import Short
from tapetum_trainer.publish.errors import PublishError

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) ?%")
_ALL = "all"
STAGES = "canary=1%,10%,50%,all"
"""Where nothing is said."""


class Stage(Settings, frozen=True):
    """Who is asked at once. devices: by name; share: until so much of the fleet was asked, those before counted."""

    name: Annotated[str, Meta(min_length=1, max_length=32)]
    devices: tuple[Short, ...] = ()
    share: Fraction = 0.0


class Plan(Settings, frozen=True):
    """What counts as going well. Shares are of the devices of a stage, or of all that were asked."""

    stages: Annotated[tuple[Stage, ...], Meta(min_length=1, max_length=32)]
    success: Fraction = 0.9  # of a stage must have come through the trial before the next one begins
    failures: Fraction = 0.02  # of all that were asked; it stops by itself when more have failed
    fewest_failures: Annotated[int, Meta(ge=1)] = 2  # so many it takes at least: one device may have its own trouble
    answer_s: Annotated[float, Meta(gt=0, le=2_592_000)] = 3600.0  # for a device to come to an end: then it is late


def parsed(text: str) -> tuple[Stage, ...]:
    """Return the stages of `canary=gate+yard,10%,50%,all`; raises PublishError."""
    return tuple(_stage(part.strip()) for part in text.split(",") if part.strip())


def load(path: Path) -> Plan:
    """Return the plan in a file; raises PublishError, which names file and key."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return checked(msgspec.convert(values, Plan))
    except msgspec.ValidationError as error:
        raise PublishError(explained(str(error), Plan, values, "plan"), path) from None
    except OSError as error:
        raise PublishError(error.strerror or str(error), path) from None
    except ValueError as error:  # no TOML, no UTF-8
        raise PublishError(str(error), path) from None


def checked(plan: Plan) -> Plan:
    """Return the plan if its stages follow each other; raises PublishError."""
    share = 0.0
    for stage in plan.stages:
        if bool(stage.devices) == bool(stage.share):
            raise PublishError(f"stage {stage.name}: either devices or a share above 0 is wanted")
        if stage.share and stage.share <= share:
            raise PublishError(f"stage {stage.name}: {share:.6g} of the fleet were asked before; shares rise")
        share = stage.share or share
    names = [stage.name for stage in plan.stages]
    if len(set(names)) < len(names):
        raise PublishError(f"stages {', '.join(names)}: each has a name of its own")
    return plan


def _stage(text: str) -> Stage:
    name, given, who = text.rpartition("=")
    found = _SHARE.fullmatch(who)
    if who == _ALL or (found and 0 < float(found[1]) <= 100):
        share = float(found[1]) / 100 if found else 1.0
        return Stage(name=name.strip() or (f"{found[1]} %" if found else _ALL), share=share)
    if not given:
        raise PublishError(f"--stages: {text!r}: 10%, all, NAME=10% or NAME=DEVICE+DEVICE is wanted")
    try:
        return msgspec.convert({"name": name.strip(), "devices": [one.strip() for one in who.split("+")]}, Stage)
    except msgspec.ValidationError as error:
        raise PublishError(f"--stages: {text!r}: {error}") from None
