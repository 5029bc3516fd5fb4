"""Open Images' CSV: a line for each box, in fractions of its picture.

https://storage.googleapis.com/openimages/web/download_v7.html. A group (IsGroupOf) is a crowd. Labels are names, or
codes that a second file (code,name) tells the names of. A decimal comma is taken for a point.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tapetum_trainer.data.pictures import SUFFIXES, size
from tapetum_trainer.data.readers.source import Source, Told, box, each, number, picture_at, raised, text
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError

_EDGES = ("XMin", "YMin", "XMax", "YMax")
_COLUMNS = ("ImageID", "LabelName", *_EDGES)

_Row = dict[str, str]


class OpenImages(Source, tag="open-images", frozen=True, kw_only=True):
    """A folder of pictures, the file of boxes, and where labels are codes that of their names."""

    images: str
    boxes: str
    names: str = ""

    def read(self, root: Path, told: Told = raised) -> list[Labelled]:
        """Return all pictures that have a line; what is wrong is told, with file and line."""
        path, folder = root / self.boxes, root / self.images
        names = _names(root / self.names) if self.names else {}
        rows: dict[str, list[tuple[str, _Row]]] = defaultdict(list)
        for where, row in _rows(path):
            rows[row["ImageID"] or ""].append((where, row))

        def picture(name: str) -> Labelled:
            found = _picture(folder, name, rows[name][0][0])
            things = each(lambda one: _thing(one[1], names, one[0]), rows[name], told)
            return Labelled(found, *size(found), tuple(things), self.looked_for, self.group)

        return each(picture, rows, told)


def _rows(path: Path) -> Iterator[tuple[str, _Row]]:
    """Give the place and the columns of each line; raises DataError when it is no such table."""
    lines = csv.DictReader(io.StringIO(text(path), newline=""))
    try:
        if missing := [name for name in _COLUMNS if name not in (lines.fieldnames or ())]:
            raise DataError(f"the columns {', '.join(missing)} are missing", path)
        for row in lines:
            yield f"{path}, line {lines.line_num}", row
    except csv.Error as error:
        raise DataError(str(error), f"{path}, line {lines.line_num}") from None


def _names(path: Path) -> dict[str, str]:
    """Return code -> name; raises DataError."""
    found = {}
    try:
        for at, row in enumerate(csv.reader(io.StringIO(text(path), newline="")), start=1):
            if len(row) != 2:
                raise DataError("2 columns are wanted: code,name", f"{path}, line {at}")
            found[row[0]] = row[1]
    except csv.Error as error:
        raise DataError(str(error), path) from None
    return found


def _picture(folder: Path, name: str, where: str) -> Path:
    if Path(name).suffix.lower() in SUFFIXES:
        return picture_at(folder, name, where)
    for end in sorted(SUFFIXES):
        try:
            return picture_at(folder, name + end, where)
        except DataError:
            continue
    raise DataError(f"the picture {name[:200]!r} is not in {folder}", where)


def _thing(row: _Row, names: dict[str, str], where: str) -> Thing:
    code = row["LabelName"] or ""
    if not code:
        raise DataError("it has no LabelName", where)
    left, top, right, bottom = (number((row[edge] or "").replace(",", "."), edge, where) for edge in _EDGES)
    return Thing(names.get(code, code), box((left, top, right, bottom), where), (row.get("IsGroupOf") or "0") == "1")
