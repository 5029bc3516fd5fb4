"""What `quantize` does: a float model of anybody's in, a bundle out."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tapetum.bundle import Source
from tapetum_trainer import operators, reports, sbom, tasks
from tapetum_trainer.aware.settings import AwareQuantization
from tapetum_trainer.bundling import Bundling
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.evaluate import answers
from tapetum_trainer.evaluate.mapping import given
from tapetum_trainer.evaluate.words import lost, side_by_side
from tapetum_trainer.foreign import Taken, foreign, shown_as_large, taken
from tapetum_trainer.recipe import Recipe
from tapetum_trainer.sets import opened
from tapetum_trainer.sketch.recipe import slug


def quantize(options: argparse.Namespace) -> int:
    """Quantize a float model, judge it before and after, and pack it."""
    recipe = _recipe(options)
    name = f"{_name(options)}@{options.version}"
    model = foreign(options.model, options.labels, name, options.licence)
    means = given(options.means, recipe.meaning.names)
    sets = opened(shown_as_large(recipe, model), options.data)
    found = taken(model, sets, means)
    path = (options.folder or Path()) / f"{name}.tapetum"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(found.content)
    papers = _papers(found, path, means)
    print(side_by_side(found.before, found.after))
    if found.before.scores.ap50 == 0:
        print("None of what the float model says is right: --labels are its classes in order, --means what they mean")
    print(lost(found.losses))
    print(operators.text(operators.inventory(found.small.content)), end="")
    print(f"{path}: {len(found.content)} bytes; beside it {', '.join(one.name for one in papers)}")
    return 0


def _recipe(options: argparse.Namespace) -> Recipe:
    """Return the recipe whose pictures calibrate and judge, with what the options say of quantizing."""
    recipe = tasks.load(options.recipe)
    if not isinstance(recipe, Recipe):
        raise RecipeError(f"{options.recipe}: task: quantize takes recipes of detectors")
    said = {"input": options.input, "pictures": options.pictures, "edge_tpu": options.edge_tpu or None}
    written = msgspec.to_builtins(recipe.quantization) | {key: one for key, one in said.items() if one is not None}
    try:
        quantization = msgspec.convert(written, AwareQuantization)
        msgspec.convert({"name": _name(options), "version": options.version}, Bundling)
        msgspec.convert({"name": options.model.name[:99], "licence": options.licence}, Source)
    except msgspec.ValidationError as error:
        raise RecipeError(f"quantize: {error}: of --name, --version, --licence, --input and --pictures") from None
    return msgspec.structs.replace(recipe, quantization=quantization)


def _name(options: argparse.Namespace) -> str:
    return str(options.name or slug(options.model.stem) or "model")


def _papers(found: Taken, path: Path, means: dict[str, tuple[str, ...]] | None) -> Sequence[Path]:
    """Write beside the bundle its card, its figures with the worst mistakes, and a bill of this environment."""
    files = path.with_suffix(".md"), path.with_suffix(".html"), path.with_suffix(".cdx.json")
    files[0].write_text(found.card, encoding="utf-8")
    said = answers(found.model, found.judging, means)
    files[1].write_text(reports.evaluation(found.after, said, found.judging), encoding="utf-8")
    sbom.write(files[2])
    return files
