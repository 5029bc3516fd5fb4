"""Pascal VOC's XML: a file for each picture, boxes in pixels.

M. Everingham et al., "The PASCAL visual object classes challenge", 2010. There the first pixel is 1 and the last one is
counted in; the tools that write the format now give the edges as they are, and so they are read: the challenge's own
boxes begin a pixel late. What is `difficult` is a crowd.
"""

from pathlib import Path
from xml.etree import ElementTree as ET

from tapetum_trainer.data.readers.source import (
    Source,
    Told,
    each,
    number,
    picture_at,
    pixel_box,
    raised,
    whole_size,
)
from tapetum_trainer.data.readers.xml import parsed, word
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError

_EDGES = ("xmin", "ymin", "xmax", "ymax")


class Voc(Source, tag="voc", frozen=True, kw_only=True):
    """A folder of pictures and one of annotations."""

    images: str
    annotations: str

    def read(self, root: Path, told: Told = raised) -> list[Labelled]:
        """Return all pictures that have an annotation; what is wrong is told, with its file."""
        found = sorted((root / self.annotations).glob("*.xml"))
        if not found:
            raise DataError("there are no annotations (.xml) in it", root / self.annotations)
        return each(lambda path: self._read(path, root / self.images, told), found, told)

    def _read(self, path: Path, folder: Path, told: Told) -> Labelled:
        tree, where = parsed(path, "annotation"), str(path)
        picture = picture_at(folder, word(tree, "filename", where), where)
        said = tree.find("size")
        if said is None:
            raise DataError("there is no <size>", where)
        width, height = (number(said.findtext(name), name, where) for name in ("width", "height"))
        size = whole_size(width, height, where)
        objects = enumerate(tree.iter("object"), start=1)
        things = each(lambda one: _thing(one[1], size, f"{where}, object {one[0]}"), objects, told)
        return Labelled(picture, *size, tuple(things), self.looked_for, self.group)


def _thing(one: ET.Element, size: tuple[int, int], where: str) -> Thing:
    edges = one.find("bndbox")
    if edges is None:
        raise DataError("an <object> has no <bndbox>", where)
    left, top, right, bottom = (number(edges.findtext(name), name, where) for name in _EDGES)
    difficult = (one.findtext("difficult") or "0").strip() == "1"
    return Thing(word(one, "name", where), pixel_box((left, top, right, bottom), size, where), difficult)
