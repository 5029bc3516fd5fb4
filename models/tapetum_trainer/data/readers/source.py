"""What every source of labelled pictures says, whatever its format."""

from pathlib import Path
from typing import Literal

from tapetum.scene import Box
from tapetum.settings import Settings
from tapetum_trainer.errors import DataError

_SLACK = 0.02  # of the picture: a box that reaches out farther is a mistake


class Source(Settings, frozen=True, kw_only=True):
    """A source. Paths are relative to the folder of the data."""

    split: Literal["auto", "train", "valid", "test"] = "auto"  # auto: by the recipe's shares
    known: tuple[str, ...] | None = None  # the labels that were looked for in these pictures; none given: all of them
    group: str = ""  # all of it in one split, as the pictures of one camera

    @property
    def looked_for(self) -> frozenset[str] | None:
        """The labels that were looked for; None: all."""
        return None if self.known is None else frozenset(self.known)


def box(edges: tuple[float, float, float, float], where: str) -> Box:
    """Return left, top, right, bottom, fractions, as a Box within the picture; raises DataError when it is none."""
    left, top, right, bottom = edges
    if not (-_SLACK <= left < right <= 1 + _SLACK and -_SLACK <= top < bottom <= 1 + _SLACK):
        told = ", ".join(f"{edge:.4g}" for edge in edges)
        raise DataError(f"{where}: the box ({told}) is none in the picture; 0 <= left < right <= 1 is wanted")
    return Box(max(0.0, left), max(0.0, top), min(1.0, right), min(1.0, bottom))


def text(path: Path) -> str:
    """Return what is in the file; raises DataError when it cannot be read."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: this is no text in UTF-8") from None
