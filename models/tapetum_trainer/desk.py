"""What the commands do: each takes its options and returns its exit status."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tapetum import bundle
from tapetum.errors import BundleError
from tapetum_trainer import compare as comparing
from tapetum_trainer import graph, reports, tasks
from tapetum_trainer import operators as inventory
from tapetum_trainer.compare import compared
from tapetum_trainer.conditions import conditions
from tapetum_trainer.crops import desk as crops
from tapetum_trainer.crops.recipe import CropRecipe
from tapetum_trainer.data import words
from tapetum_trainer.data.page import page
from tapetum_trainer.data.readers.kept import cache
from tapetum_trainer.data.report import check
from tapetum_trainer.errors import DataError, ModelError, RecipeError
from tapetum_trainer.evaluate import Judged, Pictures, answers, json, latencies, load, text
from tapetum_trainer.evaluate import evaluate as evaluated
from tapetum_trainer.evaluate.mapping import fitting, given
from tapetum_trainer.evaluate.words import table, timed
from tapetum_trainer.inheritance import written
from tapetum_trainer.night import desk as night
from tapetum_trainer.night.recipe import NightRecipe
from tapetum_trainer.pairs import legalised
from tapetum_trainer.recipe import Recipe
from tapetum_trainer.scale import workers
from tapetum_trainer.sets import Sets, check_place, opened
from tapetum_trainer.sketch.beginning import opened as opened_bundle
from tapetum_trainer.teachers.named import TEACHERS, named

if TYPE_CHECKING:
    from tapetum_trainer.data.packed import Packed
    from tapetum_trainer.folded import Start
    from tapetum_trainer.training import Training

_TIMED = 20  # pictures by which latency is measured
_FEW = 10  # things of a class below which it is said that they are few
_LOOKED_AT = 8  # pictures by which the errors of operators are measured


def dataset_check(options: argparse.Namespace) -> int:
    """Tell what the pictures show, and all that is wrong with them; raises DataError when that stops a training."""
    recipe = tasks.load(options.recipe)
    check_place(recipe.data, options.data)
    report = check(recipe.data.source, recipe.meaning, recipe.data.shares, options.data)
    print(words.text(report, options.data), end="")
    if options.html:
        title = f"{recipe.name}@{recipe.version}: its pictures"
        options.html.write_text(page(report, options.data, title), encoding="utf-8")
    if report.mistakes:
        raise DataError(f"mend the mistakes before a training: {report.mistakes}", options.recipe)
    return 0


def train(options: argparse.Namespace) -> int:
    """Train, and make the bundle when it is done: by what the recipe is for."""
    recipe = tasks.load(options.recipe)
    return _TRAINED[type(recipe)](recipe, options)


def brighten(options: argparse.Namespace) -> int:
    """Judge a curve network on pairs of a dark and a bright picture."""
    return night.brighten(options)


def fine_tune(options: argparse.Namespace) -> int:
    """Go on from the weights in a bundle."""
    from tapetum_trainer.folded import start_of  # noqa: PLC0415  Keras takes seconds

    start = start_of(opened_bundle(options.bundle))
    recipe = tasks.load(options.recipe)
    if isinstance(recipe, CropRecipe):
        return crops.trained(recipe, options, start)
    return _trained(_of_detector(options), options, start)


def calibrate(options: argparse.Namespace) -> int:
    """Let the scores of a bundle mean the same again, and write its next version."""
    from tapetum_trainer.calibrate import calibrated  # noqa: PLC0415  the same

    sets = _sets(options)
    old = opened_bundle(options.bundle)
    valid, test = sets.packed("valid"), sets.packed("test")
    found = calibrated(old, valid, test if len(test) else valid, sets.recipe.thresholds)
    path = (options.folder or Path()) / f"{found.bundle.spec.name}.tapetum"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(found.bundle.content)
    path.with_suffix(".md").write_text(found.bundle.card, encoding="utf-8")
    done = found.calibration
    told = ", ".join(f"{label} {one:.3f}" for label, one in zip(valid.labels, done.middles, strict=True))
    print(f"What was said with these scores is now said with 0.5: {told}; stretched by {done.stretch:.2f}")
    print(f"{path}: {len(found.bundle.content)} bytes; beside it {path.with_suffix('.md').name}")
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Judge one model."""
    recipe = tasks.load(options.recipe)
    if isinstance(recipe, CropRecipe):
        return crops.evaluate(recipe, options)
    pictures = _judging(options)
    model, mapping = _placing(options.model, options), given(options.means, pictures.labels)
    ways = conditions() if options.conditions else None
    result = evaluated(model, pictures, mapping=mapping, conditions=ways)
    result = replace(result, latency=latencies([model], _asked(pictures)))
    print(text(result), end="")
    if options.json:
        options.json.write_bytes(json(result))
    if options.html:
        page = reports.evaluation(result, answers(model, pictures, mapping), pictures)
        options.html.write_text(page, encoding="utf-8")
    return 0


