"""One picture with what is known of it, wherever it comes from."""

from dataclasses import dataclass
from pathlib import Path

from tapetum.scene import Box

Outline = tuple[tuple[float, ...], ...]
"""Polygons, each x, y, x, y, ... in fractions of the picture: together what a thing covers; (): nobody drew it."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One object in a picture. box: fractions of the picture; crowd: neither wanted nor punished."""

    label: str
    box: Box
    crowd: bool = False
    outline: Outline = ()


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture with its truth.

    width, height: pixels. known: the labels that were looked for in it, so that none of one means that there is none;
    None: all. group: what else must lie in the same split, as the pictures of one clip; "": nothing. cut: the part of
    the file's picture that this one is, and that boxes and size are of; None: all of it.
    """

    path: Path
    width: int
    height: int
    things: tuple[Thing, ...]
    known: frozenset[str] | None = None
    group: str = ""
    cut: Box | None = None
