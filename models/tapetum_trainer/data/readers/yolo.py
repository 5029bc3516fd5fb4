"""YOLO's text files: for each picture one of its name, a line for each object.

`class x y width height`, the centre and the size in fractions of the picture. A picture with no file, or an empty one,
shows nothing. Classes are numbers; their names are in `data.yaml`, a file with one a line, or given.
"""

from pathlib import Path

from tapetum.scene import Box
from tapetum_trainer.data.pictures import named, size
from tapetum_trainer.data.readers.source import Source, box, text
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError


class Yolo(Source, tag="yolo", frozen=True, kw_only=True):
    """Folders of pictures and of labels, and the names of the classes."""

    images: str
    labels: str
    names: tuple[str, ...]

    def read(self, root: Path) -> list[Labelled]:
        """Return all pictures; raises DataError, naming file and line, when something is wrong with them."""
        return [
            self._read(picture, root / self.labels / f"{picture.stem}.txt") for picture in named(root / self.images)
        ]

    def _read(self, picture: Path, labels: Path) -> Labelled:
        lines = text(labels).splitlines() if labels.exists() else []
        things = [self._thing(line, f"{labels}, line {at}") for at, line in enumerate(lines, start=1) if line.strip()]
        width, height = size(picture)
        return Labelled(picture, width, height, tuple(dict.fromkeys(things)), self.looked_for, self.group)

    def _thing(self, line: str, where: str) -> Thing:
        try:
            kind, *edges = line.split()
            number, (x, y, width, height) = int(kind), map(float, edges)
        except ValueError:
            raise DataError(f"{where}: {line[:80]!r}; class x y width height is wanted") from None
        if not 0 <= number < len(self.names):
            raise DataError(
                f"{where}: class {number} has no name; there are {len(self.names)}: {', '.join(self.names)}"
            )
        return Thing(self.names[number], self._box(x, y, width, height, where))

    def _box(self, x: float, y: float, width: float, height: float, where: str) -> Box:
        return box((x - width / 2, y - height / 2, x + width / 2, y + height / 2), where)
