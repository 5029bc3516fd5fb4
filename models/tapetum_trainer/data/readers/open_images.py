"""Open Images' CSV: a line for each box, in fractions of its picture.

https://storage.googleapis.com/openimages/web/download_v7.html. A group (IsGroupOf) is a crowd. Labels are names, or
codes that a second file (code,name) tells the names of. A decimal comma is taken for a point.
"""

import csv
from collections import defaultdict
from pathlib import Path

from tapetum_trainer.data.pictures import SUFFIXES, size
from tapetum_trainer.data.readers.source import Source, box, text
from tapetum_trainer.data.readers.xml import number
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError

_EDGES = ("XMin", "YMin", "XMax", "YMax")


class OpenImages(Source, tag="open-images", frozen=True, kw_only=True):
    """A folder of pictures, the file of boxes, and where labels are codes that of their names."""

    images: str
    boxes: str
    names: str = ""

    def read(self, root: Path) -> list[Labelled]:
        """Return all pictures that have a line; raises DataError, naming file and line."""
        path = root / self.boxes
        names = dict(self._rows(root / self.names, 2)) if self.names else {}
        lines = csv.DictReader(text(path).splitlines())
        if missing := [name for name in ("ImageID", "LabelName", *_EDGES) if name not in (lines.fieldnames or ())]:
            raise DataError(f"{path}: the columns {', '.join(missing)} are missing")
        things: dict[str, list[Thing]] = defaultdict(list)
        try:
            for line in lines:
                label = names.get(line["LabelName"] or "", line["LabelName"] or "")
                things[line["ImageID"] or ""].append(_thing(line, label, f"{path}, line {lines.line_num}"))
        except csv.Error as error:
            raise DataError(f"{path}, line {lines.line_num}: {error}") from None
        return [self._read(path, root / self.images, name, tuple(found)) for name, found in things.items()]

    def _rows(self, path: Path, columns: int) -> list[list[str]]:
        found = list(csv.reader(text(path).splitlines()))
        for at, row in enumerate(found, start=1):
            if len(row) != columns:
                raise DataError(f"{path}, line {at}: {columns} columns are wanted: code,name")
        return found

    def _read(self, path: Path, folder: Path, name: str, things: tuple[Thing, ...]) -> Labelled:
        stem = Path(name).name
        wanted = (
            [folder / stem] if Path(stem).suffix.lower() in SUFFIXES else [folder / f"{stem}{end}" for end in SUFFIXES]
        )
        picture = next((one for one in wanted if one.is_file()), None)
        if picture is None:
            raise DataError(f"{path}: the picture {name!r} is not in {folder}")
        return Labelled(picture, *size(picture), things, self.looked_for, self.group)


def _thing(line: dict[str, str], label: str, where: str) -> Thing:
    left, top, right, bottom = (number((line[edge] or "").replace(",", "."), edge, where) for edge in _EDGES)
    return Thing(label, box((left, top, right, bottom), where), (line.get("IsGroupOf") or "0") == "1")
