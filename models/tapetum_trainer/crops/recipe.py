"""A recipe of a classifier: as a detector's, with how crops are cut and what is shown as background."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tapetum.settings import Count, Fraction, Settings
from tapetum_trainer.crops.background import Meaning
from tapetum_trainer.crops.settings import BACKGROUND, Augmentation, Background, Cutting, Fit, Network
from tapetum_trainer.data.readers import Frames
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.evaluate.moved import Loss
from tapetum_trainer.feed import Feeding
from tapetum_trainer.inheritance import Values
from tapetum_trainer.quantize import Quantization
from tapetum_trainer.recipe import PASTING, RELATIVE, Bundled, Given, Later, converted, hashed
from tapetum_trainer.sampling import Sampling
from tapetum_trainer.thresholds import BestF1, Rule

_LATER: Later = (RELATIVE, PASTING)


class Acceptance(Settings, frozen=True, kw_only=True):
    """What a classifier must reach to be packed; what is not given is not asked."""

    top1: Fraction = 0.0  # share of the crops that int8 says right
    balanced: Fraction = 0.0  # the mean of that over classes
    quantization: Annotated[float, Meta(ge=0)] = 1.0  # points of the balanced one that int8 may lose against float
    bytes: Count = 4_000_000  # of the bundle

    def missed(self, top1: float, balanced: float, lost: Loss, size: int) -> Iterator[str]:
        """Yield what is not reached, in words. lost: of the balanced one; size: of the bundle, bytes."""
        if top1 < self.top1:
            yield f"acceptance.top1: {self.top1:.3f} is wanted, and it reaches {top1:.3f}"
        if balanced < self.balanced:
            yield f"acceptance.balanced: {self.balanced:.3f} is wanted, and it reaches {balanced:.3f}"
        if lost.points > self.quantization:
            yield f"acceptance.quantization: int8 loses {lost.points:.1f} points, {self.quantization} at most"
        if size > self.bytes:
            yield f"acceptance.bytes: {size} bytes, and {self.bytes} at most are wanted"


class CropRecipe(Bundled, tag_field="task", tag="classification", frozen=True, kw_only=True):
    """The whole of it."""

    background: Background | None = None
    data: Given
    cutting: Cutting = Cutting()
    network: Network = Network()
    augmentation: Augmentation = Augmentation()
    feeding: Feeding = Feeding(batch=32, sampling=Sampling(rare=0.0))
    fit: Fit = Fit()
    quantization: Quantization = Quantization()
    thresholds: Rule = BestF1()
    probes: Annotated[int, Meta(ge=0, le=32)] = 4  # questions that the device asks a new bundle
    questions: Literal["validation", "clip"] = "validation"  # probes go into the bundle: clip is free to be given away
    acceptance: Acceptance = Acceptance()

    @property
    def meaning(self) -> Meaning:
        """The classes with what means them, and where background is cut."""
        return Meaning(self.classes, self.ignored, self.background, self.seed)

    @property
    def sha256(self) -> str:
        """The hash of all that it says, for provenance and checkpoints."""
        return hashed(self, _LATER)


def of(values: Values) -> CropRecipe:
    """Return the recipe of these values; raises RecipeError naming the key."""
    recipe = converted(values, CropRecipe)
    if BACKGROUND in recipe.classes:
        raise RecipeError(f"classes.{BACKGROUND}: the table [background] makes it; its labels name what means it")
    names = recipe.meaning.names  # says what is wrong with it
    if len(names) < 2:
        raise RecipeError("classes: two at least are told apart, or one and the [background]")
    if any(isinstance(source, Frames) for source in recipe.data.source):
        raise RecipeError("data.source: nobody has said what frames show; a classifier learns from labels alone")
    if recipe.augmentation.pasting.share:
        raise RecipeError("augmentation.pasting: an example is one crop, and has one class; detectors alone take it")
    for name in recipe.fit.weights.classes.keys() - set(names):
        raise RecipeError(f"fit.weights.classes.{name}: there is no such class; known are {', '.join(names)}")
    augmentation = msgspec.structs.replace(recipe.augmentation, side=recipe.network.side, seed=recipe.seed)
    sampling = msgspec.structs.replace(recipe.feeding.sampling, seed=recipe.seed)
    feeding = msgspec.structs.replace(recipe.feeding, sampling=sampling)
    return msgspec.structs.replace(recipe, augmentation=augmentation, feeding=feeding)
