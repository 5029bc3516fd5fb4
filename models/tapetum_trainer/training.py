"""One recipe from its pictures to trained weights: what `tapetum-trainer train` does, in legs of any length."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from tapetum_trainer.augment import Pictures
from tapetum_trainer.calibration import spread
from tapetum_trainer.data.readers.kept import cache
from tapetum_trainer.errors import DataError
from tapetum_trainer.evaluate.answers import LEAST
from tapetum_trainer.evaluate.scores import scored
from tapetum_trainer.feed import ALL, Feed, Share
from tapetum_trainer.fit import Outcome, Until, Validate, fit
from tapetum_trainer.folded import Folded, Start, weights_of
from tapetum_trainer.legs import Legs
from tapetum_trainer.narrower import Narrower, enough, reshaped, streams_of, wider
from tapetum_trainer.networks.detector import Architecture, detector
from tapetum_trainer.networks.sizes import SIZES
from tapetum_trainer.recipe import Recipe
from tapetum_trainer.resizing import resized
from tapetum_trainer.said import Answers
from tapetum_trainer.sets import Sets
from tapetum_trainer.teachers import START, Labeller, Taught, guided, together
from tapetum_trainer.teachers.maps import Imitated
from tapetum_trainer.weights import begin


@dataclass(frozen=True)
class Training(Legs):
    """The pictures of a recipe, and the folder of its training."""

    sets: Sets
    folder: Path
    start: Start | None = None  # whose weights it begins with

    @property
    def recipe(self) -> Recipe:
        """By which it is trained."""
        return self.sets.recipe

    @property
    def begun(self) -> str:
        """The recipe's hash, that of what it goes on from, and that of its teacher."""
        taught = self.recipe.teacher.content(self.sets.root) if self.recipe.teacher else ""
        return self.recipe.sha256 + self.start_sha256 + taught

    def pictures(self) -> Pictures:
        """Return what is trained on, with the teachers' labels where the recipe wants them."""
        pictures: Pictures = self.sets.packed("train")
        answers = cache() / "answers"
        if self.recipe.distillation is not None:
            taught = Taught(pictures, Labeller(together(cache() / "teachers"), answers), self.recipe.distillation.trust)
            taught.learn()
            pictures = taught
        guidance = self.recipe.teacher
        asked = guidance and not guidance.maps
        return guided(pictures, guidance, self.sets.root, answers) if guidance and asked else pictures

    def feed(self, share: Share = ALL, *, flowing: bool = True) -> Feed:
        """Return the batches that are learned from, or one worker's share of each.

        flowing: with what flows between the teacher's blocks, where the recipe has that learned.
        """
        recipe, imitated = self.recipe, self.imitated(flowing=flowing)
        return Feed(self.pictures(), recipe.augmentation, recipe.feeding, share, imitated)

    def imitated(self, *, flowing: bool = True) -> Imitated | None:
        """Return the teacher that is asked about each batch, if there is one; raises what is wrong with any teacher."""
        guidance, recipe = self.recipe.teacher, self.recipe
        if guidance is None:
            return None
        if guidance.maps:
            wanted = SIZES[recipe.network.size].architecture(recipe.network.side)
            start = reshaped(self.start, wanted) if self.start and guidance.model == START else None
            found = guidance.imitated(self.sets.root, recipe.meaning.names, recipe.network.side, start)
            asked = flowing and recipe.fit.weights.streams
            return replace(found, streams=streams_of(found.spec, wanted)) if asked else found
        guidance.guide(self.sets.root, recipe.meaning.names)
        return None

    def network(self) -> Any:
        """Return the network as the training begins: fine-tuned, or its backbone pretrained, or random."""
        keras.utils.set_random_seed(self.recipe.seed)
        size = SIZES[self.recipe.network.size]
        architecture = size.architecture(self.recipe.network.side)
        network = detector(architecture, len(self.recipe.classes), norm=not self.start)
        if self.start:
            self.start.put_into(network, self.recipe.meaning.names, weights=self._narrower(architecture, self.start))
            resized(network, self.start.side or architecture.side, architecture.side)
        elif self.recipe.network.pretrained:
            begin(network, size.pretrained, size.backbone)
        return network

    def run(self, until: Until = lambda: False, validate: Validate | None = None) -> Outcome:
        """Train from where it stands to the end, or until `until` says so. validate: instead of its own validation."""
        feed = self.feed()  # says what is wrong with a teacher before anything is done
        return fit(self.network(), feed, self.recipe.fit, self.checkpoints, validate or self.validation(), until)

    def _narrower(self, wanted: Architecture, start: Start) -> Folded:
        """Return the weights of `start`, pruned where the network has narrower blocks."""
        weights = weights_of(start.content)
        wide = wider(weights, wanted)
        if wide is None:
            return weights
        path = self.folder / f"pruned-{hashlib.sha256(self.begun.encode()).hexdigest()[:8]}.npz"
        way = Narrower(wide, wanted, len(start.labels), path)
        most, varied = enough(wanted.side), self.recipe.augmentation
        return way.weights(weights, lambda: spread(self.sets.packed("train"), varied, most))

    def validation(self) -> Validate:
        """Return what judges a network: the AP50 of the classes on the pictures of the validation, weighed."""
        pictures = self.sets.packed("valid")
        if not len(pictures):
            raise DataError("no picture is left for validation: data.shares.valid is to be more")
        prepared = Answers([pictures.picture(index) for index in range(len(pictures))], self.recipe.network.side)
        return lambda network: scored(prepared.rows(network, LEAST), pictures).weighed
