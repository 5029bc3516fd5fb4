"""CVAT's XML for images, version 1.1: one file, boxes in pixels. https://docs.cvat.ai, "CVAT for image"."""

from pathlib import Path
from xml.etree import ElementTree as ET

from tapetum_trainer.data.readers.source import Source, Told, each, number, picture_at, pixel_box, raised, whole_size
from tapetum_trainer.data.readers.xml import attribute, parsed
from tapetum_trainer.data.sample import Labelled, Thing

_EDGES = ("xtl", "ytl", "xbr", "ybr")


class Cvat(Source, tag="cvat", frozen=True, kw_only=True):
    """A folder of pictures and the file of annotations."""

    images: str
    annotations: str

    def read(self, root: Path, told: Told = raised) -> list[Labelled]:
        """Return all pictures of the file; what is wrong is told, with file and picture."""
        path = root / self.annotations
        images = parsed(path, "annotations").iter("image")
        return each(lambda image: self._read(path, root / self.images, image, told), images, told)

    def _read(self, path: Path, folder: Path, image: ET.Element, told: Told) -> Labelled:
        name = image.get("name", "")
        where = f"{path}, image {name[:200]!r}"
        picture = picture_at(folder, name, where)
        width, height = (number(image.get(side), side, where) for side in ("width", "height"))
        size = whole_size(width, height, where)
        things = each(lambda one: _thing(one, size, where), image.iter("box"), told)
        return Labelled(picture, *size, tuple(things), self.looked_for, self.group)


def _thing(one: ET.Element, size: tuple[int, int], where: str) -> Thing:
    left, top, right, bottom = (number(one.get(edge), edge, where) for edge in _EDGES)
    return Thing(attribute(one, "label", where), pixel_box((left, top, right, bottom), size, where))
