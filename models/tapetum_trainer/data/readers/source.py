"""What every source of labelled pictures says, whatever its format, and what all readers do alike."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, TypeVar

from tapetum.scene import Box
from tapetum.settings import Settings
from tapetum_trainer.data.sample import Outline
from tapetum_trainer.errors import DataError, Doubt

_SLACK = 0.02  # of the picture: a box that reaches out farther is a mistake
_LONGEST = 1 << 16  # pixels, the longest side that a picture may have
_LARGE = 1e12  # an int may be too large to be a float

Told = Callable[[DataError], None]
"""Takes what is wrong with the data; where it returns, the reader goes on without what is wrong."""

Given = TypeVar("Given")
Made = TypeVar("Made")


class Source(Settings, frozen=True, kw_only=True):
    """A source. Paths are relative to the folder of the data."""

    split: Literal["auto", "train", "valid", "test"] = "auto"  # auto: by the recipe's shares
    known: tuple[str, ...] | None = None  # the labels that were looked for in these pictures; none given: all of them
    group: str = ""  # all of it in one split, as the pictures of one camera

    @property
    def looked_for(self) -> frozenset[str] | None:
        """The labels that were looked for; None: all."""
        return None if self.known is None else frozenset(self.known)


def raised(error: DataError) -> None:
    """Stop at the first mistake; a doubt is none."""
    if not isinstance(error, Doubt):
        raise error


def each(make: Callable[[Given], Made], items: Iterable[Given], told: Told) -> list[Made]:
    """Return what is made of each item; an item of which nothing can be made is told, and left out."""
    found = []
    for item in items:
        try:
            found.append(make(item))
        except DataError as error:
            told(error)
    return found


def box(edges: tuple[float, float, float, float], where: str) -> Box:
    """Return left, top, right, bottom, fractions, as a Box within the picture; raises DataError when it is none."""
    left, top, right, bottom = edges
    if not (-_SLACK <= left < right <= 1 + _SLACK and -_SLACK <= top < bottom <= 1 + _SLACK):
        said = ", ".join(f"{edge:.4g}" for edge in edges)
        raise DataError(f"the box ({said}) is none in the picture; 0 <= left < right <= 1 is wanted", where)
    found = Box(max(0.0, left), max(0.0, top), min(1.0, right), min(1.0, bottom))
    if min(found.width, found.height) <= 0:
        raise DataError("the box lies on the edge of the picture, and has nothing in it", where)
    return found


def pixel_box(edges: tuple[float, float, float, float], size: tuple[int, int], where: str) -> Box:
    """Return left, top, right, bottom, pixels of a picture of `size` (width, height), as a Box; raises DataError."""
    left, top, right, bottom = edges
    width, height = size
    return box((left / width, top / height, right / width, bottom / height), where)


def outline(polygons: Sequence[Sequence[float]]) -> Outline:
    """Return polygons, x, y, x, y, ... in fractions, as an outline; () where one is none within the picture."""
    whole = all(len(one) >= 6 and len(one) % 2 == 0 for one in polygons)
    if not whole or not all(-_SLACK <= at <= 1 + _SLACK for one in polygons for at in one):
        return ()
    return tuple(tuple(round(min(max(at, 0.0), 1.0), 6) for at in one) for one in polygons)


def number(value: str | None, name: str, where: str) -> float:
    """Return the number that `value` says; raises DataError when it is none."""
    try:
        return float(value or "")
    except ValueError:
        raise DataError(f"{name} is {value!r}; a number is wanted", where) from None


def whole_size(width: float, height: float, where: str) -> tuple[int, int]:
    """Return the size of a picture, pixels; raises DataError when it is none."""
    if not all(1 <= side <= _LONGEST for side in (width, height)):
        raise DataError(f"{_said(width)} x {_said(height)} is no size", where)
    return int(width), int(height)


def _said(side: float) -> str:
    return f"{side:g}" if isinstance(side, float) or abs(side) < _LARGE else "a huge number"


def picture_at(folder: Path, name: str, where: str) -> Path:
    """Return the picture that the labels call `name`: below `folder` as they say, or in it; never outside of it.

    Raises DataError when it is not there.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    inside = [folder.joinpath(*parts)] if parts and ".." not in parts and parts[0] != "/" else []
    for found in (*inside, folder / (parts[-1] if parts else "")):
        if os.path.isfile(found):  # noqa: PTH113  unlike Path's it holds any name, as one that is too long
            return found
    raise DataError(f"the picture {name[:200]!r} is not in {folder}", where)


def text(path: Path) -> str:
    """Return what is in the file, without a byte order mark; raises DataError when it cannot be read."""
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise DataError(str(error.strerror), path) from None
    except UnicodeDecodeError:
        raise DataError("this is no text in UTF-8", path) from None
