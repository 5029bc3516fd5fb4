"""All pictures of a recipe: read from their sources, mapped to its classes, divided, and packed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.duplicates import alike
from tapetum_trainer.data.looked import looked_at
from tapetum_trainer.data.packed import Packed, packed
from tapetum_trainer.data.readers import AnySource
from tapetum_trainer.data.sample import Labelled
from tapetum_trainer.data.split import Shares, Split, divided
from tapetum_trainer.errors import DataError


@dataclass(frozen=True, slots=True)
class Dataset:
    """What there is to learn from. moved: pictures that look like one of another split, and went there."""

    splits: Mapping[Split, Sequence[Labelled]]
    left_out: Counter[str]  # labels that mean no class: how many things have them
    moved: int

    def packed(self, split: Split, classes: Classes, side: int, folder: Path, root: Path) -> Packed:
        """Return one split, packed."""
        return packed(self.splits[split], classes.names, side, folder, root)


def collected(sources: Sequence[AnySource], classes: Classes, shares: Shares, root: Path) -> Dataset:
    """Return the pictures of all `sources`; raises DataError when one cannot be read, or a class has no example."""
    read = [(picture, source.split) for source in sources for picture in source.read(root)]
    mapped = [(classes.of(picture), split) for picture, split in read]
    hashes = looked_at([picture for picture, _ in mapped])
    found = divided(mapped, alike(list(hashes.values())), shares)
    if missing := unseen(classes, found["train"]):
        raise DataError(nothing_of(missing))
    labels = Counter(thing.label for picture, _ in read for thing in picture.things)
    left_out = Counter({label: count for label, count in labels.items() if not classes.means(label)})
    said = {id(picture): split for picture, split in mapped}
    moved = sum(said[id(one)] not in ("auto", split) for split, pictures in found.items() for one in pictures)
    return Dataset(found, left_out, moved)


def unseen(classes: Classes, pictures: Sequence[Labelled]) -> list[str]:
    """Return the classes of which there is nothing in the pictures."""
    shown = {thing.label for picture in pictures for thing in picture.things if not thing.crowd}
    return [name for name in classes.names if name not in shown]


def nothing_of(missing: Sequence[str]) -> str:
    """Tell that these classes cannot be learned."""
    return f"no picture to train on shows: {', '.join(missing)}; see classes and data of the recipe"
