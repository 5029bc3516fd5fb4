"""Who belongs to which stage: chance that is the same each time, by a hash of the rollout's and the device's names.

So the devices that are asked first are others in each rollout, and nobody who looks at a plan twice sees two plans.
"""

import hashlib
import math
from collections.abc import Collection, Sequence

from tapetum_trainer.publish.errors import PublishError
from tapetum_trainer.rollout.plan import Plan


def drawn(rollout: str, devices: Collection[str]) -> list[str]:
    """Return the devices in the order in which they are asked."""
    return sorted(devices, key=lambda name: (hashlib.sha256(f"{rollout}/{name}".encode()).digest(), name))


def staged(plan: Plan, rollout: str, devices: Collection[str]) -> list[tuple[str, ...]]:
    """Return for each stage the devices that it asks, each device once; raises PublishError.

    Those that a stage names are in that one, and in none before it.
    """
    named = {name for stage in plan.stages for name in stage.devices}
    rest, found, count = [name for name in drawn(rollout, devices) if name not in named], list[tuple[str, ...]](), 0
    for stage in plan.stages:
        if stage.devices:
            asked = tuple(name for name in dict.fromkeys(stage.devices) if name in devices)
        else:
            wanted = math.ceil(round(stage.share * len(devices), 9)) - count
            asked = tuple(rest[: max(0, wanted)])
            rest = rest[len(asked) :]
        count += len(asked)
        found.append(asked)
    _check(plan, found)
    return found


def _check(plan: Plan, found: Sequence[Collection[str]]) -> None:
    """Raise PublishError where a device would be asked twice."""
    seen = set[str]()
    for stage, devices in zip(plan.stages, found, strict=True):
        if seen & set(devices):
            raise PublishError(f"stage {stage.name}: {min(seen & set(devices))} is in a stage before it")
        seen |= set(devices)
