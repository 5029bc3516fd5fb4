"""From an int8 model and labelled pictures to a bundle that a device takes: thresholds, probes, figures, card."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.bundle import Provenance
from tapetum.bundle.manifest import Name
from tapetum.inference.contract import ModelSpec
from tapetum.settings import Settings
from tapetum_trainer.card import card
from tapetum_trainer.evaluate import Pictures, Result, answers, flat, of_spec
from tapetum_trainer.evaluate.result import by_group
from tapetum_trainer.evaluate.scores import matched, scored
from tapetum_trainer.pack import pack
from tapetum_trainer.quantize import Quantized
from tapetum_trainer.questions import probes
from tapetum_trainer.thresholds import BestF1, Rule, thresholds

_MOST_METRICS = 1000  # that a manifest may have


class Bundling(Settings, frozen=True, kw_only=True):
    """What a bundle is called, and what goes into it besides the model."""

    name: Name
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 1  # only rises
    thresholds: Rule = BestF1()
    probes: Annotated[int, Meta(ge=0, le=32)] = 4  # of them one with nothing in it
    apart: bool = True  # whether the scores are chosen on other pictures than the figures are of


@dataclass(frozen=True, slots=True)
class Bundled:
    """A bundle, and what was found out while it was made. content: the file."""

    content: bytes
    spec: ModelSpec
    result: Result
    card: str


def bundled(
    made: Quantized,
    pictures: Pictures,
    provenance: Provenance,
    settings: Bundling,
    *,
    questions: Sequence[NDArray[np.uint8]] | None = None,
    result: Result | None = None,
) -> Bundled:
    """Return the bundle of `made`, whose classes are the labels of `pictures`, which it was not trained with.

    questions: pictures (h, w, 3) of which the probes are made, and which go into the bundle,
    so they must be free to be given away; None: of `pictures`; (): no probes but what even gray gives. result: how it
    was judged, where that has been done with more, as conditions; None: on `pictures` alone.

    Raises ValueError, Unreadable or Unsuitable where a device would not take it.
    """
    spec = ModelSpec(f"{settings.name}@{settings.version}", made.content, pictures.labels, made.contract)
    found = answers(of_spec(spec), pictures)
    where = f"{len(pictures)} pictures, not those of the figures" if result and settings.apart else "the same pictures"
    if result is None:
        result = Result(spec.name, scored(found, pictures), groups=by_group(found, pictures))
    least = thresholds(matched(found, pictures), pictures.labels, settings.thresholds)
    spec = replace(spec, min_score=least)
    asked = questions if questions is not None else [pictures.picture(index) for index in range(len(pictures))]
    spec = replace(spec, probes=probes(spec, asked, settings.probes) if settings.probes else ())
    chosen = f"on {where}: {settings.thresholds.words()}"
    words = card(spec.name, provenance, result, made.report, least, chosen)
    return Bundled(pack(spec, provenance, _metrics(result), card=words), spec, result, words)


def _metrics(result: Result) -> dict[str, float]:
    """Return all figures by name, `night/ap50` those of a condition; of a condition only what is of all classes."""
    found = flat(result.scores)
    for name, scores in result.conditions.items():
        found |= {key: one for key, one in flat(scores, f"{name}/").items() if key.count("/") == 1}
    return {name: found[name] for name in list(found)[:_MOST_METRICS]}
