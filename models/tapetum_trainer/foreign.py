"""A float model that was trained elsewhere, quantized with pictures of ours, judged by them, and packed.

It keeps its labels. What of ours each of them means is told, so that it can be judged; a label that means nothing of
ours keeps the threshold of what nothing is known of.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from tapetum import bundle
from tapetum.bundle import Source
from tapetum.errors import BundleError, ConfigError
from tapetum.inference.contract import ModelSpec
from tapetum.inference.labels import NAMELESS
from tapetum_trainer.calibration import spread
from tapetum_trainer.card import card
from tapetum_trainer.data.packed import Packed
from tapetum_trainer.errors import DataError, ModelError, Refused, asked_here
from tapetum_trainer.evaluate import Loss, Result, answers, evaluate, flat, losses, of_spec
from tapetum_trainer.evaluate.answers import Judged
from tapetum_trainer.evaluate.mapping import Labels, columns
from tapetum_trainer.evaluate.scores import matched
from tapetum_trainer.pack import pack
from tapetum_trainer.provenance import provenance
from tapetum_trainer.quantize import Quantized, Report, quantize
from tapetum_trainer.questions import of_the_clip, probes
from tapetum_trainer.recipe import Recipe
from tapetum_trainer.sets import Sets
from tapetum_trainer.thresholds import UNKNOWN, thresholds


@dataclass(frozen=True, slots=True)
class Taken:
    """A bundle of whole numbers, and how the float model, and this one, did on the pictures that judge."""

    content: bytes
    card: str
    small: Quantized
    before: Result
    after: Result
    losses: tuple[Loss, ...]
    model: Judged
    judging: Packed


@dataclass(frozen=True, slots=True)
class Foreign:
    """A float model with its labels. name: `name@version` of the bundle; licence: of the model; file: its name."""

    spec: ModelSpec
    name: str
    licence: str
    file: str

    @property
    def source(self) -> Source:
        """What the bundle is made of."""
        digest = hashlib.sha256(self.spec.content).hexdigest()
        return Source(name=self.file[:99], licence=self.licence, address=f"sha256:{digest}")


def foreign(path: Path, labels: str, name: str, licence: str) -> Foreign:
    """Return the model in the file `path`, a float .tflite; raises ModelError where it cannot be used.

    labels: the file of its labels, where it brings none.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file; a float .tflite is wanted")
    try:
        spec = bundle.of_tflite(path, labels)
    except (BundleError, ConfigError) as error:
        raise ModelError(f"{path}: {asked_here(error)}") from None
    if spec.contract is None or not spec.contract.decoder.PLACES:
        raise ModelError(f"{path}: it does not say where things are: a detector is wanted")
    return Foreign(spec, name, licence, path.name)


def shown_as_large(recipe: Recipe, model: Foreign) -> Recipe:
    """Return the recipe with pictures that are as large as the model takes them."""
    side = max(model.spec.contract.input.size) if model.spec.contract else 0
    data = msgspec.structs.replace(recipe.data, side=max(recipe.data.side, side))
    return msgspec.structs.replace(
        recipe, data=data, augmentation=msgspec.structs.replace(recipe.augmentation, side=side)
    )


def taken(model: Foreign, sets: Sets, means: Labels | None = None) -> Taken:
    """Return the bundle of `model`, calibrated, judged and given its thresholds by the pictures of a recipe.

    means: our label -> the model's. Raises ModelError when it cannot be quantized, RecipeError when none of its labels
    is one of ours, DataError when there is nothing to judge it by, Refused when it is not what the recipe accepts.
    """
    recipe, contract = sets.recipe, model.spec.contract
    judging = sets.judging
    if contract is None or not len(judging):
        raise DataError("no picture is left to judge by: data.shares.valid is to be more")
    columns(judging.labels, model.spec.labels, means)  # says that it knows none of ours, before minutes of work
    shown = spread(sets.packed("train"), recipe.augmentation, recipe.quantization.pictures)
    small = quantize(model.spec.content, contract, shown, recipe.quantization)
    whole = replace(model.spec, name=model.name, content=small.content, contract=small.contract)
    real, judged = of_spec(replace(model.spec, name=model.name)), of_spec(whole)
    before, after = (evaluate(one, judging, mapping=means) for one in (real, judged))
    lost = losses(real, judged, judging, mapping=means)
    content, words = _packed(model, whole, sets, means, _Figures(after, small.report))
    for missed in recipe.acceptance.missed(after.scores.ap50 or 0.0, lost, len(content)):
        raise Refused(missed)
    return Taken(content, words, small, before, after, lost, judged, judging)


@dataclass(frozen=True, slots=True)
class _Figures:
    """What the card tells."""

    after: Result
    report: Report


def _packed(model: Foreign, whole: ModelSpec, sets: Sets, means: Labels | None, figures: _Figures) -> tuple[bytes, str]:
    """Return the bundle of the model `whole`, with thresholds and probes, and its card."""
    recipe, train, valid = sets.recipe, sets.packed("train"), sets.packed("valid")
    chosen = valid if len(valid) else sets.packed("test")
    ours = columns(chosen.labels, whole.labels, means).tolist()
    least = _thresholds(of_spec(whole), chosen, recipe, means)
    placed = list(zip(whole.labels, ours, strict=True))
    said = {label: least[place] for label, place in placed if place >= 0}
    whole = replace(whole, min_score={label: UNKNOWN for label in whole.labels if label not in NAMELESS} | said)
    asked = of_the_clip() if recipe.questions == "clip" else _pictures(chosen)
    whole = replace(whole, probes=probes(whole, asked, recipe.probes) if recipe.probes else ())
    origin = provenance(model.licence, (model.source, *recipe.made_of), recipe.sha256, train.key)
    how = f"on {len(chosen)} pictures: {recipe.thresholds.words()}"
    words = card(model.name, origin, figures.after, figures.report, said, how)
    return pack(whole, origin, flat(figures.after.scores), card=words), words


def _pictures(pictures: Packed) -> Sequence[NDArray[np.uint8]]:
    return [pictures.picture(index) for index in range(len(pictures))]


def _thresholds(model: Judged, pictures: Packed, recipe: Recipe, means: Labels | None) -> list[float]:
    """Return the least score of each of our classes."""
    found = matched(answers(model, pictures, means), pictures)
    return list(thresholds(found, pictures.labels, recipe.thresholds).values())
