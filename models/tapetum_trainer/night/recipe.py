"""A recipe of the curve network: as a detector's, without classes, since nothing is labelled."""

from typing import Annotated

import msgspec
from msgspec import Meta

from tapetum.bundle.manifest import Name, Source
from tapetum.settings import Count, Settings
from tapetum_trainer.augment import Augmentation
from tapetum_trainer.augment.settings import Geometry
from tapetum_trainer.data.classes import Classes
from tapetum_trainer.errors import RecipeError
from tapetum_trainer.feed import Feeding
from tapetum_trainer.inheritance import Values
from tapetum_trainer.night.settings import Curves, Fit
from tapetum_trainer.quantize import Quantization
from tapetum_trainer.recipe import PASTING, RELATIVE, Data, Later, Text, converted, hashed

_LATER: Later = (("fit", "precision", "float32"), RELATIVE, PASTING)


class Acceptance(Settings, frozen=True, kw_only=True):
    """What a network must reach to be packed."""

    gain: float = 0.0  # dB by which the int8 network brings dark pictures nearer to what they were
    quantization: Annotated[float, Meta(ge=0)] = 0.5  # dB that int8 may lose against float
    bytes: Count = 200_000  # of the bundle


class NightRecipe(Settings, tag_field="task", tag="night", frozen=True, kw_only=True):
    """The whole of it."""

    name: Name  # of the bundle
    version: Count = 1  # only rises
    licence: Text = "Apache-2.0"  # of the model
    made_of: tuple[Source, ...] = ()  # the pictures that went into it, with their licences
    seed: int = 1
    data: Data
    pairs: str | None = None  # the folder of `low` and `high`, the same pictures dark and bright, that judge at the end
    network: Curves = Curves()
    augmentation: Augmentation = Augmentation(geometry=Geometry(mosaic=0, balance=0), colour=None)
    feeding: Feeding = Feeding()
    fit: Fit = Fit()
    quantization: Quantization = Quantization()
    acceptance: Acceptance = Acceptance()

    @property
    def meaning(self) -> Classes:
        """No class at all: pictures are taken as they are."""
        return Classes({})

    @property
    def sha256(self) -> str:
        """The hash of all that it says, for provenance and checkpoints."""
        return hashed(self, _LATER)


def of(values: Values) -> NightRecipe:
    """Return the recipe of these values; raises RecipeError naming the key."""
    recipe = converted(values, NightRecipe)
    if recipe.network.side % recipe.fit.weights.region:
        raise RecipeError(f"fit.weights.region: network.side, {recipe.network.side}, is to be a multiple of it")
    varied = msgspec.structs.replace(recipe.augmentation, side=recipe.network.side, seed=recipe.seed)
    sampling = msgspec.structs.replace(recipe.feeding.sampling, seed=recipe.seed)
    feeding = msgspec.structs.replace(recipe.feeding, sampling=sampling)
    return msgspec.structs.replace(recipe, augmentation=varied, feeding=feeding)
