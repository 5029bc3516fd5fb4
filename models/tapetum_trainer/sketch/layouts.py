"""Which labels lie in a folder, in which format, and of which pictures: as tools write them, and people keep them.

Nothing is guessed of what labels say: that is read by the same readers as a recipe's. What is found out here is where
they are. Each file is known by what is in it, not by what it is called.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from xml.etree import ElementTree as ET

import msgspec

from tapetum_trainer.data.readers import AnySource, Coco, Cvat, Folders, OpenImages, TfRecord, Voc, Yolo
from tapetum_trainer.data.readers.names import names_in
from tapetum_trainer.data.readers.source import text
from tapetum_trainer.data.readers.xml import parsed
from tapetum_trainer.errors import DataError
from tapetum_trainer.sketch.tree import Tree, is_picture, joined

Said = Literal["auto", "train", "valid", "test"]
_SPLITS: Mapping[str, Said] = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}
_LISTS = ("classes.txt", "obj.names", "classes.names")
_NO_LABELS = (*_LISTS, "labels.txt", "readme.txt", "license.txt", "train.txt", "valid.txt", "val.txt", "test.txt")
_ASKED = 20  # files of labels that are looked into, before a folder counts as one without
_COLUMNS = {"ImageID", "LabelName", "XMin", "YMin", "XMax", "YMax"}
_CODE = re.compile(r"/[mg]/")  # that the labels of Open Images begin with
_ANY_ENDING = re.compile(r"\.[^.]*$")


@dataclass(frozen=True, slots=True)
class Found:
    """A source. folder, names: of its pictures. vocabulary: the labels that were looked for; (): there is no list."""

    source: AnySource
    folder: str
    names: frozenset[str]
    vocabulary: tuple[str, ...] = ()


class _Image(msgspec.Struct):
    file_name: str


class _Category(msgspec.Struct):
    name: str


class _Annotation(msgspec.Struct):
    bbox: list[float]


class _CocoFile(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation]


def labelled(tree: Tree) -> list[Found]:
    """Return the sources of boxes in `tree`: where the same pictures are labelled in two formats, one of them.

    Raises DataError where labels of YOLO have no names.
    """
    found: list[Found] = []
    for finder in (_coco, _cvat, _voc, _yolo, _open_images):
        for one in finder(tree):
            taken = frozenset().union(*(other.names for other in found if other.folder == one.folder))
            if len(one.names & taken) <= len(one.names) / 2:
                found.append(one)
    return found or list(_tfrecords(tree))


def sorted_out(tree: Tree) -> list[Found]:
    """Return the sources of pictures that lie in a folder for each class; none where there are no two such."""
    classes = [one for one in tree.pictured if one]
    above: dict[str, list[str]] = {}
    for one in classes:
        above.setdefault(_parent(one), []).append(PurePosixPath(one).name)
    return [
        Found(Folders(path=parent or ".", split=_split(parent)), parent, frozenset(names))
        for parent, names in sorted(above.items())
        if len([name for name in names if name.lower() not in (*_SPLITS, "images")]) > 1
    ]


def _coco(tree: Tree) -> Iterator[Found]:
    files = sorted(tree.called(".json"), key=lambda one: ("instances" not in one[1], one))
    for folder, name in files:
        try:
            file = msgspec.json.decode(text(tree.path(folder, name)), type=_CocoFile)
        except (msgspec.DecodeError, DataError, RecursionError):
            continue
        wanted = [one.file_name for one in file.images]
        place = _with(tree, folder, wanted, name)
        if place is not None:
            path = joined(folder, name)
            split = _split(place, PurePosixPath(path).stem)
            known = tuple(one.name for one in file.categories)
            yield Found(Coco(images=place or ".", annotations=path, split=split), place, _last(wanted), known)


def _cvat(tree: Tree) -> Iterator[Found]:
    for folder, name in tree.called(".xml"):
        root = _root(tree, folder, name, "annotations")
        wanted = [one.get("name", "") for one in root.iter("image")] if root is not None else []
        place = _with(tree, folder, wanted)
        if place is not None:
            path = joined(folder, name)
            yield Found(Cvat(images=place or ".", annotations=path, split=_split(place)), place, _last(wanted))


def _voc(tree: Tree) -> Iterator[Found]:
    for folder, names in tree.files.items():
        files = [name for name in names if name.lower().endswith(".xml")]
        roots = (_root(tree, folder, name, "annotation") for name in files[:_ASKED])
        wanted = [root.findtext("filename") or "" for root in roots if root is not None]
        place = _with(tree, folder, wanted)
        if place is not None:
            source = Voc(images=place or ".", annotations=folder or ".", split=_split(place))
            stems = {_stem(name) for name in files}
            yield Found(source, place, frozenset(one for one in tree.pictured[place] if _stem(one) in stems))


def _yolo(tree: Tree) -> Iterator[Found]:
    for folder, names in tree.files.items():
        files = [one for one in names if one.lower().endswith(".txt") and one.lower() not in _NO_LABELS]
        stems = {_stem(name) for name in files}
        full = (name for name in files if any(map(str.strip, _lines(tree, folder, name))))
        asked = itertools.islice(full, _ASKED)
        place = _alike(tree, folder, stems) if any(_is_yolo(tree, folder, one) for one in asked) else None
        if place is not None:
            names_file = _names_of(tree, folder)
            source = Yolo(images=place or ".", labels=folder or ".", names=names_file, split=_split(place))
            yield Found(source, place, tree.pictured[place], names_in(tree.root / names_file))


def _open_images(tree: Tree) -> Iterator[Found]:
    for folder, name in tree.called(".csv"):
        lines = _lines(tree, folder, name)
        columns = lines[0].split(",") if lines else []
        if not set(columns) >= _COLUMNS:
            continue
        rows = [dict(zip(columns, line.split(","), strict=False)) for line in lines[1 : _ASKED + 1]]
        stems = {_stem(row["ImageID"]) for row in rows if row.get("ImageID")}
        place = _alike(tree, folder, stems)
        if place is not None:
            coded = any(_CODE.match(row.get("LabelName", "")) for row in rows)
            source = OpenImages(
                images=place or ".",
                boxes=joined(folder, name),
                names=_codes(tree, folder) if coded else "",
                split=_split(place),
            )
            all_rows = (dict(zip(columns, line.split(","), strict=False)) for line in lines[1:])
            all_stems = {_stem(row["ImageID"]) for row in all_rows if row.get("ImageID")}
            yield Found(source, place, frozenset(one for one in tree.pictured[place] if _stem(one) in all_stems))


def _tfrecords(tree: Tree) -> Iterator[Found]:
    for folder, names in tree.files.items():
        for name in names:
            if re.search(r"\.(tf)?records?(-\d+-of-\d+)?$", name.lower()):
                path = joined(folder, name)
                yield Found(TfRecord(path=path, split=_split(path)), path, frozenset([name]))


def _split(*paths: str) -> Said:
    """Return the split that a path names: its last word that is one."""
    words = [word for path in paths for word in re.findall("[a-z]+", path.lower())]
    return next((_SPLITS[word] for word in reversed(words) if word in _SPLITS), "auto")


def _with(tree: Tree, folder: str, wanted: Sequence[str], name: str = "") -> str | None:
    """Return the folder from which the most of the pictures `wanted` are found; None: there is none.

    Of several the one whose split is that of the labels' own `name`, and of these the nearest.
    """
    parts = [PurePosixPath(one.replace("\\", "/")) for one in wanted if is_picture(one)]
    kept = {place: frozenset(names) for place, names in tree.files.items()}
    counts: Counter[str] = Counter()
    for place in kept:
        for one in parts:
            above = one.parent.as_posix() if one.parent.name else ""
            counts[place] += one.name in kept.get(joined(place, above) if above else place, ())
    most = max(counts.values(), default=0)
    best = [place for place, count in counts.items() if count == most > 0]
    said = _split(folder, PurePosixPath(name).stem)
    near = tree.near(folder, best)
    return next((place for place in near if _split(place) == said), next(iter(near), None))


def _alike(tree: Tree, folder: str, stems: set[str]) -> str | None:
    """Return the folder of pictures that labels called `stems` are of; None: there is none.

    The one in which they lie, or that is called as their own with images for labels, where it has the most of them or
    nearly so; else that which has the most, the nearest of such.
    """
    counts = {place: len(stems & set(map(_stem, names))) for place, names in tree.pictured.items()}
    twin = "/".join("images" if part == "labels" else part for part in folder.split("/"))
    for own in (folder, twin):
        if counts.get(own, 0) > len(stems) / 2:
            return own
    most = max(counts.values(), default=0)
    return next(iter(tree.near(folder, [place for place, count in counts.items() if count == most > 0])), None)


def _is_yolo(tree: Tree, folder: str, name: str) -> bool:
    """Whether the first line of a file is a class and a box, or a polygon."""
    first = next((line.split() for line in _lines(tree, folder, name) if line.strip()), [])
    try:
        kind, numbers = int(first[0]), [float(one) for one in first[1:]]
        return kind >= 0 and len(numbers) >= 4 and len(numbers) % 2 == 0 and all(-1 < one < 2 for one in numbers)
    except (ValueError, IndexError):
        return False


def _names_of(tree: Tree, folder: str) -> str:
    """Return the file of the classes' names for labels in `folder`: in it, or in one that it lies in."""
    place, wrong = folder, ""
    while True:
        for name in sorted(tree.files[place], key=lambda one: not one.lower().endswith((".yaml", ".yml"))):
            lowered = name.lower()
            if not (lowered in _LISTS or lowered.endswith((".names", ".yaml", ".yml"))):
                continue
            try:
                names_in(tree.path(place, name))
            except DataError as error:
                wrong = f": {error}"
                continue
            return joined(place, name)
        if not place:
            break
        place = _parent(place)
    wanted = "data.yaml with `names:`, or classes.txt with one a line, is wanted beside them or above"
    raise DataError(f"labels of YOLO are in it, and no names of their classes: {wanted}{wrong}", tree.path(folder))


def _codes(tree: Tree, folder: str) -> str:
    """Return the file that tells the names of codes; "": there is none."""
    files = sorted(tree.called(".csv"))
    for place in tree.near(folder, sorted({one for one, _ in files})):
        for name in (name for one, name in files if one == place):
            first = next(iter(_lines(tree, place, name)), "").split(",")
            if len(first) == 2 and _CODE.match(first[0]):
                return joined(place, name)
    return ""


def _root(tree: Tree, folder: str, name: str, tag: str) -> ET.Element | None:
    try:
        return parsed(tree.path(folder, name), tag)
    except DataError:
        return None


def _lines(tree: Tree, folder: str, name: str) -> list[str]:
    try:
        return text(tree.path(folder, name)).splitlines()
    except DataError:
        return []


def _last(names: Sequence[str]) -> frozenset[str]:
    return frozenset(PurePosixPath(name.replace("\\", "/")).name for name in names)


def _stem(name: str) -> str:
    return _ANY_ENDING.sub("", name)


def _parent(folder: str) -> str:
    parent = PurePosixPath(folder).parent.as_posix()
    return "" if parent == "." else parent
