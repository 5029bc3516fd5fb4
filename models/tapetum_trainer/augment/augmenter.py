"""Pictures in, examples out: cut, mirrored, several in one, things pasted, in other light, through bad air and cameras.

The mosaic: A. Bochkovskiy, C.-Y. Wang, H.-Y. M. Liao, "YOLOv4: optimal speed and accuracy of object detection", 2020.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.augment.colour import coloured
from tapetum_trainer.augment.conditions import suffered, visible
from tapetum_trainer.augment.example import Example, Flags, Floats, Guessed, Hinted, Pictures, Pixels
from tapetum_trainer.augment.geometry import Chooser, Edges, Size, edges_of
from tapetum_trainer.augment.pasting import Paster
from tapetum_trainer.augment.settings import Augmentation
from tapetum_trainer.sides import size_of

_OFF = 0.4  # by how much a line between pictures is moved, either way, at most: fractions of their mean width


@dataclass(frozen=True, slots=True)
class _Part:
    """What one picture brings to an example."""

    boxes: Floats
    classes: NDArray[np.int32]
    ignored: Flags
    scores: Floats
    known: Flags
    hinted: Flags


class Augmenter:
    """Makes examples of `pictures`. It keeps nothing between two examples, so threads may share it."""

    def __init__(self, pictures: Pictures, settings: Augmentation) -> None:
        self.pictures, self.settings = pictures, settings
        self._size = size_of(settings.side)
        self._chooser = Chooser(settings.geometry, self._size)
        self._paster = Paster(pictures, settings.pasting, self._chooser)

    def example(self, index: int, epoch: int, again: int = 0) -> Example:
        """Return an example around the picture `index`: the same for the same seed, epoch, index and `again`.

        again: how often the epoch has had this picture before.
        """
        random = np.random.default_rng((self.settings.seed, epoch, index, again))
        width, height = self._size
        places, indexes = [(0, 0, width, height)], [index]
        if random.random() < self.settings.geometry.mosaic:
            places = _tiles(self._size, 3 if random.random() < self.settings.geometry.nine else 2, random)
            indexes += random.integers(len(self.pictures), size=len(places) - 1).tolist()
            random.shuffle(indexes)
        pixels = np.full((height, width, 3), random.integers(256), np.uint8)
        parts = [self._part(one, place, pixels, random) for one, place in zip(indexes, places, strict=True)]
        return self._varied(self._paster(_joined(pixels, parts, places), random), random)

    def _part(self, index: int, place: Edges, pixels: Pixels, random: np.random.Generator) -> _Part:
        """Show a picture at `place` of `pixels`, and return what is there of its things."""
        picture, things = self.pictures.picture(index), _things(self.pictures, index)
        cut = self._chooser.cut(picture.shape, things.boxes[~things.ignored & ~things.hinted], place, random)
        cut.show(picture, pixels)
        found, left = cut.boxes(things.boxes, picture.shape, self._size)
        there, ignored = self._chooser.judged(found, left, things.ignored)
        return _Part(
            found[there],
            things.classes[there],
            ignored[there],
            things.scores[there],
            things.known,
            things.hinted[there],
        )

    def _varied(self, example: Example, random: np.random.Generator) -> Example:
        """Return `example` in other light, its pixels changed in place, and under other conditions."""
        if self.settings.colour:
            coloured(example.pixels, self.settings.colour, random)
        conditions = self.settings.conditions
        if not conditions:
            return example
        after = suffered(example.pixels, conditions, random)
        if after is example.pixels:
            return example
        lost = ~visible(example.pixels, after, example.boxes, conditions.visible)
        return replace(example, pixels=after, ignored=example.ignored | lost)


def _tiles(size: Size, across: int, random: np.random.Generator) -> list[Edges]:
    """Return the places of across x across pictures that fill the example."""
    lines = np.arange(across + 1) + np.zeros((2, 1))
    lines[:, 1:-1] += random.uniform(-_OFF, _OFF, (2, across - 1))
    columns, rows = (
        [*pairwise(edges)] for edges in (lines * np.array(size)[:, None] / across).round().astype(int).tolist()
    )
    return [(left, top, right, bottom) for top, bottom in rows for left, right in columns]


def _things(source: Pictures, index: int) -> _Part:
    """Return all of a picture's own boxes, and behind them a teacher's hints."""
    boxes, classes, ignored = source.boxes(index), source.classes(index), source.ignored(index)
    scores, hinted = _scores(source, index), np.zeros(len(classes), bool)
    if isinstance(source, Hinted):
        hints = source.hints(index)
        count = len(hints.classes)
        boxes, classes = np.concatenate([boxes, hints.boxes]), np.concatenate([classes, hints.classes])
        scores, ignored = np.concatenate([scores, hints.scores]), np.concatenate([ignored, np.zeros(count, bool)])
        hinted = np.concatenate([hinted, np.ones(count, bool)])
    return _Part(boxes, classes, ignored, scores, source.known(index), hinted)


def _scores(source: Pictures, index: int) -> Floats:
    """Return how sure each box is: 1 but where the source says otherwise."""
    return source.scores(index) if isinstance(source, Guessed) else np.ones(len(source.classes(index)), np.float32)


def _joined(pixels: Pixels, parts: list[_Part], places: list[Edges]) -> Example:
    return Example(
        pixels,
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.ignored for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.array(places, np.float32) / edges_of((pixels.shape[1], pixels.shape[0])),
        np.array([part.known for part in parts]),
        np.concatenate([part.hinted for part in parts]),
    )
