"""One recipe of a curve network from its pictures to trained weights, in legs of any length, as a detector's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from tapetum_trainer.checkpoints import Checkpoints, put_into, read
from tapetum_trainer.errors import DataError
from tapetum_trainer.feed import Feed
from tapetum_trainer.fit import Outcome, Until, fit
from tapetum_trainer.night.dark import Pair, Validation, darkened
from tapetum_trainer.night.network import curves
from tapetum_trainer.night.recipe import NightRecipe
from tapetum_trainer.sets import Sources


@dataclass(frozen=True)
class NightTraining:
    """The pictures of a recipe, and the folder of its training."""

    recipe: NightRecipe
    sets: Sources
    folder: Path

    @property
    def checkpoints(self) -> Checkpoints:
        """Where it stands."""
        return Checkpoints(self.folder, self.recipe.sha256)

    def network(self) -> Any:
        """Return the network as the training begins: random, the same for the same seed."""
        keras.utils.set_random_seed(self.recipe.seed)
        return curves(self.recipe.network.side, self.recipe.network.width)

    def run(self, until: Until = lambda: False) -> Outcome:
        """Train from where it stands to the end, or until `until` says so."""
        feed = Feed(self.sets.packed("train"), self.recipe.augmentation, self.recipe.feeding)
        validation = Validation(self.darkened())
        return fit(self.network(), feed, self.recipe.fit, self.checkpoints, validation, until)

    def darkened(self) -> list[Pair]:
        """Return the pictures of the validation, darkened; raises DataError when there is none."""
        pictures = self.sets.packed("valid")
        if not len(pictures):
            raise DataError("no picture is left for validation: data.shares.valid is to be more")
        return darkened(pictures, self.recipe.augmentation)

    def best(self) -> Any:
        """Return the network with the best weights; raises DataError when there are none yet."""
        network = self.network()
        put_into(network, read(self.checkpoints.best))
        return network
