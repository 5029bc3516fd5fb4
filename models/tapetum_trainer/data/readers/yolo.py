"""YOLO's text files: for each picture one of its name, a line for each object.

`class x y width height`, the centre and the size in fractions of the picture; or, where outlines were drawn, a polygon:
`class x y x y x y ...`. A picture with no file, or an empty one, shows nothing. Classes are numbers; their names are in
`data.yaml`, in a file with one a line, or given.
"""

from pathlib import Path

from tapetum_trainer.data.pictures import named, size
from tapetum_trainer.data.readers.names import names_in
from tapetum_trainer.data.readers.source import Source, Told, box, each, outline, raised, text
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError, Doubt

_LISTS = ("classes", "obj", "labels", "train", "valid", "val", "test", "readme", "license")
"""Stems of files that tools put beside."""


class Yolo(Source, tag="yolo", frozen=True, kw_only=True):
    """Folders of pictures and of labels, and the names of the classes, or the file that has them."""

    images: str
    labels: str
    names: tuple[str, ...] | str

    def read(self, root: Path, told: Told = raised) -> list[Labelled]:
        """Return all pictures; what is wrong is told, with file and line."""
        names = names_in(root / self.names) if isinstance(self.names, str) else self.names
        folder, pictures = root / self.labels, named(root / self.images)
        if not folder.is_dir():
            raise DataError("there is no such folder of labels", folder)
        bare = [picture for picture in pictures if not _labels(folder, picture).exists()]
        if bare:
            some = f"{len(bare)} of {len(pictures)} pictures have no file of labels there, and count as showing nothing"
            told(Doubt(f"{some}; the first is {bare[0].name}", folder))
        stems = {picture.stem for picture in pictures} | set(_LISTS)
        for path in sorted(folder.glob("*.txt")):
            if path.stem.lower() not in _LISTS and path.stem not in stems:
                told(Doubt(f"there is no picture of its name in {root / self.images}", path))
        return each(lambda picture: self._read(picture, _labels(folder, picture), names, told), pictures, told)

    def _read(self, picture: Path, labels: Path, names: tuple[str, ...], told: Told) -> Labelled:
        width, height = size(picture)
        lines = enumerate(text(labels).splitlines() if labels.exists() else [], start=1)
        full = ((at, line) for at, line in lines if line.strip())
        things = each(lambda one: _thing(one[1], names, f"{labels}, line {one[0]}"), full, told)
        return Labelled(picture, width, height, tuple(dict.fromkeys(things)), self.looked_for, self.group)


def _labels(folder: Path, picture: Path) -> Path:
    return folder / f"{picture.stem}.txt"


def _thing(line: str, names: tuple[str, ...], where: str) -> Thing:
    try:
        kind, *edges = line.split()
        number, numbers = int(kind), [float(one) for one in edges]
    except ValueError:
        numbers = []
    if len(numbers) < 4 or len(numbers) % 2:
        raise DataError(f"{line[:80]!r}; class x y width height is wanted", where)
    if not 0 <= number < len(names):
        raise DataError(f"class {number} has no name; there are {len(names)}: {', '.join(names)}", where)
    if len(numbers) > 4:
        across, down = numbers[::2], numbers[1::2]
        around = box((min(across), min(down), max(across), max(down)), where)
        return Thing(names[number], around, outline=outline([numbers]))
    x, y, width, height = numbers
    return Thing(names[number], box((x - width / 2, y - height / 2, x + width / 2, y + height / 2), where))
