"""COCO's json: pictures, categories, and annotations with a box of left, top, width and height in pixels.

T.-Y. Lin et al., "Microsoft COCO: common objects in context", 2014; the format is cocodataset.org's.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tapetum_trainer.data.readers.source import (
    Source,
    Told,
    each,
    outline,
    picture_at,
    pixel_box,
    raised,
    text,
    whole_size,
)
from tapetum_trainer.data.sample import Labelled, Outline, Thing
from tapetum_trainer.errors import DataError, Doubt


class _Image(msgspec.Struct):
    id: int
    file_name: str
    width: int
    height: int


class _Category(msgspec.Struct):
    id: int
    name: str


class _Annotation(msgspec.Struct):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0
    segmentation: Any = None  # polygons; or masks, which are left alone


class _File(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation] = []


@dataclass(frozen=True, slots=True)
class _Boxes:
    """Those of one picture, and the names of all categories."""

    all: list[_Annotation]
    names: dict[int, str]

    @property
    def full(self) -> list[_Annotation]:
        return [one for one in self.all if min(one.bbox[2:]) > 0]

    @property
    def empty(self) -> list[_Annotation]:
        """Some tools write them; there is nothing in them."""
        return [one for one in self.all if min(one.bbox[2:]) <= 0]


class Coco(Source, tag="coco", frozen=True, kw_only=True):
    """A folder of pictures and the file of annotations."""

    images: str
    annotations: str

    def read(self, root: Path, told: Told = raised) -> list[Labelled]:
        """Return all pictures of the file; what is wrong is told, with file and picture."""
        path = root / self.annotations
        try:
            found = msgspec.json.decode(text(path), type=_File)
        except (msgspec.DecodeError, RecursionError) as error:
            raise DataError(f"this is no COCO file: {error}", path) from None
        names = {category.id: category.name for category in found.categories}
        of_image: dict[int, list[_Annotation]] = defaultdict(list)
        for annotation in found.annotations:
            of_image[annotation.image_id].append(annotation)
        for image, count in Counter(one.id for one in found.images).items():
            if count > 1:
                told(DataError(f"there are {count} images of this id", _where(path, image)))
        pictures = each(
            lambda image: self._read(path, root / self.images, image, _Boxes(of_image.pop(image.id, []), names), told),
            found.images,
            told,
        )
        for image, boxes in of_image.items():
            told(Doubt(f"{len(boxes)} boxes are of it, and the file has no such image", _where(path, image)))
        return pictures

    def _read(self, path: Path, folder: Path, image: _Image, boxes: _Boxes, told: Told) -> Labelled:
        where = _where(path, image.id)
        picture = picture_at(folder, image.file_name, where)
        size = whole_size(image.width, image.height, where)
        for one in boxes.empty:
            told(Doubt(f"a box of category {one.category_id} has no size, and is left out", where))
        things = each(lambda one: _thing(where, size, one, boxes.names), boxes.full, told)
        return Labelled(picture, *size, tuple(things), self.looked_for, self.group)


def _where(path: Path, image: int) -> str:
    return f"{path}, image {image}"


def _thing(where: str, size: tuple[int, int], one: _Annotation, names: dict[int, str]) -> Thing:
    if one.category_id not in names:
        raise DataError(f"category {one.category_id} has no name", where)
    left, top, width, height = one.bbox
    return Thing(
        names[one.category_id],
        pixel_box((left, top, left + width, top + height), size, where),
        bool(one.iscrowd),
        _outline(one.segmentation, size),
    )


def _outline(said: Any, size: tuple[int, int]) -> Outline:
    """Return the polygons in fractions; () where one is none: boxes alone are needed."""
    try:
        polygons = msgspec.convert(said, list[list[float]])
    except msgspec.ValidationError:
        return ()
    return outline([[at / size[axis % 2] for axis, at in enumerate(one)] for one in polygons])
