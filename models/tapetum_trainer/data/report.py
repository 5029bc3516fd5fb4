"""What there is in the pictures of a recipe, and all that is wrong or doubtful in them: nothing stops at the first.

What is counted is what would be trained on: the pictures that can be read, in the classes of the recipe, in the splits
in which they end. Doubts are told of what looks like a mistake and can be trained on.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.dataset import nothing_of, unseen
from tapetum_trainer.data.duplicates import alike
from tapetum_trainer.data.looked import looked_at
from tapetum_trainer.data.pictures import SUFFIXES
from tapetum_trainer.data.readers import AnySource, Folders, Frames, TfRecord, Yolo, place
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.data.split import SPLITS, Shares, Split, divided
from tapetum_trainer.errors import DataError, Doubt

_SAME = 0.9  # IoU from which two boxes of one class are taken for one thing that was labelled twice
_TINY = 2.0  # pixels: what is narrower or lower has no shape


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong (it stops a training), or doubtful. where: file, and line or picture; "": the recipe."""

    where: str
    what: str
    stops: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture in the classes of the recipe. source: its number; said: the split that its source says, or auto."""

    picture: Labelled
    source: int
    said: str
    split: Split

    @property
    def unlabelled(self) -> bool:
        """Whether nothing at all was looked for in it."""
        return self.picture.known is not None and not self.picture.known

    @property
    def empty(self) -> bool:
        """Whether it was looked at, and shows nothing."""
        return not self.picture.things and not self.unlabelled

    @property
    def moved(self) -> bool:
        """Whether it looks like one of another split, and went there."""
        return self.said not in ("auto", self.split)


@dataclass(frozen=True, slots=True)
class Twins:
    """Two pictures that look the same."""

    first: Shown
    second: Shown

    @property
    def apart(self) -> bool:
        """Whether their sources say different splits."""
        return len({self.first.said, self.second.said} - {"auto"}) == 2


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. sources: as they are told; left_out: labels that mean no class -> how many things have them."""

    classes: tuple[str, ...]
    sources: tuple[str, ...]
    shown: tuple[Shown, ...]
    findings: tuple[Finding, ...]
    twins: tuple[Twins, ...]
    left_out: Mapping[str, int]

    @property
    def mistakes(self) -> int:
        """How many findings must be mended before a training."""
        return sum(one.stops for one in self.findings)

    @property
    def moved(self) -> int:
        """How many pictures look like one of another split, and went there."""
        return sum(one.moved for one in self.shown)

    def things(self, label: str, split: Split | None = None, source: int | None = None) -> int:
        """Return how many things of a class there are, crowds not counted."""
        return sum(
            thing.label == label and not thing.crowd
            for one in self.shown
            if (split is None or one.split == split) and (source is None or one.source == source)
            for thing in one.picture.things
        )


@dataclass(frozen=True, slots=True)
class _Read:
    """A picture with its own labels, and in the classes of the recipe."""

    own: Labelled
    picture: Labelled
    source: int
    said: str


def check(sources: Sequence[AnySource], classes: Classes, shares: Shares, root: Path) -> Report:
    """Return what the pictures of all sources show, and all that is wrong with them.

    Raises ModuleNotFoundError when a source needs a package that is not installed.
    """
    told: list[DataError] = []
    read = [one for number, source in enumerate(sources) for one in _read(number, source, classes, root, told)]
    hashes = looked_at([one.picture for one in read], told.append)
    usable = [read[place] for place in hashes]
    same = alike(list(hashes.values()))
    shown = _divided(usable, same, shares)
    told += [*_of_classes(classes, shown), *_of_sources(sources, classes, read, root), *_of_labels(classes, usable)]
    told += [doubt for one in usable for doubt in _of_boxes(one.picture)]
    return Report(
        classes.names,
        tuple(name_of(source) for source in sources),
        tuple(shown),
        tuple(sorted(map(_finding, told), key=lambda one: not one.stops)),
        tuple(Twins(shown[first], shown[second]) for second, first in same.items()),
        _left_out(classes, usable),
    )


