"""One model on one set of pictures: as they are, under each condition, and camera by camera."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tapetum.inference.decode import Floats
from tapetum_trainer.evaluate.answers import Judged, Picture, answers
from tapetum_trainer.evaluate.latency import Latency
from tapetum_trainer.evaluate.mapping import Labels
from tapetum_trainer.evaluate.scores import RATES, Scores, scored
from tapetum_trainer.evaluate.truth import Pictures, groups

Conditions = Mapping[str, Callable[[Picture], Picture]]
"""Name -> what happens to a picture under it, as `DarkSensor(0.04, seed=1).picture`.

Each is asked picture by picture, in their order: what draws random numbers gives the same if it begins with a seed.
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of it. conditions, groups: by name; latency: the reference first, () where it was not measured."""

    name: str
    scores: Scores
    conditions: Mapping[str, Scores] = field(default_factory=dict)
    groups: Mapping[str, Scores] = field(default_factory=dict)
    latency: tuple[Latency, ...] = ()


def evaluate(
    model: Judged,
    pictures: Pictures,
    *,
    mapping: Labels | None = None,
    conditions: Conditions | None = None,
    rates: Sequence[float] = RATES,
) -> Result:
    """Return how `model` does on `pictures`. mapping: our label -> the model's, where they differ."""
    found = answers(model, pictures, mapping)
    return Result(
        name=model.name,
        scores=scored(found, pictures, rates=rates),
        conditions={
            name: scored(answers(model, pictures, mapping, way), pictures, rates=rates)
            for name, way in (conditions or {}).items()
        },
        groups=by_group(found, pictures, rates),
    )


def by_group(found: Sequence[Floats], pictures: Pictures, rates: Sequence[float] = RATES) -> dict[str, Scores]:
    """Return the figures of each camera or clip, where there are two or more. found: answers for all pictures."""
    parts = list(groups(pictures))
    if len(parts) < 2:
        return {}
    return {name: scored([found[index] for index in chosen], pictures, chosen, rates) for name, chosen in parts}