def compare(options: argparse.Namespace) -> int:
    """Judge two models on the same pictures."""
    recipe = tasks.load(options.recipe)
    if isinstance(recipe, CropRecipe):
        return crops.compare(recipe, options)
    pictures = _judging(options)
    models = [_placing(path, options) for path in (options.first, options.second)]
    mapping = given(options.means, pictures.labels)
    fitted = [(model, fitting(model.labels, mapping)) for model in models]
    found = [answers(model, pictures, means) for model, means in fitted]
    under = [
        {name: answers(model, pictures, means, way) for name, way in conditions().items()} if options.conditions else {}
        for model, means in fitted
    ]
    ways = {name: (one, under[1][name]) for name, one in under[0].items()}
    result = compared((models[0].name, models[1].name), (found[0], found[1]), pictures, conditions=ways)
    print(comparing.text(result))
    if options.html:
        options.html.write_text(reports.comparison(result, (found[0], found[1]), pictures), encoding="utf-8")
    print("\n".join(timed(latencies(models, _asked(pictures)))))
    return 0


def _judging(options: argparse.Namespace) -> "Packed":
    """Return the pictures of the split that is asked for; raises DataError where there are none to judge by."""
    sets, split = _sets(options), options.split
    pictures = sets.packed(split)
    if not len(pictures) and split == "test":
        print("There is no test among the pictures: judged by the validation, by which epochs are chosen.")
        pictures, split = sets.judging, "valid"
    if not len(pictures):
        raise DataError(f"{split}: no picture lies in it to judge by", options.recipe)
    return pictures


def _asked(pictures: Pictures) -> list[NDArray[np.uint8]]:
    """Return the pictures by which latency is measured."""
    return [pictures.picture(index) for index in range(min(_TIMED, len(pictures)))]


def pace(options: argparse.Namespace) -> int:
    """Say how fast a recipe trains."""
    from tapetum_trainer.pace import paced  # noqa: PLC0415  Keras takes seconds

    print(paced(_sets(options), max(1, options.rounds)).text())
    return 0


def operators(options: argparse.Namespace) -> int:
    """Tell what a model consists of, and write it as the Edge TPU's compiler takes it where that is wanted."""
    try:
        content = graph.content(options.model)
        content = legalised(content) if options.edge_tpu else content
        told = inventory.text(inventory.inventory(content))
    except (BundleError, ModelError) as error:
        raise ModelError(f"{options.model}: {error}") from None
    try:
        if options.edge_tpu:
            options.edge_tpu.write_bytes(content)
    except OSError as error:
        raise ModelError(f"--edge-tpu: {options.edge_tpu}: it cannot be written: {error.strerror}") from None
    print(told, end="")
    return 0


def tune(options: argparse.Namespace) -> int:
    """Try a recipe in several ways, and write down the best one."""
    recipe = _sets(options).recipe
    import tomli_w  # noqa: PLC0415  an extra

    from tapetum_trainer.scale.trials import Trying, told  # noqa: PLC0415  the same, and Keras takes seconds

    folder = (options.folder or Path(f"{recipe.name}@{recipe.version}-tune")).resolve()
    trying = Trying(dict(written(options.recipe)), options.data.resolve(), folder)
    _ = trying.search  # says that there is none
    trials = trying.run(options.workers, lambda line: print(line, flush=True))
    rows = [(f"{one.best:.4f}", str(one.epochs), told(one.changes)) for one in trials]
    print("\n".join(table([("validation", "epochs", "with"), *rows])))
    best = folder / "best.toml"
    found = tomli_w.dumps(trying.values_of(trials[0].changes))
    best.write_text(f"# Found by tapetum-trainer tune.\n\n{found}", encoding="utf-8")
    print(f"{best}: the first of them, as a recipe")
    return 0


