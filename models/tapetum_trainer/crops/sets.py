"""The crops of a recipe, split by the pictures that they are of, and packed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.contract import Input
from tapetum.inference.preprocess import placed
from tapetum_trainer.crops.cut import crops
from tapetum_trainer.crops.recipe import CropRecipe
from tapetum_trainer.data.dataset import Dataset, collected, nothing_of, unseen
from tapetum_trainer.data.packed import Packed, packed
from tapetum_trainer.data.readers.kept import cache
from tapetum_trainer.data.split import Split
from tapetum_trainer.errors import DataError
from tapetum_trainer.sets import check_place

_ROOM = 1.25  # times the input's side is kept of a crop to train on: a part of it may be shown larger


class Crops:
    """Packed crops as square pictures of one thing each: where one is not square, it has gray beside it."""

    def __init__(self, pictures: Packed) -> None:
        self._pictures = pictures
        self.labels, self.key = pictures.labels, pictures.key

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._pictures)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return (s, s, 3) RGB."""
        found = self._pictures.picture(index)
        height, width, _ = found.shape
        if height == width:
            return found
        square = Input(width=max(width, height), height=max(width, height), fit="letterbox")
        left, top, _, _ = placed(width, height, square)
        whole = np.full((square.height, square.width, 3), square.pad, np.uint8)
        whole[top : top + height, left : left + width] = found
        return whole

    def boxes(self, index: int) -> NDArray[np.float32]:
        """Return (1, 4): left, top, right, bottom of the thing, fractions of the square."""
        height, width, _ = self._pictures.picture(index).shape
        side = max(width, height)
        size, start = np.array([width, height]), np.array([(side - width) // 2, (side - height) // 2])
        corners = self._pictures.boxes(index).reshape(-1, 2, 2) * size + start
        return np.asarray((corners / side).reshape(-1, 4), np.float32)

    def classes(self, index: int) -> NDArray[np.int32]:
        """Return (1,): what it shows, an index into `labels`."""
        return self._pictures.classes(index)

    def ignored(self, index: int) -> NDArray[np.bool_]:
        """Return (1,): that it counts."""
        return self._pictures.ignored(index)

    def known(self, index: int) -> NDArray[np.bool_]:
        """Return (labels,): that all are known."""
        return self._pictures.known(index)

    def origin(self, index: int) -> str:
        """Return of which picture it is."""
        return self._pictures.origin(index)

    def group(self, index: int) -> str:
        """Return the camera or clip that it is of; "": none."""
        return self._pictures.group(index)

    @cached_property
    def truth(self) -> NDArray[np.int32]:
        """(n,) what each shows, an index into `labels`."""
        return np.array([self.classes(index)[0] for index in range(len(self))], np.int32)


@dataclass(frozen=True)
class CropSets:
    """A recipe of a classifier, and the folder that its paths begin in."""

    recipe: CropRecipe
    root: Path

    @cached_property
    def dataset(self) -> Dataset:
        """All pictures; raises DataError when one cannot be read, or a class has no example."""
        recipe = self.recipe
        return collected(recipe.data.source, recipe.meaning, recipe.data.shares, self.root)

    def crops(self, split: Split) -> Crops:
        """Return the crops of a split, packed in the cache; raises DataError when one to train on lacks a class."""
        if split not in self._packed:
            self._packed[split] = self._made(split)
        return self._packed[split]

    @cached_property
    def _packed(self) -> dict[Split, Crops]:
        return {}

    def _made(self, split: Split) -> Crops:
        recipe = self.recipe
        found = crops(self.dataset.splits[split], recipe.cutting, recipe.network.side)
        if split == "train" and (missing := unseen(recipe.meaning, found)):
            raise DataError(f"{nothing_of(missing)}, and cutting.smallest")
        side = round((_ROOM if split == "train" else 1) * recipe.network.side)
        return Crops(packed(found, recipe.meaning.names, side, cache() / "packed", self.root))


def opened(recipe: CropRecipe, root: Path) -> CropSets:
    """Return the crops of a recipe; raises DataError when there is nothing of its pictures in `root`."""
    check_place(recipe.data, root)
    return CropSets(recipe, root)
