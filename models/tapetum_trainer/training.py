"""One recipe from its pictures to trained weights: what `tapetum-trainer train` does, in legs of any length."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from tapetum_trainer import weights
from tapetum_trainer.augment import Pictures
from tapetum_trainer.checkpoints import Checkpoints, put_into, read
from tapetum_trainer.data.dataset import Dataset, collected
from tapetum_trainer.data.packed import Packed
from tapetum_trainer.data.readers.frames import cache
from tapetum_trainer.data.split import Split
from tapetum_trainer.errors import DataError
from tapetum_trainer.feed import Feed
from tapetum_trainer.fit import Outcome, Until, Validate, fit
from tapetum_trainer.networks.detector import detector
from tapetum_trainer.networks.sizes import SIZES
from tapetum_trainer.recipe import Recipe
from tapetum_trainer.teachers import Labeller, Taught, together


@dataclass(frozen=True)
class Training:
    """A recipe, the folder of its data, and the folder of its training."""

    recipe: Recipe
    root: Path
    folder: Path

    @cached_property
    def dataset(self) -> Dataset:
        """All pictures; raises DataError when one cannot be read, or a class has no example."""
        return collected(self.recipe.data.source, self.recipe.meaning, self.recipe.data.shares, self.root)

    @property
    def checkpoints(self) -> Checkpoints:
        """Where it stands."""
        return Checkpoints(self.folder, self.recipe.sha256)

    def packed(self, split: Split) -> Packed:
        """Return the pictures of a split, packed in the cache."""
        return self.dataset.packed(split, self.recipe.meaning, self.recipe.data.side, cache() / "packed", self.root)

    def pictures(self) -> Pictures:
        """Return what is trained on, with the teachers' labels where the recipe wants them."""
        packed = self.packed("train")
        if self.recipe.distillation is None:
            return packed
        teachers = Labeller(together(cache() / "teachers"), cache() / "answers")
        taught = Taught(packed, teachers, self.recipe.distillation.trust)
        taught.learn()
        return taught

    def network(self) -> Any:
        """Return the network as the training begins."""
        keras.utils.set_random_seed(self.recipe.seed)
        return begun(self.recipe)

    def run(self, validate: Validate | None, until: Until = lambda: False) -> Outcome:
        """Train from where it stands to the end, or until `until` says so."""
        feed = Feed(self.pictures(), self.recipe.augmentation, self.recipe.feeding)
        return fit(self.network(), feed, self.recipe.fit, self.checkpoints, validate, until)

    def best(self) -> Any:
        """Return the network with the best weights; raises DataError when there are none yet."""
        if not self.checkpoints.best.exists():
            raise DataError(f"{self.checkpoints.best}: nothing is trained here yet")
        network = begun(self.recipe)
        put_into(network, read(self.checkpoints.best))
        return network


def begun(recipe: Recipe, labels: Sequence[str] = ()) -> Any:
    """Return the recipe's network, its backbone pretrained where the recipe says so."""
    size = SIZES[recipe.network.size]
    network = detector(size.architecture(recipe.network.side), len(labels or recipe.classes))
    if recipe.network.pretrained:
        source = weights.SOURCES[size.pretrained]
        whole = source.read()
        weights.put(network, whole if size.backbone == source.backbone else weights.slimmed(whole, size.backbone))
    return network