def _sets(options: argparse.Namespace) -> Sets:
    return opened(_of_detector(options), options.data)


def _of_detector(options: argparse.Namespace) -> Recipe:
    """Return the recipe; raises RecipeError when it is of another task, of which the command can make nothing."""
    recipe = tasks.load(options.recipe)
    if not isinstance(recipe, Recipe):
        told = f"task: it is {recipe.__struct_config__.tag}; {options.command} takes recipes of detectors"
        raise RecipeError(f"{options.recipe}: {told}")
    return recipe


def _placing(path: Path, options: argparse.Namespace) -> Judged:
    """Return the model in the file, or the teacher of that name; raises ModelError when it does not say where."""
    if str(path) in TEACHERS and not path.exists():
        return named(str(path), cache() / "teachers")
    model = load(path, options.labels)
    if not model.places:
        told = 'a recipe with task = "classification" judges it by crops'
        raise ModelError(f"{path}: it says what a picture shows, and not where; {told}")
    return model


def _trained(recipe: Recipe, options: argparse.Namespace, start: "Start | None" = None) -> int:
    from tapetum_trainer.fit import within  # noqa: PLC0415  Keras takes seconds
    from tapetum_trainer.training import Training  # noqa: PLC0415

    sets = opened(recipe, options.data)
    name = f"{recipe.name}@{recipe.version}"
    training = Training(sets, options.folder or Path(name), start)
    seconds = 60 * options.minutes if options.minutes else None
    if options.workers > 1:
        outcome = workers.train(training, options.workers, seconds)
    else:
        outcome = training.run(within(seconds)) if seconds else training.run()
    if not outcome.finished:
        print(f"Stopped after {outcome.stand.step} steps; the same command goes on from there.")
        return 0
    return _packed(training, training.folder / f"{name}.tapetum", layers=options.layers)


_TRAINED: Mapping[type[Any], Callable[[Any, argparse.Namespace], int]] = {
    Recipe: _trained,
    CropRecipe: crops.trained,
    NightRecipe: night.trained,
}
"""How to train by each kind of recipe."""


def _packed(training: "Training", path: Path, *, layers: bool) -> int:
    from tapetum_trainer.making import made  # noqa: PLC0415
    from tapetum_trainer.papers import write  # noqa: PLC0415

    if not layers and _made_before(training, path):
        print(f"{path}: it is made already, of these weights; delete it to have it packed anew")
        return 0
    found = made(training, lambda line: print(line, flush=True))
    path.write_bytes(found.bundle.content)
    papers = write(found, path)
    if few := [one.label for one in found.after.scores.classes if one.truths < _FEW]:
        print(f"Fewer than {_FEW} things judge {', '.join(few)}: such figures are little more than chance.")
    if layers:
        print(_layers(training, found.content, path))
    print(f"{path}: {len(found.bundle.content)} bytes; beside it {', '.join(one.name for one in papers)}")
    return 0


def _made_before(training: "Training", path: Path) -> bool:
    """Whether the bundle is there, whole, of this recipe, these pictures and all that was trained by them."""
    try:
        said = bundle.open(path).manifest.provenance
    except BundleError:
        return False
    same = all(one in said.recipe for one in (training.recipe.sha256, training.sets.packed("train").key))
    return same and path.stat().st_mtime >= training.checkpoints.best.stat().st_mtime


def _layers(training: "Training", content: bytes, path: Path) -> str:
    """Return what quantizing did to each operator, on a few pictures that were not trained with."""
    from tapetum_trainer.export import float_contract  # noqa: PLC0415
    from tapetum_trainer.layers import layer_errors  # noqa: PLC0415

    pictures = training.sets.packed("valid")
    asked = [pictures.picture(index) for index in range(min(_LOOKED_AT, len(pictures)))]
    contract = float_contract(training.recipe.network.side)
    found = layer_errors(content, contract, bundle.open(path).spec().content, asked)
    rows = [(one.kind, f"{one.sqnr_db:.1f}", one.name.split(";")[-1][-60:]) for one in found]
    return "\n".join(table([("operator", "SQNR dB", "output"), *rows]))
