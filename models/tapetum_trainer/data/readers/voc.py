"""Pascal VOC's XML: a file for each picture, boxes in pixels.

M. Everingham et al., "The PASCAL visual object classes challenge", 2010. There the first pixel is 1 and the last one is
counted in; the tools that write the format now give the edges as they are, and so they are read: the challenge's own
boxes begin a pixel late. What is `difficult` is a crowd.
"""

from pathlib import Path
from xml.etree import ElementTree as ET

from tapetum.scene import Box
from tapetum_trainer.data.readers.source import Source, box
from tapetum_trainer.data.readers.xml import number, parsed, word
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError

_EDGES = ("xmin", "ymin", "xmax", "ymax")


class Voc(Source, tag="voc", frozen=True, kw_only=True):
    """A folder of pictures and one of annotations."""

    images: str
    annotations: str

    def read(self, root: Path) -> list[Labelled]:
        """Return all pictures that have an annotation; raises DataError, naming the file."""
        found = sorted((root / self.annotations).glob("*.xml"))
        if not found:
            raise DataError(f"{root / self.annotations}: there are no annotations (.xml) in it")
        return [self._read(path, root / self.images) for path in found]

    def _read(self, path: Path, folder: Path) -> Labelled:
        tree, where = parsed(path, "annotation"), str(path)
        picture = folder / Path(word(tree, "filename", where)).name
        if not picture.exists():
            raise DataError(f"{path}: {picture} is not there")
        size = tree.find("size")
        if size is None:
            raise DataError(f"{path}: there is no <size>")
        width, height = (int(number(size.findtext(name), name, where)) for name in ("width", "height"))
        if min(width, height) <= 0:
            raise DataError(f"{path}: {width} x {height} is no size")
        things = tuple(_thing(one, (width, height), where) for one in tree.iter("object"))
        return Labelled(picture, width, height, things, self.looked_for, self.group)


def _thing(one: ET.Element, size: tuple[int, int], where: str) -> Thing:
    edges = one.find("bndbox")
    if edges is None:
        raise DataError(f"{where}: an <object> has no <bndbox>")
    left, top, right, bottom = (number(edges.findtext(name), name, where) for name in _EDGES)
    difficult = (one.findtext("difficult") or "0").strip() == "1"
    return Thing(word(one, "name", where), _box((left, top, right, bottom), size, where), difficult)


def _box(edges: tuple[float, float, float, float], size: tuple[int, int], where: str) -> Box:
    left, top, right, bottom = edges
    return box((left / size[0], top / size[1], right / size[0], bottom / size[1]), where)
