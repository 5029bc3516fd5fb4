"""What the commands do: each takes its options and returns its exit status."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tapetum import bundle
from tapetum.errors import BundleError
from tapetum_trainer import compare as comparing
from tapetum_trainer import operators as inventory
from tapetum_trainer import recipe as recipes
from tapetum_trainer import reports, tasks
from tapetum_trainer.compare import compared
from tapetum_trainer.conditions import conditions
from tapetum_trainer.data import words
from tapetum_trainer.data.packed import Packed
from tapetum_trainer.data.page import page
from tapetum_trainer.errors import DataError, ModelError, RecipeError
from tapetum_trainer.evaluate import Judged, Loss, answers, json, latencies, load, text
from tapetum_trainer.evaluate import evaluate as evaluated
from tapetum_trainer.evaluate.result import Result
from tapetum_trainer.evaluate.words import table
from tapetum_trainer.inheritance import written
from tapetum_trainer.night import desk as night
from tapetum_trainer.night.recipe import NightRecipe
from tapetum_trainer.recipe import Recipe
from tapetum_trainer.scale import workers
from tapetum_trainer.sets import Sets, Sources, check_place, opened

if TYPE_CHECKING:
    from tapetum_trainer.folded import Start
    from tapetum_trainer.training import Training

_TIMED = 20  # pictures by which latency is measured
_LOOKED_AT = 8  # pictures by which the errors of operators are measured


def dataset_check(options: argparse.Namespace) -> int:
    """Tell what the pictures show, and all that is wrong with them; raises DataError when that stops a training."""
    recipe = tasks.load(options.recipe)
    check_place(recipe.data, options.data)
    report = Sources(recipe.data, recipe.meaning, options.data).report()
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
    from tapetum_trainer.folded import Start  # noqa: PLC0415  Keras takes seconds

    try:
        spec = bundle.open(options.bundle).spec()
    except BundleError as error:
        raise ModelError(f"{options.bundle}: {error}") from None
    return _trained(recipes.load(options.recipe), options, Start(spec.content, spec.labels))


def calibrate(options: argparse.Namespace) -> int:
    """Let the scores of a bundle mean the same again, and write its next version."""
    from tapetum_trainer.calibrate import calibrated  # noqa: PLC0415  the same

    sets = _sets(options)
    try:
        old = bundle.open(options.bundle)
    except BundleError as error:
        raise ModelError(f"{options.bundle}: {error}") from None
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
    pictures = _sets(options).packed(options.split)
    model, mapping = load(options.model, options.labels), _mapping(options, pictures)
    ways = conditions() if options.conditions else None
    result = evaluated(model, pictures, mapping=mapping, conditions=ways)
    print(text(result), end="")
    if options.json:
        options.json.write_bytes(json(result))
    if options.html:
        page = reports.evaluation(result, answers(model, pictures, mapping), pictures)
        options.html.write_text(page, encoding="utf-8")
    return 0


def compare(options: argparse.Namespace) -> int:
    """Judge two models on the same pictures."""
    pictures = _sets(options).packed(options.split)
    models = [load(path, options.labels) for path in (options.first, options.second)]
    mapping = _mapping(options, pictures)
    found = [answers(model, pictures, _fitting(model, mapping)) for model in models]
    result = compared((models[0].name, models[1].name), (found[0], found[1]), pictures)
    print(comparing.text(result))
    if options.html:
        options.html.write_text(reports.comparison(result, (found[0], found[1]), pictures), encoding="utf-8")
    asked = [pictures.picture(index) for index in range(min(_TIMED, len(pictures)))]
    taken = [
        (one.name, f"{one.median_ms:.2f}", f"{one.cpu_ms:.2f}", f"{one.ratio:.2f}") for one in latencies(models, asked)
    ]
    print("\n".join(table([("1 thread, this machine", "ms", "CPU ms", "ratio"), *taken])))
    return 0


def pace(options: argparse.Namespace) -> int:
    """Say how fast a recipe trains."""
    from tapetum_trainer.pace import paced  # noqa: PLC0415  Keras takes seconds

    print(paced(_sets(options), max(1, options.rounds)).text())
    return 0


def operators(options: argparse.Namespace) -> int:
    """Tell what a model consists of."""
    try:
        content = bundle.open(options.model).spec().content
    except BundleError:
        content = options.model.read_bytes() if options.model.is_file() else b""
    print(inventory.text(inventory.inventory(content)), end="")
    return 0


def tune(options: argparse.Namespace) -> int:
    """Try a recipe in several ways, and write down the best one."""
    import tomli_w  # noqa: PLC0415  an extra

    from tapetum_trainer.scale.trials import Trying, told  # noqa: PLC0415  the same, and Keras takes seconds

    recipe = _sets(options).recipe
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
    return opened(recipes.load(options.recipe), options.data)


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
    NightRecipe: night.trained,
}
"""How to train by each kind of recipe."""


def _packed(training: "Training", path: Path, *, layers: bool) -> int:
    from tapetum_trainer.making import made  # noqa: PLC0415
    from tapetum_trainer.papers import write  # noqa: PLC0415

    found = made(training, lambda line: print(line, flush=True))
    path.write_bytes(found.bundle.content)
    papers = write(found, path)
    print(_side_by_side(found.before, found.after))
    if found.aware is not None:
        print(f"Before it was fine-tuned for int8. {_lost(found.aware)}")
    print(_lost(found.losses))
    if layers:
        print(_layers(training, found.content, path))
    print(f"{path}: {len(found.bundle.content)} bytes; beside it {', '.join(one.name for one in papers)}")
    return 0


def _lost(losses: Sequence[Loss]) -> str:
    told = ", ".join(f"{one.label} {one.points:.1f} +- {one.error:.1f}" for one in losses)
    return f"Points of AP50 that int8 loses against float, the mean of several views of each picture: {told}"


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


def _side_by_side(before: Result, after: Result) -> str:
    pairs = zip(before.scores.classes, after.scores.classes, strict=True)
    rows = [(one.label, str(one.truths), _told(one.ap50), _told(other.ap50)) for one, other in pairs]
    whole = "all", str(before.scores.truths), _told(before.scores.ap50), _told(after.scores.ap50)
    return "\n".join(table([("AP50", "things", "float", "int8"), *rows, whole]))


def _told(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.3f}"


def _mapping(options: argparse.Namespace, pictures: Packed) -> dict[str, tuple[str, ...]] | None:
    """Return our label -> the model's, as --means gives them; raises RecipeError."""
    found = {}
    for given in options.means:
        ours, equals, theirs = given.partition("=")
        if not equals or ours not in pictures.labels:
            raise RecipeError(f"--means {given}: OURS=THEIRS,... is wanted, OURS of {', '.join(pictures.labels)}")
        found[ours] = tuple(theirs.split(","))
    return found or None


def _fitting(model: Judged, mapping: dict[str, tuple[str, ...]] | None) -> dict[str, tuple[str, ...]] | None:
    """Return the part of `mapping` whose labels the model has: the other model may have ours."""
    known = {
        ours: tuple(label for label in theirs if label in model.labels) for ours, theirs in (mapping or {}).items()
    }
    return {ours: theirs for ours, theirs in known.items() if theirs} or None
