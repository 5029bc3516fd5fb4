"""The pictures of a recipe, split and packed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.dataset import Dataset, collected
from tapetum_trainer.data.packed import Packed
from tapetum_trainer.data.readers import place
from tapetum_trainer.data.readers.kept import cache
from tapetum_trainer.data.report import Report, check
from tapetum_trainer.data.split import Split
from tapetum_trainer.errors import DataError
from tapetum_trainer.recipe import Data, Given, Recipe

_ROOT = "--data FOLDER, or TAPETUM_DATA, names the folder that its paths begin in"


@dataclass(frozen=True)
class Sources:
    """Where pictures lie, what is looked for in them, and the folder that their paths begin in."""

    data: Data
    meaning: Classes
    root: Path

    @cached_property
    def dataset(self) -> Dataset:
        """All pictures; raises DataError when one cannot be read, or a class has no example."""
        return collected(self.data.source, self.meaning, self.data.shares, self.root)

    def report(self) -> Report:
        """Return what the pictures show, and all that is wrong with them."""
        return check(self.data.source, self.meaning, self.data.shares, self.root)

    def packed(self, split: Split) -> Packed:
        """Return the pictures of a split, packed in the cache."""
        return self.dataset.packed(split, self.meaning, self.data.side, cache() / "packed", self.root)


@dataclass(frozen=True)
class Sets:
    """A recipe of a detector, and the folder that its paths begin in."""

    recipe: Recipe
    root: Path

    @cached_property
    def sources(self) -> Sources:
        """Its pictures."""
        return Sources(self.recipe.data, self.recipe.meaning, self.root)

    @property
    def dataset(self) -> Dataset:
        """As of `Sources`."""
        return self.sources.dataset

    def report(self) -> Report:
        """As of `Sources`."""
        return self.sources.report()

    def packed(self, split: Split) -> Packed:
        """As of `Sources`."""
        return self.sources.packed(split)

    @property
    def judging(self) -> Packed:
        """Those by which a model is judged: of the test, or of the validation where there is none."""
        test = self.packed("test")
        return test if len(test) else self.packed("valid")


def opened(recipe: Recipe, root: Path) -> Sets:
    """Return the pictures of a recipe; raises DataError when there is nothing of them in `root`."""
    check_place(recipe.data, root)
    return Sets(recipe, root)


def check_place(data: Given, root: Path) -> None:
    """Raise DataError when there is nothing of the pictures in `root`."""
    if not root.is_dir():
        raise DataError(f"there is no such folder; {_ROOT}", root)
    places = [place(source) for source in data.source]
    if places and not any((root / one).exists() for one in places):
        raise DataError(f"{places[0]} is not in it, nor anything else of the recipe; {_ROOT}", root.resolve())
