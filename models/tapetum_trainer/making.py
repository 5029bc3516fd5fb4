"""From trained weights to a bundle: export, quantize, judge float and int8 side by side, refuse or pack."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tapetum.inference.contract import ModelSpec
from tapetum_trainer.aware.tuning import plain, tuned
from tapetum_trainer.bundling import Bundled, Bundling, bundled
from tapetum_trainer.calibration import spread
from tapetum_trainer.centred import centre
from tapetum_trainer.data.packed import Packed
from tapetum_trainer.errors import Refused
from tapetum_trainer.evaluate import Loss, Result, answers, evaluate, losses, of_spec
from tapetum_trainer.evaluate.answers import LEAST, Judged
from tapetum_trainer.evaluate.scores import matched, scored
from tapetum_trainer.evaluate.words import lost as words_of
from tapetum_trainer.evaluate.words import side_by_side
from tapetum_trainer.export import exported, float_contract
from tapetum_trainer.provenance import provenance
from tapetum_trainer.quantize import Quantization, Quantized, quantize
from tapetum_trainer.questions import of_the_clip
from tapetum_trainer.recipe import Recipe
from tapetum_trainer.said import Answers
from tapetum_trainer.training import Training


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle with how the float model, and the int8 one, did on the pictures that judge.

    content: the float model that the int8 one was made of, .tflite. before, after: how the float model that was
    trained, and the int8 one, did. model: the int8 one; judging: those pictures. losses: of all classes, and of each,
    over those pictures seen several times. aware: None, or the `losses` without fine-tuning for int8.
    """

    bundle: Bundled
    content: bytes
    before: Result
    after: Result
    losses: tuple[Loss, ...]
    model: Judged
    judging: Packed
    aware: tuple[Loss, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A float model and the int8 one of it, which can both be asked."""

    content: bytes
    small: Quantized
    real: Judged
    whole: Judged


def made(training: Training, tell: Callable[[str], object] = lambda _: None) -> Made:
    """Return the bundle of the best weights of `training`, judged on its test split, or on the validation's.

    Where int8 loses more than the recipe accepts, or it says so, the network is fine-tuned for int8 before, and what
    comes of that is taken if the validation finds it the better one. tell: takes lines about that, and the figures.

    Raises Refused, with the figures, when it is not what the recipe accepts.
    """
    recipe, judging = training.recipe, training.sets.judging
    network = training.best()
    first = _candidate(training, network, network, recipe.quantization)
    lost, aware = losses(first.real, first.whole, judging), None
    chosen = first
    if wants_more(recipe, lost, tell):
        chosen = _better(training, first, _aware(training), tell)
        aware, lost = lost, losses(first.real, chosen.whole, judging)
    before, after = (evaluate(model, judging) for model in (first.real, chosen.whole))
    bundle = _bundle(training, chosen.small, after)
    found = Made(bundle, chosen.content, before, after, lost, chosen.whole, judging, aware)
    tell(side_by_side(before, after))
    if aware is not None:
        tell(f"Before it was fine-tuned for int8. {words_of(aware)}")
    tell(words_of(lost))
    _accept(recipe, found)
    return found


def _candidate(training: Training, network: Any, answering: Any, settings: Quantization) -> _Candidate:
    """Return `network`, its scores such that 0.5 is where the recipe's rule cuts, and what int8 makes of it.

    answering: the network by whose answers that is found, of the same weights.
    """
    recipe, valid = training.recipe, training.sets.packed("valid")
    prepared = Answers([valid.picture(index) for index in range(len(valid))], recipe.network.side)
    centre(network, matched(prepared.rows(answering, LEAST), valid), recipe.thresholds)
    content, contract = exported(network), float_contract(recipe.network.side)
    small = quantize(content, contract, _calibration(training), settings)
    name = f"{recipe.name}@{recipe.version}"
    real, whole = (
        of_spec(ModelSpec(name, one, valid.labels, asked))
        for one, asked in ((content, contract), (small.content, small.contract))
    )
    return _Candidate(content, small, real, whole)


def wants_more(recipe: Recipe, lost: Sequence[Loss], tell: Callable[[str], object]) -> bool:
    """Return whether the network is to be fine-tuned for int8."""
    when, much = recipe.quantization.aware.when, list(recipe.acceptance.beyond(lost))
    if much and when == "needed":
        tell(f"{much[0]}: it is trained on with int8's steps in its way")
    return when == "always" or (when == "needed" and bool(much))


def _aware(training: Training) -> _Candidate:
    """Return the network fine-tuned for int8: each weight goes to the step that it learned with."""
    recipe = training.recipe
    network = tuned(training, _calibration(training))
    settings = msgspec.structs.replace(recipe.quantization, weights="nearest")
    return _candidate(training, plain(training, network), network, settings)


def _better(training: Training, first: _Candidate, second: _Candidate, tell: Callable[[str], object]) -> _Candidate:
    """Return the one whose int8 model does better on the pictures of the validation."""
    valid = training.sets.packed("valid")
    one, other = (scored(answers(model.whole, valid), valid).weighed for model in (first, second))
    tell(f"AP50 of int8 in the validation: {one:.3f} as it was, {other:.3f} trained on")
    return second if other > one else first


def _calibration(training: Training) -> Iterator[NDArray[np.uint8]]:
    recipe = training.recipe
    return spread(training.sets.packed("train"), recipe.augmentation, recipe.quantization.pictures)


def _bundle(training: Training, small: Quantized, after: Result) -> Bundled:
    recipe = training.recipe
    apart = bool(len(training.sets.packed("test")))
    bundling = Bundling(
        name=recipe.name, version=recipe.version, thresholds=recipe.thresholds, probes=recipe.probes, apart=apart
    )
    where = provenance(recipe.licence, training.made_of, recipe.sha256, training.sets.packed("train").key)
    asked = of_the_clip() if recipe.questions == "clip" else None
    valid = training.sets.packed("valid")
    return bundled(small, valid, where, bundling, questions=asked, result=after)


def _accept(recipe: Recipe, found: Made) -> None:
    reached = found.after.scores.ap50 or 0.0
    for words in recipe.acceptance.missed(reached, found.losses, len(found.bundle.content)):
        raise Refused(words)
