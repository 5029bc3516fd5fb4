"""What is learned from: labelled pictures as they are stored, and what becomes of them."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.data.sample import Outline

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


class Pictures(Protocol):
    """Labelled pictures by their number: `data.packed.Packed`, or anything that gives the same."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What the classes are called."""

    def __len__(self) -> int:
        """Return how many pictures there are."""

    def picture(self, index: int) -> Pixels:
        """Return (h, w, 3) RGB uint8, read-only."""

    def boxes(self, index: int) -> Floats:
        """Return (k, 4): left, top, right, bottom, fractions of the picture."""

    def classes(self, index: int) -> NDArray[np.int32]:
        """Return (k,): index into labels."""

    def ignored(self, index: int) -> Flags:
        """Return (k,): what is neither wanted nor punished."""

    def known(self, index: int) -> Flags:
        """Return (labels,): of which classes each thing in the picture has its box."""

    def origin(self, index: int) -> str:
        """Return where it came from, for reports."""


@runtime_checkable
class Guessed(Protocol):
    """What pictures have too, some of whose boxes are a teacher's guesses."""

    def scores(self, index: int) -> Floats:
        """Return (k,): how sure each box is, 0..1."""


@runtime_checkable
class Outlined(Protocol):
    """What pictures have too, of some of whose things somebody drew what they cover."""

    def outlines(self, index: int) -> tuple[Outline, ...]:
        """Return that of each box, () where it is not known; it may be fewer: of the first boxes."""


class Hints(NamedTuple):
    """What a teacher says of a picture beside its truth."""

    boxes: Floats  # (k, 4) left, top, right, bottom, fractions of the picture
    classes: NDArray[np.int32]  # (k,) index into labels
    scores: Floats  # (k,) 0..1


@runtime_checkable
class Hinted(Protocol):
    """What pictures have too, of which a teacher says something."""

    @property
    def hinting(self) -> Flags:
        """(labels,): of which classes the teacher can say anything."""

    def hints(self, index: int) -> Hints:
        """Return what it says of a picture."""


@dataclass(frozen=True, slots=True)
class Example:
    """What the network is shown, and what there is to be found in it.

    Not all is known everywhere: a set of dogs says nothing of the people in it. Of a mosaic each part has its own
    knowledge: where a centre lies in an area that does not know a class, that class is neither wanted nor punished,
    unless a box says that it is there.
    """

    pixels: Pixels  # (h, w, 3) RGB uint8
    boxes: Floats  # (k, 4) left, top, right, bottom, fractions of the example, within 0..1
    classes: NDArray[np.int32]  # (k,) index into labels
    ignored: Flags  # (k,) neither wanted nor punished
    scores: Floats  # (k,) how sure each box is, 0..1
    areas: Floats  # (a, 4) which cover the example and share nothing but edges: 1, 4 or 9
    known: Flags  # (a, labels) of which classes each thing in the area has its box
    hinted: Flags  # (k,) which of the boxes are a teacher's hints, and not of the truth
