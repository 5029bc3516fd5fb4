"""All pictures of a recipe: read from their sources, mapped to its classes, divided, and packed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tapetum.progress import Progress
from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.duplicates import alike, difference_hash
from tapetum_trainer.data.packed import Packed, packed
from tapetum_trainer.data.pictures import pixels
from tapetum_trainer.data.readers import AnySource
from tapetum_trainer.data.sample import Labelled
from tapetum_trainer.data.split import Shares, Split, divided
from tapetum_trainer.errors import DataError

_THREADS = 4


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
    found = divided(mapped, alike(_hashes([picture for picture, _ in mapped])), shares)
    _check(classes, found["train"])
    labels = Counter(thing.label for picture, _ in read for thing in picture.things)
    left_out = Counter({label: count for label, count in labels.items() if not classes.means(label)})
    said = {id(picture): split for picture, split in mapped}
    moved = sum(said[id(one)] not in ("auto", split) for split, pictures in found.items() for one in pictures)
    return Dataset(found, left_out, moved)


def _hashes(pictures: Sequence[Labelled]) -> list[int | None]:
    with ThreadPoolExecutor(_THREADS) as pool, Progress("look for duplicates", len(pictures)) as bar:
        found = []
        for one in pool.map(lambda picture: difference_hash(pixels(picture.path)), pictures):
            found.append(one)
            bar.step()
    return found


def _check(classes: Classes, pictures: Sequence[Labelled]) -> None:
    """Raise DataError when a class has no example to learn from."""
    shown = {thing.label for picture in pictures for thing in picture.things if not thing.crowd}
    if missing := [name for name in classes.names if name not in shown]:
        raise DataError(f"no picture to train on shows: {', '.join(missing)}; see classes and data of the recipe")