def name_of(source: AnySource) -> str:
    """Return how a source is told: its format and its folder or file."""
    return f"{source.__struct_config__.tag} {place(source)}"


def _finding(error: DataError) -> Finding:
    return Finding(error.where, error.what, not isinstance(error, Doubt))


def _read(number: int, source: AnySource, classes: Classes, root: Path, told: list[DataError]) -> list[_Read]:
    try:
        found = source.read(root, told.append)
    except DataError as error:
        told.append(error)
        return []
    return [_Read(picture, classes.of(picture), number, source.split) for picture in found]


def _divided(usable: Sequence[_Read], same: Mapping[int, int], shares: Shares) -> list[Shown]:
    found = divided([(one.picture, one.said) for one in usable], same, shares)
    split = {id(picture): name for name in SPLITS for picture in found[name]}
    return [Shown(one.picture, one.source, one.said, split[id(one.picture)]) for one in usable]


def _of_classes(classes: Classes, shown: Sequence[Shown]) -> Iterator[DataError]:
    """Tell of which classes a split has nothing."""
    pictures = {split: [one.picture for one in shown if one.split == split] for split in SPLITS}
    missing = unseen(classes, pictures["train"])
    if missing:
        yield DataError(nothing_of(missing))
    for split in ("valid", "test"):
        if none := [name for name in unseen(classes, pictures[split]) if name not in missing]:
            yield Doubt(f"no picture of {split} shows: {', '.join(none)}; how well they are found cannot be told by it")


def _of_sources(sources: Sequence[AnySource], classes: Classes, read: Sequence[_Read], root: Path) -> Iterator[Doubt]:
    """Tell of pictures that are not used, and of labels that are said to be looked for and mean nothing."""
    used = {one.picture.path for one in read}
    for source in sources:
        if none := [label for label in source.known or () if not classes.means(label)]:
            yield Doubt(f"known names {', '.join(none)}, which mean no class of the recipe", name_of(source))
        if isinstance(source, Folders | Frames | TfRecord | Yolo):
            continue  # all of their pictures are used
        folder = root / source.images
        if unused := sum(path.suffix.lower() in SUFFIXES and path not in used for path in folder.glob("*")):
            yield Doubt(
                f"pictures in it that are not used, for want of an annotation without a mistake: {unused}", folder
            )


def _of_labels(classes: Classes, read: Sequence[_Read]) -> Iterator[Doubt]:
    """Tell of labels that are left out, and are but written otherwise than one that means a class."""
    meant = {_bare(label): label for label in classes.labels}
    for label, count in _left_out(classes, read).items():
        if (near := meant.get(_bare(label))) is not None:
            yield Doubt(f"{label!r} means no class, and is left out {count} times; {near!r} means one")


def _bare(label: str) -> str:
    return "".join(filter(str.isalnum, label.casefold()))


def _of_boxes(picture: Labelled) -> Iterator[Doubt]:
    """Tell of boxes in which there is nothing to see, and of things that were labelled twice."""
    for thing in picture.things:
        width, height = thing.box.width * picture.width, thing.box.height * picture.height
        if min(width, height) < _TINY:
            yield Doubt(f"a box of {thing.label} is {width:.1f} x {height:.1f} pixels", picture.path)
    for one, other in combinations(picture.things, 2):
        if _twice(one, other):
            yield Doubt(f"a {one.label} has two boxes, or two of them lie on each other", picture.path)


def _twice(one: Thing, other: Thing) -> bool:
    return one.label == other.label and not (one.crowd or other.crowd) and one.box.iou(other.box) > _SAME


def _left_out(classes: Classes, read: Sequence[_Read]) -> Counter[str]:
    labels = Counter(thing.label for one in read for thing in one.own.things)
    return Counter({label: count for label, count in labels.most_common() if not classes.means(label)})
