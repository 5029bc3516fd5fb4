"""CVAT's XML for images, version 1.1: one file, boxes in pixels. https://docs.cvat.ai, "CVAT for image"."""

from pathlib import Path
from xml.etree import ElementTree as ET

from tapetum_trainer.data.readers.source import Source, box
from tapetum_trainer.data.readers.xml import number, parsed
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError


class Cvat(Source, tag="cvat", frozen=True, kw_only=True):
    """A folder of pictures and the file of annotations."""

    images: str
    annotations: str

    def read(self, root: Path) -> list[Labelled]:
        """Return all pictures of the file; raises DataError, naming file and picture."""
        path = root / self.annotations
        return [self._read(path, root / self.images, one) for one in parsed(path, "annotations").iter("image")]

    def _read(self, path: Path, folder: Path, image: ET.Element) -> Labelled:
        name = Path(image.get("name", "")).name
        where = f"{path}, image {name!r}"
        picture = folder / name
        if not name or not picture.is_file():
            raise DataError(f"{where}: {picture} is not there")
        width, height = (int(number(image.get(side), side, where)) for side in ("width", "height"))
        if min(width, height) <= 0:
            raise DataError(f"{where}: {width} x {height} is no size")
        things = []
        for one in image.iter("box"):
            left, top, right, bottom = (number(one.get(edge), edge, where) for edge in ("xtl", "ytl", "xbr", "ybr"))
            edges = left / width, top / height, right / width, bottom / height
            things.append(Thing(one.get("label", ""), box(edges, where)))
        return Labelled(picture, width, height, tuple(things), self.looked_for, self.group)
