"""From trained curves to a bundle: export, quantize, judge float and int8 side by side, refuse or pack."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from tapetum import __version__
from tapetum.bundle import Provenance
from tapetum.inference.contract import Input
from tapetum_trainer.augment import Augmenter
from tapetum_trainer.errors import TrainerError
from tapetum_trainer.export import exported
from tapetum_trainer.night import bundle
from tapetum_trainer.night.card import card
from tapetum_trainer.night.dark import Pair, Picture, pairs
from tapetum_trainer.night.judge import CurveModel, Figures, judged, means, ways
from tapetum_trainer.night.training import NightTraining
from tapetum_trainer.quantize import whole
from tapetum_trainer.scaling import MIDDLE


@dataclass(frozen=True, slots=True)
class Judged:
    """Pairs, and how each way did on them."""

    title: str
    pairs: Sequence[Pair]
    figures: dict[str, list[Figures]]


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle, its card, and how well float, int8 and gamma do. judged: what was darkened, then real pairs."""

    content: bytes
    card: str
    judged: tuple[Judged, ...]


def made(training: NightTraining) -> Made:
    """Return the bundle of the best weights of `training`; raises TrainerError when the recipe does not accept it."""
    recipe = training.recipe
    picture = _input(recipe.network.side)
    content = exported(training.best())
    small = whole(content, picture, _calibration(training), recipe.quantization)
    compared = ways({"float": CurveModel(content, picture), "int8": CurveModel(small.content, small.input)})
    found = tuple(Judged(title, given, judged(given, compared)) for title, given in _judging(training))
    name = f"{recipe.name}@{recipe.version}"
    provenance = _provenance(training)
    words = card(name, provenance, small.report, [(one.title, one.pairs, one.figures) for one in found])
    made_of = bundle.packed(name, small.content, small.input, provenance, _metrics(found), words)
    _accept(training, found, len(made_of))
    return Made(made_of, words, found)


def _input(side: int) -> Input:
    return Input(width=side, height=side, dtype="float32", mean=(MIDDLE,) * 3, std=(MIDDLE,) * 3)


def _judging(training: NightTraining) -> Iterator[tuple[str, list[Pair]]]:
    yield "validation, darkened", training.darkened()
    if training.recipe.pairs:
        yield training.recipe.pairs, pairs(training.sets.root / training.recipe.pairs)


def _calibration(training: NightTraining) -> Iterator[Picture]:
    """Yield pictures spread over the set, as training shows them."""
    pictures, settings = training.sets.packed("train"), training.recipe.quantization
    augmenter = Augmenter(pictures, training.recipe.augmentation)
    places = np.linspace(0, len(pictures) - 1, min(len(pictures), settings.pictures)).round().astype(int)
    yield from (augmenter.example(index, 0).pixels for index in places.tolist())


def _provenance(training: NightTraining) -> Provenance:
    recipe = training.recipe
    return Provenance(
        licence=recipe.licence,
        made_by=f"tapetum-trainer {__version__}",
        made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        recipe=f"recipe {recipe.sha256}, data {training.sets.packed('train').key}",
        sources=recipe.made_of,
    )


def _metrics(found: Sequence[Judged]) -> dict[str, float]:
    return {
        f"{one.title}/{name}/{figure}": round(getattr(mean, figure), 4)
        for one in found
        for name, mean in means(one.figures).items()
        for figure in ("psnr", "ssim")
    }


def _accept(training: NightTraining, found: Sequence[Judged], size: int) -> None:
    wanted, mean = training.recipe.acceptance, means(found[0].figures)
    gained, lost = mean["int8"].psnr - mean["as it is"].psnr, mean["float"].psnr - mean["int8"].psnr
    if gained < wanted.gain:
        raise TrainerError(f"acceptance.gain: {wanted.gain:.2f} dB are wanted, and int8 gains {gained:.2f}")
    if lost > wanted.quantization:
        raise TrainerError(f"acceptance.quantization: int8 loses {lost:.2f} dB, {wanted.quantization} at most")
    if size > wanted.bytes:
        raise TrainerError(f"acceptance.bytes: {size} bytes, and {wanted.bytes} at most are wanted")
