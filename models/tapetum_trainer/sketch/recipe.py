"""What a recipe says of a folder of labelled pictures, where nobody has written one."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tapetum_trainer.crops.settings import BACKGROUND
from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.dataset import unseen
from tapetum_trainer.data.readers import AnySource
from tapetum_trainer.data.sample import Labelled
from tapetum_trainer.data.split import Shares, Split, divided
from tapetum_trainer.errors import DataError
from tapetum_trainer.inheritance import Values
from tapetum_trainer.sketch import words
from tapetum_trainer.sketch.beginning import Beginning
from tapetum_trainer.sketch.layouts import Found, labelled, sorted_out
from tapetum_trainer.sketch.tree import Tree, tree

_FEW = 10  # things: a class of which there are fewer is not learned, where there are others
_SHARES = (0.15, 0.2, 0.3, 0.4)  # of the pictures for validation, and for the test: the first that leaves some for each
_SHOWN, _SHOWN_ANEW = 40_000, 4_000  # pictures in all epochs together: trained from the start, and gone on
_EPOCHS, _EPOCHS_ANEW = (20, 120), (10, 30)  # at least, at most
_BATCHES = (16, 8, 4, 1)  # the first of which an epoch has eight, or that is no more than four
_PEAK_ANEW = 5e-4  # of the rate, where a bundle is gone on from
_NOTHING = frozenset({BACKGROUND, "nothing", "none", "empty", "other", "negative"})  # folders of what is no class
_BESIDE = ("labels", "annotations", "Annotations")  # folders that the usual layouts have beside that of the pictures
_MEANINGS: Mapping[str, tuple[str, ...]] = {
    "person": ("people", "pedestrian", "human", "man", "woman"),
    "vehicle": ("car", "bus", "truck", "van", "motorcycle", "motorbike", "ambulance", "pickup", "lorry"),
}
"""Labels that mean a class of the detectors that come along: what such a one has learned of it is gone on from."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """A recipe. told: what was found and chosen, a line each."""

    values: Values
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """The pictures of all sources, each with the split that its source says."""

    pictures: Sequence[tuple[Labelled, str]]

    @property
    def labels(self) -> Counter[str]:
        """How many things have each label."""
        return Counter(thing.label for one, _ in self.pictures for thing in one.things if not thing.crowd)

    def split(self, classes: Classes, shares: Shares) -> dict[Split, list[Labelled]]:
        """Return the pictures of each split, but for those that look the same, which may move some later."""
        return divided([(classes.of(one), said) for one, said in self.pictures], {}, shares)


def name_of(folder: Path) -> str:
    """Return what a bundle of the pictures in `folder` is called."""
    return slug(folder.resolve().name) or "pictures"


def slug(name: str) -> str:
    """Return what of a name a bundle's may have; "": nothing."""
    return re.sub(r"[^a-z0-9_.-]+", "-", name.lower()).strip("-_.")[:64]


def sketched(folder: Path, beginning: Beginning | None = None) -> Sketch:
    """Return a recipe for the labelled pictures in `folder`. beginning: the bundle that it is to go on from.

    Raises DataError when nothing is labelled there.
    """
    lying = tree(folder)
    found = labelled(lying)
    sorted_pictures = [] if found else sorted_out(lying)
    if not found and not sorted_pictures:
        raise DataError(_nothing(lying), folder)
    crops = bool(sorted_pictures) or (beginning is not None and not beginning.detector)
    if sorted_pictures and beginning is not None and beginning.detector:
        raise DataError(f"its pictures are sorted, and have no boxes; {beginning.name} is a detector", folder)
    return _sketched(folder, _said(found or sorted_pictures), beginning, crops=crops)


def _sketched(folder: Path, found: Sequence[Found], beginning: Beginning | None, *, crops: bool) -> Sketch:
    sources = [one.source for one in found]
    heard: list[DataError] = []
    each = [source.read(folder, heard.append) for source in sources]
    read = _Read([(one, source.split) for source, pictures in zip(sources, each, strict=True) for one in pictures])
    sources = _looked_for(found, each)
    if not read.labels:
        raise DataError("there are labels for its pictures, and not one thing in them", folder)
    background = [label for label in sorted(read.labels) if crops and label.lower() in _NOTHING]
    classes = _classes(read.labels, beginning, background)
    shares, missing = _shares(read, classes, {source.split for source in sources})
    classes = {name: labels for name, labels in classes.items() if name not in missing}
    if not classes:
        few = f"{len(read.pictures)} pictures are too few to train on some, choose by others and judge by others again"
        raise DataError(few, folder)
    meant = Classes(classes)
    count = len(read.split(meant, shares)["train"])
    values: dict[str, Any] = {"task": "classification"} if crops else {}
    values |= {
        "name": name_of(folder),
        "version": 1,
        "made_of": [{"name": f"{name_of(folder)}, {len(read.pictures)} pictures", "licence": "not said"}],
        "classes": classes,
    }
    if background:
        values["background"] = {"labels": background}
    values |= {
        "data": {"shares": msgspec.to_builtins(shares), "source": [_written(source) for source in sources]},
        "network": beginning.network if beginning else {"size": "small", "side": 128 if crops else 256},
        "feeding": {"batch": _batch(count)},
        "fit": _fit(count, beginning),
    }
    shown = (*meant.labels, *background)
    left_out = {label: times for label, times in read.labels.items() if label not in shown}
    kind = "for a classifier, which says what a crop shows and not where" if crops else ""
    nothing = f"shown as background: {', '.join(background)}" if background else ""
    told = words.told(found, len(read.pictures), read.labels, classes, left_out)
    lost = words.lost(beginning.name, beginning.labels, classes) if beginning else ()
    return Sketch(values, (*told, *filter(None, (kind, nothing)), *lost, *words.doubts(heard)))


