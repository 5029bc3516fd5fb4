"""From trained weights to a bundle: export, quantize, judge float and int8 side by side, refuse or pack."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tapetum import __version__, data
from tapetum.bundle import Provenance
from tapetum.inference.contract import ModelSpec
from tapetum_trainer.augment import Augmenter, Pictures
from tapetum_trainer.bundling import Bundled, Bundling, bundled
from tapetum_trainer.centred import centre
from tapetum_trainer.data.packed import Packed
from tapetum_trainer.data.pictures import pixels
from tapetum_trainer.data.readers import Frames
from tapetum_trainer.errors import TrainerError
from tapetum_trainer.evaluate import Loss, Result, evaluate, losses, of_spec
from tapetum_trainer.evaluate.answers import LEAST, Judged
from tapetum_trainer.evaluate.scores import matched
from tapetum_trainer.export import exported, float_contract
from tapetum_trainer.quantize import Quantized, quantize
from tapetum_trainer.recipe import Recipe
from tapetum_trainer.said import Answers
from tapetum_trainer.training import Training

_EVERY = 8  # frames of the clip: 25 pictures


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle with how the float model, and the int8 one, did on the pictures that judge.

    content: the float model, .tflite. model: the int8 one; judging: those pictures. losses: of all classes, and of
    each, over those pictures seen several times.
    """

    bundle: Bundled
    content: bytes
    before: Result
    after: Result
    losses: tuple[Loss, ...]
    model: Judged
    judging: Packed

    @property
    def lost(self) -> float:
        """Points of AP50 that int8 lost against float."""
        return self.losses[0].points if self.losses else 0.0


class Refused(TrainerError):
    """The model does not reach what its recipe asks of it."""


def made(training: Training) -> Made:
    """Return the bundle of the best weights of `training`, judged on its test split, or on the validation's.

    Raises Refused, with the figures, when it is not what the recipe accepts.
    """
    recipe = training.recipe
    network = _centred(training)
    content = exported(network)
    contract = float_contract(recipe.network.side)
    small = quantize(content, contract, _calibration(training.sets.packed("train"), recipe), recipe.quantization)
    test = training.sets.packed("test")
    judging = test if len(test) else training.sets.packed("valid")
    models = [
        of_spec(ModelSpec(f"{recipe.name}@{recipe.version}", one, judging.labels, asked))
        for one, asked in ((content, contract), (small.content, small.contract))
    ]
    before, after = (evaluate(model, judging) for model in models)
    lost = losses(models[0], models[1], judging)
    found = Made(_bundle(training, small, after), content, before, after, lost, models[1], judging)
    _accept(recipe, found)
    return found


def _centred(training: Training) -> Any:
    """Return the best network, its scores such that 0.5 is where the recipe's rule cuts."""
    network, valid = training.best(), training.sets.packed("valid")
    prepared = Answers([valid.picture(index) for index in range(len(valid))], training.recipe.network.side)
    centre(network, matched(prepared.rows(network, LEAST), valid), training.recipe.thresholds)
    return network


def _bundle(training: Training, small: Quantized, after: Result) -> Bundled:
    recipe = training.recipe
    bundling = Bundling(name=recipe.name, version=recipe.version, thresholds=recipe.thresholds, probes=recipe.probes)
    asked = _of_the_clip() if recipe.questions == "clip" else None
    valid = training.sets.packed("valid")
    return bundled(small, valid, _provenance(training), bundling, questions=asked, result=after)


def _of_the_clip() -> list[NDArray[np.uint8]]:
    """Return pictures of the clip that ships with Tapetum."""
    frames = Frames(path=str(data.clip()), every=_EVERY).read(Path("/"))
    return [pixels(one.path) for one in frames]


def _provenance(training: Training) -> Provenance:
    recipe, packed = training.recipe, training.sets.packed("train")
    return Provenance(
        licence=recipe.licence,
        made_by=_versions(),
        made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        recipe=f"recipe {recipe.sha256}, data {packed.key}",
        sources=recipe.made_of,
    )


def _versions() -> str:
    """Return what makes the model, with the versions: all of it is in the bill of materials."""
    others = ", ".join(f"{one} {_version(one)}" for one in ("keras", keras.backend.backend(), "ai-edge-quantizer"))
    return f"tapetum-trainer {__version__}, {others}"


def _version(name: str) -> str:
    """Return the version of an installed package; TensorFlow's may be that for processors alone."""
    return next(one.version for called in (name, f"{name}-cpu") for one in distributions(name=called))


def _calibration(pictures: Pictures, recipe: Recipe) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures spread over the set, in turn as they are and as training shows them."""
    augmenter = Augmenter(pictures, recipe.augmentation)
    places = np.linspace(0, len(pictures) - 1, min(len(pictures), recipe.quantization.pictures)).round().astype(int)
    for turn, index in enumerate(places.tolist()):
        yield augmenter.example(index, 0).pixels if turn % 2 else pictures.picture(index)


def _accept(recipe: Recipe, found: Made) -> None:
    wanted, ap50 = recipe.acceptance, found.after.scores.ap50 or 0.0
    if ap50 < wanted.ap50:
        raise Refused(f"acceptance.ap50: {wanted.ap50:.3f} is wanted, and it reaches {ap50:.3f}")
    if found.lost > wanted.quantization:
        raise Refused(f"acceptance.quantization: int8 loses {found.lost:.1f} points, {wanted.quantization} at most")
    if len(found.bundle.content) > wanted.bytes:
        raise Refused(f"acceptance.bytes: {len(found.bundle.content)} bytes, and {wanted.bytes} at most are wanted")
