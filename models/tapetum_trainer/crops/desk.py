"""What the commands do with a classifier."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tapetum_trainer.conditions import conditions
from tapetum_trainer.crops.recipe import CropRecipe
from tapetum_trainer.crops.sets import Crops, opened
from tapetum_trainer.errors import DataError, RecipeError
from tapetum_trainer.evaluate import latencies, load
from tapetum_trainer.evaluate.mapping import fitting, given
from tapetum_trainer.evaluate.words import table, timed

if TYPE_CHECKING:
    from tapetum_trainer.crops.training import CropTraining
    from tapetum_trainer.folded import Start

_TIMED = 20  # crops by which latency is measured


def trained(recipe: CropRecipe, options: argparse.Namespace, start: "Start | None" = None) -> int:
    """Train, and make the bundle when it is done. start: what it goes on from."""
    from tapetum_trainer.crops.training import CropTraining, going_on  # noqa: PLC0415  Keras takes seconds
    from tapetum_trainer.fit import within  # noqa: PLC0415

    for option, is_given in (("workers", options.workers > 1), ("layers", options.layers)):
        if is_given:
            raise RecipeError(f"--{option}: it is of detectors; a classifier is trained by one process, in minutes")
    name = f"{recipe.name}@{recipe.version}"
    begun = going_on(start) if start else None
    training = CropTraining(opened(recipe, options.data), options.folder or Path(name), begun)
    outcome = training.run(within(60 * options.minutes)) if options.minutes else training.run()
    if not outcome.finished:
        print(f"Stopped after {outcome.stand.step} steps; the same command goes on from there.")
        return 0
    return _packed(training, training.folder / f"{name}.tapetum")


def evaluate(recipe: CropRecipe, options: argparse.Namespace) -> int:
    """Judge one model, a classifier or a detector, on the recipe's crops."""
    from tapetum_trainer.crops import words  # noqa: PLC0415  Keras takes seconds
    from tapetum_trainer.crops.judge import judged  # noqa: PLC0415

    _without_page(options)
    crops = _judging(recipe, options)
    model, ways = load(options.model, options.labels), conditions() if options.conditions else None
    result = judged(model, crops, given(options.means, crops.labels), ways)
    print(words.text(result), end="")
    if options.json:
        options.json.write_bytes(words.json(result))
    return 0


def compare(recipe: CropRecipe, options: argparse.Namespace) -> int:
    """Judge two models, classifiers or detectors, on the same crops."""
    from tapetum_trainer.crops.figures import figures  # noqa: PLC0415  Keras takes seconds
    from tapetum_trainer.crops.judge import said  # noqa: PLC0415
    from tapetum_trainer.crops.words import rows  # noqa: PLC0415

    _without_page(options)
    if options.conditions:
        raise RecipeError("--conditions: two classifiers are compared as they are; evaluate tells them one by one")
    crops = _judging(recipe, options)
    models = [load(path, options.labels) for path in (options.first, options.second)]
    means = given(options.means, crops.labels)
    found = [said(model, crops, fitting(model.labels, means)).classes for model in models]
    one, other = (figures(crops.truth, classes, crops.labels) for classes in found)
    first, second = (classes == crops.truth for classes in found)
    names = (models[0].name, models[1].name)
    print("\n".join(table(rows(one, other, names if names[0] != names[1] else ("first", "second")))))
    alone = int((first & ~second).sum()), int((second & ~first).sum())
    print(f"Right where the other one is wrong: {names[0]} {alone[0]} crops, {names[1]} {alone[1]}")
    asked = [crops.picture(index) for index in range(min(_TIMED, len(crops)))]
    print("\n".join(timed(latencies(models, asked))))
    return 0


def _without_page(options: argparse.Namespace) -> None:
    if options.html:
        raise RecipeError("--html: a page is made of a detector's mistakes; a classifier's are told as a table")


def _judging(recipe: CropRecipe, options: argparse.Namespace) -> Crops:
    """Return the crops of the split that is asked for; raises DataError when there are none."""
    crops = opened(recipe, options.data).crops(options.split)
    if not len(crops):
        raise DataError(f"--split {options.split}: it has no crop; data.shares.{options.split} is to be more")
    return crops


def _packed(training: "CropTraining", path: Path) -> int:
    from tapetum_trainer import sbom  # noqa: PLC0415
    from tapetum_trainer.crops.making import made  # noqa: PLC0415
    from tapetum_trainer.crops.words import matrix, rows  # noqa: PLC0415

    found = made(training)
    path.write_bytes(found.content)
    papers = path.with_suffix(".md"), path.with_suffix(".cdx.json")
    papers[0].write_text(found.card, encoding="utf-8")
    sbom.write(papers[1])
    print("\n".join([*table(rows(found.before, found.after)), "", *table(matrix(found.after)), ""]))
    lost = f"{found.lost.points:.1f} +- {found.lost.error:.1f}"
    print(f"Points of the balanced accuracy that int8 loses, the mean of several views of each crop: {lost}")
    print(f"{path}: {len(found.content)} bytes; beside it {', '.join(one.name for one in papers)}")
    return 0