def _said(found: Sequence[Found]) -> list[Found]:
    """Return the sources with the splits that they are of, where these are enough for a training by themselves."""
    splits = {one.source.split for one in found}
    if {"train", "valid"} <= splits:
        return list(found)
    kept = "test" if len(splits) > 1 else ""
    return [
        Found(
            one.source if one.source.split == kept else msgspec.structs.replace(one.source, split="auto"),
            one.folder,
            one.names,
            one.vocabulary,
        )
        for one in found
    ]


def _looked_for(found: Sequence[Found], each: Sequence[Sequence[Labelled]]) -> list[AnySource]:
    """Return the sources, each with the labels that were looked for in it where these are not the same in all."""
    spoken: dict[type[AnySource], set[str]] = {}
    for one, pictures in zip(found, each, strict=True):
        shown = {thing.label for picture in pictures for thing in picture.things}
        spoken.setdefault(type(one.source), set()).update(shown)
    lists = [frozenset(one.vocabulary or spoken[type(one.source)]) for one in found]
    if len(set(lists)) == 1:
        return [one.source for one in found]
    return [
        msgspec.structs.replace(one.source, known=tuple(sorted(known))) for one, known in zip(found, lists, strict=True)
    ]


def _classes(labels: Counter[str], beginning: Beginning | None, background: Sequence[str]) -> dict[str, list[str]]:
    """Return class -> labels: those of the bundle first, then what is enough to be learned anew."""
    found: dict[str, list[str]] = {}
    for label, _ in labels.most_common():
        name = _meaning(label, beginning.labels if beginning else ())
        if label not in background:
            found.setdefault(name, []).extend([] if name == label else [label])
    things = {name: labels[name] + sum(labels[one] for one in means) for name, means in found.items()}
    enough = {name: means for name, means in found.items() if things[name] >= _FEW} or found
    known = beginning.labels if beginning else ()
    order = sorted(enough, key=lambda name: (known.index(name) if name in known else len(known), name))
    return {name: enough[name] for name in order}


def _meaning(label: str, known: Sequence[str]) -> str:
    """Return the class of a bundle that `label` is another word for, or itself."""
    if label in known:
        return label
    lowered = label.lower()
    return next((name for name in known if lowered == name or lowered in _MEANINGS.get(name, ())), label)


def _shares(read: _Read, classes: Mapping[str, Sequence[str]], splits: set[str]) -> tuple[Shares, set[str]]:
    """Return how much of what names no split goes where, and the classes of which nothing is left to train on."""
    found: tuple[Shares, set[str]] = Shares(), set()
    if {"train", "valid"} <= splits:
        shares = Shares(valid=0.0, test=0.0)
        return shares, set(unseen(Classes(classes), read.split(Classes(classes), shares)["train"]))
    for share in _SHARES:
        shares = Shares(valid=share, test=0.0 if "test" in splits else share)
        split = read.split(Classes(classes), shares)
        found = shares, set(unseen(Classes(classes), split["train"]))
        if split["valid"] and (split["test"] or len(read.pictures) < 2 * _FEW):
            break
    return found


def _batch(count: int) -> int:
    """Return how many of `count` pictures are learned from at once."""
    return next(one for one in _BATCHES if count >= 8 * one or one <= min(4, count))


def _fit(count: int, beginning: Beginning | None) -> dict[str, Any]:
    """Return how long it is trained: the fewer pictures, the more often each is shown."""
    shown, (least, most) = (_SHOWN_ANEW, _EPOCHS_ANEW) if beginning else (_SHOWN, _EPOCHS)
    epochs = min(max(shown // max(count, 1), least), most)
    return {"epochs": epochs, "average": 0.99} | ({"rates": {"peak": _PEAK_ANEW}} if beginning else {})


def _written(source: AnySource) -> dict[str, Any]:
    """Return a source as a recipe says it: what is not usual."""
    values: dict[str, Any] = msgspec.to_builtins(source)
    usual = {field.name: field.default for field in msgspec.structs.fields(source)}
    return {key: value for key, value in values.items() if key == "type" or value != usual.get(key)}


def _nothing(lying: Tree) -> str:
    """Return that no picture there is labelled, and where labels may lie."""
    count = sum(map(len, lying.pictured.values()))
    wanted = "COCO json, Pascal VOC or CVAT xml, YOLO txt, Open Images csv, TFRecord, or a folder for each class"
    above = lying.root.resolve().parent
    beside = [name for name in _BESIDE if (above / name).is_dir() and above / name != lying.root.resolve()]
    hint = f"; {above / beside[0]} lies beside it: to have that read too, name {above}" if beside else ""
    return f"{count} pictures are in it, and none of them has labels that could be read here: {wanted}, is wanted{hint}"
