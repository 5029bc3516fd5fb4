"""A folder for each class, with pictures of single things in it: `things/person/*.jpg`, `things/car/*.jpg`.

What a folder is called is the label of all that is in it, and each thing fills its picture. There are no boxes, so only
a classifier can learn from it.
"""

from pathlib import Path

from tapetum.scene import Box
from tapetum_trainer.data.pictures import SUFFIXES, size
from tapetum_trainer.data.readers.source import Source, Told, each, raised
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError, Doubt

_ALL = Box(0.0, 0.0, 1.0, 1.0)


class Folders(Source, tag="folders", frozen=True, kw_only=True):
    """A folder of folders; pictures lie right in them, and not deeper."""

    path: str

    def read(self, root: Path, told: Told = raised) -> list[Labelled]:
        """Return all pictures, label by label; what is wrong is told, with its file."""
        place = root / self.path
        folders = sorted(one for one in place.glob("*") if one.is_dir() and not one.name.startswith("."))
        if not folders:
            raise DataError("there are no folders in it; one for each class is wanted, with its pictures", place)
        return [picture for folder in folders for picture in self._read(folder, told)]

    def _read(self, folder: Path, told: Told) -> list[Labelled]:
        pictures = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
        if not pictures:
            told(Doubt("there are no pictures in it", folder))
        thing = Thing(folder.name, _ALL)
        return each(lambda one: Labelled(one, *size(one), (thing,), self.looked_for, self.group), pictures, told)
