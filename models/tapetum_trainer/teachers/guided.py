"""A teacher that guides by what it says of everything, and not only of what nobody labelled: any model that runs here.

Its answers are asked for once, of the whole picture as it is, and go through the augmentation with the picture: cut,
mirrored and put into mosaics as true boxes are, which moves a box exactly. What is done to the pixels after that
(night, haze, noise) the student sees and the teacher has not: it is to answer as its teacher would by day. Asked about
each augmented example instead, the teacher would cost a pass for every step, miss what is cut and dark, and teach that:
`maps` does so, for a student that is to become what the teacher is (`tapetum_trainer.teachers.maps`).

They become soft targets of a loss beside that of the truth (`tapetum_trainer.losses.guidance`): a score of 0.3 is to be
said as 0.3. G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta, field
from numpy.typing import NDArray

from tapetum import bundle
from tapetum.inference.contract import ModelSpec
from tapetum.settings import Settings
from tapetum_trainer.augment.example import Flags, Floats, Guessed, Hints, Outlined, Pictures, Pixels
from tapetum_trainer.data.sample import Outline
from tapetum_trainer.errors import ModelError, RecipeError
from tapetum_trainer.evaluate.answers import Judged, load, opened
from tapetum_trainer.evaluate.mapping import columns, relabelled
from tapetum_trainer.sides import Sides
from tapetum_trainer.teachers.maps import Imitated, imitated
from tapetum_trainer.teachers.pseudo import Labeller
from tapetum_trainer.teachers.views import VIEWS

START = "start"
"""Names the bundle that a training goes on from, for a teacher that is asked cell by cell."""


class Guidance(Settings, frozen=True, kw_only=True):
    """Which model guides. What its loss counts is `fit.weights.teacher`."""

    model: Annotated[str, Meta(min_length=1)]  # a bundle or a .tflite, from the data's folder on; "shipped", "start"
    labels: str = ""  # file of the labels, of a .tflite that brings none
    means: dict[str, tuple[str, ...]] = field(default_factory=dict)  # ours -> the teacher's, where they differ
    least: Annotated[float, Meta(gt=0, lt=1)] = 0.05  # score below which it said nothing
    maps: bool = False  # of each cell of what is learned from, not boxes: a detector of the student's pixels
    views: Annotated[int, Meta(ge=1, le=len(VIEWS))] = 1  # of each picture, of which maps are the mean

    def guide(self, root: Path, ours: tuple[str, ...]) -> "Guide":
        """Return the teacher for our labels; raises ModelError when it cannot be used, RecipeError for its labels."""
        self._check(ours)
        try:
            model = load(self._path(root), self.labels, self.least)
        except ModelError as error:
            raise ModelError(f"teacher.model: {error}") from None
        return Guide(model, ours, self.means, self.content(root))

    def imitated(self, root: Path, ours: tuple[str, ...], side: Sides, start: ModelSpec | None = None) -> Imitated:
        """Return the teacher that says its maps to a student of `side` pixels; raises as `guide`.

        start: what the training goes on from.
        """
        self._check(ours)
        if self.model != START:
            guide = self.guide(root, ours)
            found = imitated(opened(self._path(root), self.labels), guide.columns, len(ours), self.least, side)
            return replace(found, views=self.views)
        if start is None:
            raise RecipeError('teacher.model: "start" is the bundle that `fine-tune` goes on from, and there is none')
        found = imitated(start, columns(ours, start.labels, self.means), len(ours), self.least, side)
        return replace(found, views=self.views)

    def content(self, root: Path) -> str:
        """Return the hash of the teacher's file; "" where there is none."""
        path = self._path(root)
        if self.model == START:  # what that is, the training tells
            return ""
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""

    def _check(self, ours: tuple[str, ...]) -> None:
        if strange := set(self.means) - set(ours):
            raise RecipeError(f"teacher.means: no {sorted(strange)[0]!r} among {', '.join(ours)}")

    def _path(self, root: Path) -> Path:
        return bundle.named(self.model) if self.model == bundle.SHIPPED else root / self.model


@dataclass(frozen=True, slots=True)
class Guide:
    """A model that answers in our classes. content: the hash of its file."""

    model: Judged
    labels: tuple[str, ...]
    means: dict[str, tuple[str, ...]]
    content: str

    @property
    def key(self) -> str:
        """What its answers depend on besides the picture."""
        return f"{self.content} {sorted(self.means.items())} {self.labels}"

    @property
    def known(self) -> Flags:
        """(labels,): which of ours it has a name for."""
        known = np.zeros(len(self.labels), bool)
        numbers = self.columns
        known[numbers[numbers >= 0]] = True
        return known

    def rows(self, pixels: Pixels) -> Floats:
        """Return (k, 6): class, score, left, top, right, bottom."""
        return relabelled(self.model.ask(pixels), self.columns)

    @property
    def columns(self) -> NDArray[np.int32]:
        """(theirs,): for each of its classes the index of ours, -1 where it is none."""
        return columns(self.labels, self.model.labels, self.means)


class Guided:
    """Pictures with what a teacher says of them beside their own boxes, as hints."""

    def __init__(self, pictures: Pictures, labeller: Labeller, hinting: Flags, least: float) -> None:
        """Ask `labeller`, whose labels are those of the pictures. hinting: (labels,) which of them it knows."""
        self._pictures, self._labeller, self._least = pictures, labeller, least
        self.labels, self.hinting = pictures.labels, hinting
        self._hints: dict[int, Hints] = {}

    def __len__(self) -> int:
        return len(self._pictures)

    def learn(self) -> None:
        """Ask the teacher about every picture."""
        for index in range(len(self)):
            self.hints(index)

    def picture(self, index: int) -> Pixels:
        """Return as of `Pictures`."""
        return self._pictures.picture(index)

    def boxes(self, index: int) -> Floats:
        """Return as of `Pictures`."""
        return self._pictures.boxes(index)

    def classes(self, index: int) -> NDArray[np.int32]:
        """Return as of `Pictures`."""
        return self._pictures.classes(index)

    def ignored(self, index: int) -> Flags:
        """Return as of `Pictures`."""
        return self._pictures.ignored(index)

    def scores(self, index: int) -> Floats:
        """Return (k,): as the pictures have it, 1 where they say nothing of it."""
        source = self._pictures
        return source.scores(index) if isinstance(source, Guessed) else np.ones(len(self.classes(index)), np.float32)

    def known(self, index: int) -> Flags:
        """Return as of `Pictures`."""
        return self._pictures.known(index)

    def outlines(self, index: int) -> tuple[Outline, ...]:
        """Return as of `Outlined`, of the picture's own boxes."""
        return self._pictures.outlines(index) if isinstance(self._pictures, Outlined) else ()

    def origin(self, index: int) -> str:
        """Return as of `Pictures`."""
        return self._pictures.origin(index)

    def hints(self, index: int) -> Hints:
        """Return what the teacher says of a picture."""
        if index not in self._hints:
            said = self._labeller.labels(self.picture(index), self._least)
            self._hints[index] = Hints(said.boxes, said.classes, said.scores)
        return self._hints[index]


def guided(pictures: Pictures, guidance: Guidance, root: Path, cache: Path) -> Guided:
    """Return `pictures` with all that the teacher says of them, kept in the folder `cache`; raises as `guide`."""
    guide = guidance.guide(root, pictures.labels)
    found = Guided(pictures, Labeller(guide, cache), guide.known, guidance.least)
    found.learn()
    return found
