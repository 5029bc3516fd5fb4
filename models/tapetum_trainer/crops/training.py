"""One recipe of a classifier from its crops to trained weights, in legs of any length, as a detector's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from tapetum.inference.labels import PLACEHOLDER
from tapetum_trainer.crops.judge import Asked
from tapetum_trainer.crops.recipe import CropRecipe
from tapetum_trainer.crops.sets import Crops, CropSets
from tapetum_trainer.crops.settings import BACKGROUND
from tapetum_trainer.crops.tempered import LOGITS
from tapetum_trainer.errors import DataError
from tapetum_trainer.feed import Feed
from tapetum_trainer.fit import Outcome, Until, fit
from tapetum_trainer.folded import Start
from tapetum_trainer.legs import Legs
from tapetum_trainer.networks.classifier import classifier
from tapetum_trainer.networks.classifiers import CLASSIFIERS
from tapetum_trainer.sampling import Sampler
from tapetum_trainer.weights import begin


@dataclass(frozen=True)
class CropTraining(Legs):
    """The crops of a recipe, and the folder of its training."""

    sets: CropSets
    folder: Path
    start: Start | None = None  # whose weights it begins with

    @property
    def recipe(self) -> CropRecipe:
        """By which it is trained."""
        return self.sets.recipe

    @property
    def begun(self) -> str:
        """The recipe's hash, and that of what it goes on from."""
        return self.recipe.sha256 + self.start_sha256

    def network(self) -> Any:
        """Return the network as the training begins: fine-tuned, or its backbone pretrained, or random."""
        keras.utils.set_random_seed(self.recipe.seed)
        size, labels = CLASSIFIERS[self.recipe.network.size], self.recipe.meaning.names
        network = classifier(size.architecture(self.recipe.network.side), len(labels), norm=not self.start)
        if self.start:
            self.start.put_into(network, labels, LOGITS)
        elif self.recipe.network.pretrained:
            begin(network, size.pretrained, size.backbone)
        return network

    def run(self, until: Until = lambda: False) -> Outcome:
        """Train from where it stands to the end, or until `until` says so."""
        recipe, crops = self.recipe, self.sets.crops("train")
        feed = Feed(crops, recipe.augmentation, recipe.feeding)
        settings = recipe.fit.counting(shown(crops, Sampler(crops, recipe.feeding.sampling)))
        validation = Asked(self.judging("valid"), recipe.network.side)
        return fit(self.network(), feed, settings, self.checkpoints, validation, until)

    def judging(self, split: str) -> Crops:
        """Return the crops of the validation, or those of the test where there are any; raises DataError."""
        valid, test = self.sets.crops("valid"), self.sets.crops("test")
        if not len(valid):
            raise DataError("no crop is left for validation: data.shares.valid is to be more")
        return test if split == "test" and len(test) else valid


def shown(crops: Crops, sampler: Sampler) -> Mapping[str, float]:
    """Return how many crops of each class an epoch shows."""
    return {label: float(sampler.expected[crops.truth == place].sum()) for place, label in enumerate(crops.labels)}


def going_on(start: Start) -> Start:
    """Return the classifier that `start` is, to go on from: its class without a name is the background."""
    return replace(start, labels=tuple(BACKGROUND if label == PLACEHOLDER else label for label in start.labels))
