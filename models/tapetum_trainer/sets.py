"""The pictures of a recipe, split and packed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tapetum_trainer.data.dataset import Dataset, collected
from tapetum_trainer.data.packed import Packed
from tapetum_trainer.data.readers.frames import cache
from tapetum_trainer.data.split import Split
from tapetum_trainer.recipe import Recipe


@dataclass(frozen=True)
class Sets:
    """A recipe, and the folder that its paths begin in."""

    recipe: Recipe
    root: Path

    @cached_property
    def dataset(self) -> Dataset:
        """All pictures; raises DataError when one cannot be read, or a class has no example."""
        data = self.recipe.data
        return collected(data.source, self.recipe.meaning, data.shares, self.root)

    def packed(self, split: Split) -> Packed:
        """Return the pictures of a split, packed in the cache."""
        return self.dataset.packed(split, self.recipe.meaning, self.recipe.data.side, cache() / "packed", self.root)
