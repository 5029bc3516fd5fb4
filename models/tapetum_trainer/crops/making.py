"""From trained weights to a bundle: export, quantize, judge float and int8 side by side, refuse or pack."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tapetum.inference.contract import Contract, Input, ModelSpec
from tapetum.inference.decode import Classification
from tapetum.inference.labels import PLACEHOLDER
from tapetum_trainer.calibration import spread
from tapetum_trainer.crops.card import card
from tapetum_trainer.crops.figures import Figures, flat
from tapetum_trainer.crops.judge import Asked, judged, lost, matches, said
from tapetum_trainer.crops.settings import BACKGROUND
from tapetum_trainer.crops.tempered import divide, temperature
from tapetum_trainer.crops.training import CropTraining
from tapetum_trainer.errors import Refused
from tapetum_trainer.evaluate.answers import Judged, of_spec
from tapetum_trainer.evaluate.moved import Loss
from tapetum_trainer.export import exported
from tapetum_trainer.pack import pack
from tapetum_trainer.provenance import provenance
from tapetum_trainer.quantize import Quantized, quantize
from tapetum_trainer.questions import of_the_clip, probes
from tapetum_trainer.scaling import MIDDLE
from tapetum_trainer.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle, its card, and how float and int8 do on crops that were not trained with.

    lost: of the balanced accuracy, over views of each crop. float_model: the .tflite that the int8 one was made of.
    """

    content: bytes
    spec: ModelSpec
    card: str
    before: Figures
    after: Figures
    lost: Loss
    float_model: bytes


def made(training: CropTraining) -> Made:
    """Return the bundle of the best weights of `training`, judged on its test split, or on the validation's.

    Raises Refused, with the figures, when it is not what the recipe accepts.
    """
    recipe, judging = training.recipe, training.judging("test")
    content, taken = exported(tempered(training)), contract(recipe.network.side)
    small = quantize(content, taken, _calibration(training), recipe.quantization)
    name, labels = f"{recipe.name}@{recipe.version}", named(recipe.meaning.names)
    real, whole = (
        of_spec(ModelSpec(name, one, labels, asked))
        for one, asked in ((content, taken), (small.content, small.contract))
    )
    before, after = (judged(model, judging).figures for model in (real, whole))
    cost = lost(real, whole, judging)
    spec = _spec(training, small, whole)
    origin = provenance(recipe.licence, training.made_of, recipe.sha256, training.sets.crops("train").key)
    words = card(spec, origin, small.report, (before, after), cost)
    packed = pack(spec, origin, _metrics(before, after), card=words)
    for missed in recipe.acceptance.missed(after.top1, after.balanced, cost, len(packed)):
        raise Refused(missed)
    return Made(packed, spec, words, before, after, cost, content)


def contract(side: int) -> Contract:
    """Return what the exported float classifier of a square input takes and gives: one answer, the surest."""
    middle = (MIDDLE,) * 3
    picture = Input(width=side, height=side, dtype="float32", mean=middle, std=middle, fit="letterbox")
    return Contract(input=picture, decoder=Classification(scores="probability", most=1))


def named(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels of a bundle: what is background has no name on a device, and is never told."""
    return tuple(PLACEHOLDER if name == BACKGROUND else name for name in classes)


def tempered(training: CropTraining) -> Any:
    """Return the best network, its scores such that they say how often they are right."""
    network, valid = training.best(), training.judging("valid")
    divide(network, temperature(Asked(valid, training.recipe.network.side).scores(network), valid.truth))
    return network


def _calibration(training: CropTraining) -> Any:
    recipe = training.recipe
    return spread(training.sets.crops("train"), recipe.augmentation, recipe.quantization.pictures)


def _spec(training: CropTraining, small: Quantized, model: Judged) -> ModelSpec:
    """Return the int8 model with the thresholds of its labels, and with probes."""
    recipe, valid = training.recipe, training.judging("valid")
    least = thresholds(matches(said(model, valid), valid), valid.labels, recipe.thresholds)
    known = {label: score for label, score in least.items() if label != BACKGROUND}
    spec = ModelSpec(model.name, small.content, model.labels, small.contract, known)
    if not recipe.probes:
        return spec
    asked = of_the_clip() if recipe.questions == "clip" else [valid.picture(index) for index in range(len(valid))]
    return replace(spec, probes=probes(spec, asked, recipe.probes))


def _metrics(before: Figures, after: Figures) -> Mapping[str, float]:
    """Return all figures of int8 by name, and of float what is of all classes."""
    return flat(after) | {"float/top1": round(before.top1, 6), "float/balanced": round(before.balanced, 6)}
