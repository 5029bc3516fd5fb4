"""COCO's json: pictures, categories, and annotations with a box of left, top, width and height in pixels.

T.-Y. Lin et al., "Microsoft COCO: common objects in context", 2014; the format is cocodataset.org's.
"""

from collections import defaultdict
from pathlib import Path

import msgspec

from tapetum_trainer.data.readers.source import Source, box, text
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError


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


class _File(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation] = []


class Coco(Source, tag="coco", frozen=True, kw_only=True):
    """A folder of pictures and the file of annotations."""

    images: str
    annotations: str

    def read(self, root: Path) -> list[Labelled]:
        """Return all pictures; raises DataError, naming the file, when something is wrong with them."""
        path = root / self.annotations
        try:
            found = msgspec.json.decode(text(path), type=_File)
        except msgspec.DecodeError as error:
            raise DataError(f"{path}: this is no COCO file: {error}") from None
        names = {category.id: category.name for category in found.categories}
        of_image: dict[int, list[_Annotation]] = defaultdict(list)
        for annotation in found.annotations:
            of_image[annotation.image_id].append(annotation)
        return [self._read(path, root / self.images, image, of_image[image.id], names) for image in found.images]

    def _read(
        self, path: Path, folder: Path, image: _Image, annotations: list[_Annotation], names: dict[int, str]
    ) -> Labelled:
        picture = folder / Path(image.file_name).name
        if not picture.exists():
            raise DataError(f"{path}, image {image.id}: {picture} is not there")
        if min(image.width, image.height) <= 0:
            raise DataError(f"{path}, image {image.id}: {image.width} x {image.height} is no size")
        things = [
            _thing(f"{path}, image {image.id}", image, one, names) for one in annotations if min(one.bbox[2:]) > 0
        ]
        return Labelled(picture, image.width, image.height, tuple(things), self.looked_for, self.group)


def _thing(where: str, image: _Image, one: _Annotation, names: dict[int, str]) -> Thing:
    if one.category_id not in names:
        raise DataError(f"{where}: category {one.category_id} has no name")
    left, top, width, height = one.bbox
    edges = left / image.width, top / image.height, (left + width) / image.width, (top + height) / image.height
    return Thing(names[one.category_id], box(edges, where), bool(one.iscrowd))
