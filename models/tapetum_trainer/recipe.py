"""A recipe: all that a model is made of, in a TOML file. The same recipe and data give the same model again."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, field

from tapetum.bundle.manifest import Name, Source
from tapetum.config_errors import explained
from tapetum.settings import Count, Settings
from tapetum_trainer.acceptance import Acceptance
from tapetum_trainer.augment import Augmentation, Pasting
from tapetum_trainer.aware.settings import Aware, AwareQuantization
from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.readers import AnySource, Folders
from tapetum_trainer.data.split import Shares
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.feed import Feeding
from tapetum_trainer.inheritance import Values, told, values_of, written
from tapetum_trainer.schedule import Fit
from tapetum_trainer.search import Search, Value, changed, corners
from tapetum_trainer.sides import COARSEST, PAIR
from tapetum_trainer.teachers import START, Guidance, Trust
from tapetum_trainer.thresholds import BestF1, Rule

Later = tuple[tuple[str, str, Any], ...]
"""Table, key and value of what recipes could not say at first: where they do not, their trainings go on."""
PASTING = ("augmentation", "pasting", msgspec.to_builtins(Pasting()))
"""Of every recipe that varies pictures."""
RELATIVE = ("fit.rates", "relative", False)
"""Of every recipe."""
_LATER: Later = (
    ("", "task", None),
    ("fit", "precision", "float32"),
    ("quantization", "aware", msgspec.to_builtins(Aware())),
    ("acceptance", "quantization_of", {}),
    ("teacher", "maps", False),
    ("teacher", "views", 1),
    ("fit.weights", "streams", 0.0),
    RELATIVE,
    PASTING,
)
Text = Annotated[str, Meta(min_length=1)]
InputSide = Annotated[int, Meta(ge=96, le=640, multiple_of=COARSEST)]
InputSize = Annotated[tuple[InputSide, ...], PAIR]
T = TypeVar("T")


class Given(Settings, frozen=True, kw_only=True):
    """Which pictures."""

    source: tuple[AnySource, ...]
    shares: Shares = Shares()


class Data(Given, frozen=True, kw_only=True):
    """Which pictures, and how they are kept."""

    side: Annotated[int, Meta(ge=64, le=4096)] = 416  # pixels, the longest that a packed picture keeps


class Network(Settings, frozen=True, kw_only=True):
    """Which detector."""

    size: Literal["pico", "nano", "small", "slim", "base"] = "small"
    side: InputSide | InputSize = 256  # pixels of the square input, or [width, height]
    pretrained: bool = True  # the backbone begins with weights of ImageNet


class Distillation(Settings, frozen=True, kw_only=True):
    """Both teachers, for the classes that nobody labelled in a picture."""

    trust: Trust = Trust()


class Bundled(Settings, frozen=True, kw_only=True):
    """What every recipe that becomes a bundle says of it and of its classes."""

    name: Name  # of the bundle
    version: Count = 1  # only rises
    licence: Text = "Apache-2.0"  # of the model
    made_of: tuple[Source, ...] = ()  # the data and the models that went into it, with their licences
    seed: int = 1
    classes: dict[str, tuple[str, ...]]
    ignored: dict[str, str] = field(default_factory=dict)


class Recipe(Bundled, tag_field="task", tag="detection", frozen=True, kw_only=True):
    """The whole of a recipe for a detector."""

    data: Data
    network: Network = Network()
    augmentation: Augmentation = Augmentation()
    feeding: Feeding = Feeding()
    fit: Fit = Fit()
    distillation: Distillation | None = None
    teacher: Guidance | None = None  # what it says of each picture guides beside the truth
    quantization: AwareQuantization = AwareQuantization()
    thresholds: Rule = BestF1()
    probes: Annotated[int, Meta(ge=0, le=32)] = 4  # questions that the device asks a new bundle
    questions: Literal["validation", "clip"] = "validation"  # probes go into the bundle: clip is free to be given away
    acceptance: Acceptance = Acceptance()
    search: Search | None = None  # what `tune` tries

    @property
    def meaning(self) -> Classes:
        """The classes, with what means them."""
        return Classes(self.classes, self.ignored)

    @property
    def sha256(self) -> str:
        """The hash of all that it says of a model, for provenance and checkpoints."""
        said = msgspec.to_builtins(self)
        del said["search"]  # of what is tried, and not of what is trained
        _forget(said, _LATER)
        return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()


def hashed(recipe: Settings, later: Later) -> str:
    """Return the hash of all that a recipe of another kind says, as if it could not say what came `later`."""
    said = msgspec.json.decode(msgspec.json.encode(recipe, order="deterministic"))
    _forget(said, later)
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def _forget(said: dict[str, Any], later: Later) -> None:
    for table, key, usual in later:
        place: Any = said
        for step in table.split(".") if table else ():
            place = place and place[step]
        if place is None:
            continue
        if usual is None or _bytes(place[key]) == _bytes(usual):
            del place[key]


def _bytes(value: Any) -> bytes:
    """Return what tells two values apart that JSON tells apart: a tuple is a list."""
    return msgspec.json.encode(value, order="deterministic")


def load(path: Path) -> Recipe:
    """Return the recipe in the file `path`; raises RecipeError naming file, key and what would be right."""
    values = written(path)
    try:
        return of(values)
    except RecipeError as error:
        raise RecipeError(f"{told(path)}: {error}") from None


def parse(text: str) -> Recipe:
    """Return the recipe that `text` holds; raises RecipeError naming the key."""
    return of(values_of(text))


def of(values: Values) -> Recipe:
    """Return the recipe of these values; raises RecipeError naming the key."""
    recipe = converted(values, Recipe)
    if not recipe.classes:
        raise RecipeError('classes: at least one is wanted, as person = ["pedestrian"]')
    _ = recipe.meaning  # says what is wrong with it
    if any(isinstance(source, Folders) for source in recipe.data.source):
        raise RecipeError('data.source: folders of classes have no boxes; task = "classification" takes them')
    for name in recipe.acceptance.quantization_of.keys() - recipe.classes.keys():
        known = ", ".join(recipe.classes)
        raise RecipeError(f"acceptance.quantization_of.{name}: there is no such class; known are {known}")
    _check_teaching(recipe)
    seeded = {"augmentation": msgspec.structs.replace(recipe.augmentation, side=recipe.network.side, seed=recipe.seed)}
    sampling = msgspec.structs.replace(recipe.feeding.sampling, seed=recipe.seed)
    for corner in corners(recipe.search) if recipe.search else ():
        varied(values, corner)
    return msgspec.structs.replace(recipe, **seeded, feeding=msgspec.structs.replace(recipe.feeding, sampling=sampling))


def _check_teaching(recipe: Recipe) -> None:
    pasting = recipe.augmentation.pasting
    for name in set(pasting.classes) - recipe.classes.keys():
        raise RecipeError(f"augmentation.pasting.classes: there is no {name}; known are {', '.join(recipe.classes)}")
    if recipe.teacher and recipe.teacher.views > 1 and not recipe.teacher.maps:
        raise RecipeError("teacher.views: what is said of each cell is their mean, with maps = true")
    if recipe.teacher and recipe.teacher.model == START and not recipe.teacher.maps:
        raise RecipeError('teacher.model: "start", which the training goes on from, teaches with maps = true')
    if recipe.fit.weights.streams and not (recipe.teacher and recipe.teacher.maps):
        raise RecipeError("fit.weights.streams: who says what flows in it is a [teacher] with maps = true")
    if pasting.share and recipe.teacher is not None and not recipe.teacher.maps:
        raise RecipeError("augmentation.pasting: the [teacher] has not seen what is pasted, and would punish it")


def varied(values: Values, changes: Mapping[str, Value]) -> Recipe:
    """Return the recipe of `values` with `changes` by their paths; raises RecipeError naming the path."""
    try:
        return of(changed(values, changes))
    except KeyError as error:
        raise RecipeError(f"search.over: {error.args[0]} leads through what is no table") from None
    except RecipeError as error:
        tried = ", ".join(f"{path} = {value}" for path, value in changes.items())
        raise RecipeError(f"search.over: with {tried}, {error}") from None


def converted(values: Values, kind: type[T]) -> T:
    """Return the recipe of a `kind` that these values are; raises RecipeError naming the key."""
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise RecipeError(explained(str(error), kind, values, "")) from None
