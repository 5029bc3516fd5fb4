"""What the commands do with a curve network."""

import argparse
from pathlib import Path

from tapetum.errors import BundleError
from tapetum_trainer.errors import ModelError, RecipeError
from tapetum_trainer.evaluate.words import table
from tapetum_trainer.night import bundle
from tapetum_trainer.night.dark import pairs
from tapetum_trainer.night.judge import CurveModel, judged, rows, ways
from tapetum_trainer.night.recipe import NightRecipe
from tapetum_trainer.sets import Sources, check_place


def trained(recipe: NightRecipe, options: argparse.Namespace) -> int:
    """Train, and make the bundle when it is done."""
    from tapetum_trainer.fit import within  # noqa: PLC0415  Keras takes seconds
    from tapetum_trainer.night.making import made  # noqa: PLC0415
    from tapetum_trainer.night.training import NightTraining  # noqa: PLC0415

    if options.workers > 1:
        raise RecipeError("--workers: a curve network is trained in minutes, by one process")
    name = f"{recipe.name}@{recipe.version}"
    check_place(recipe.data, options.data)
    training = NightTraining(recipe, Sources(recipe.data, recipe.meaning, options.data), options.folder or Path(name))
    outcome = training.run(within(60 * options.minutes)) if options.minutes else training.run()
    if not outcome.finished:
        print(f"Stopped after {outcome.stand.step} steps; the same command goes on from there.")
        return 0
    found, path = made(training), training.folder / f"{name}.tapetum"
    path.write_bytes(found.content)
    path.with_suffix(".md").write_text(found.card, encoding="utf-8")
    for one in found.judged:
        lines = rows(one.pairs, one.figures)
        print("\n".join([f"{one.title}, {len(one.pairs)} pictures", *table([lines[0], lines[-1]]), ""]))
    print(f"{path}: {len(found.content)} bytes; beside it {path.with_suffix('.md').name}")
    return 0


def brighten(options: argparse.Namespace) -> int:
    """Judge a bundle on pairs of a dark and a bright picture."""
    try:
        found = bundle.opened(options.bundle.read_bytes())
    except (OSError, BundleError) as error:
        raise ModelError(f"{options.bundle}: {error}") from None
    given = pairs(options.pairs)
    compared = ways({"int8": CurveModel(found.model, found.manifest.input)})
    print("\n".join(table(rows(given, judged(given, compared)))))
    return 0
