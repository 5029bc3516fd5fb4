"""What a model gets wrong, picture by picture, and those pictures drawn.

With the threshold of each class that has the best F1. An answer is right where it overlaps a thing of its class, that
no better answer took, by an IoU of at least 0.5; what lies on something ignored by half is neither right nor wrong.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.inference.decode import Floats
from tapetum.scene import Box
from tapetum_trainer.evaluate.truth import Pictures

_IOU = 0.5
_COLOURS = {"right": (79, 193, 187), "wrong": (240, 120, 40), "missed": (240, 60, 110)}  # RGB
_LONGEST = 480  # pixels of a drawn picture


@dataclass(frozen=True, slots=True)
class Mark:
    """A box in a picture: `right`, `wrong` or `missed`. score: of the answer; 0 for what was missed."""

    kind: str
    label: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Marked:
    """A picture with what was found and missed in it, the answers best first."""

    index: int
    origin: str
    marks: tuple[Mark, ...]

    @property
    def weight(self) -> float:
        """How bad it is: of what is wrong the score, of what was missed 0.5 and the square root of its area."""
        wrong = sum(one.score for one in self.marks if one.kind == "wrong")
        return wrong + sum(0.5 + math.sqrt(one.box.area) for one in self.marks if one.kind == "missed")

    def count(self, kind: str) -> int:
        """Return how many of the marks are of this kind."""
        return sum(one.kind == kind for one in self.marks)


def marked(answers: Sequence[Floats], pictures: Pictures, least: Sequence[float]) -> list[Marked]:
    """Return each picture with its marks. answers: (k, 6) for each; least: the threshold of each class."""
    floor = np.array(least, np.float32)
    found = []
    for index, rows in enumerate(answers):
        known = pictures.known(index)[rows[:, 0].astype(int)] if len(rows) else np.zeros(0, bool)
        kept = rows[known & (rows[:, 1] >= floor[rows[:, 0].astype(int)])] if len(rows) else rows
        best = kept[np.argsort(-kept[:, 1], kind="stable")]
        found.append(Marked(index, pictures.origin(index), tuple(_marks(best, pictures, index))))
    return found


def worst(found: Sequence[Marked], most: int = 12) -> list[Marked]:
    """Return the pictures with the worst mistakes, the worst first."""
    ranked = sorted(found, key=lambda one: (-one.weight, one.index))
    return [one for one in ranked[:most] if one.weight]


def _marks(rows: Floats, pictures: Pictures, index: int) -> Iterator[Mark]:
    labels, classes = pictures.labels, pictures.classes(index)
    things = [Box(*map(float, edges)) for edges in pictures.boxes(index)]
    ignored = pictures.ignored(index)
    left = [place for place in range(len(things)) if not ignored[place] and pictures.known(index)[classes[place]]]
    for row in rows:
        number, box = int(row[0]), Box(*map(float, row[2:6]))
        near = [(things[place].iou(box), place) for place in left if classes[place] == number]
        overlap, place = max(near, default=(0.0, -1))
        if overlap >= _IOU:
            left.remove(place)
            yield Mark("right", labels[number], float(row[1]), box)
        elif not _lies_on(box, [things[one] for one in np.flatnonzero(ignored & (classes == number))]):
            yield Mark("wrong", labels[number], float(row[1]), box)
    yield from (Mark("missed", labels[int(classes[place])], 0.0, things[place]) for place in left)


def _lies_on(box: Box, ignored: Sequence[Box]) -> bool:
    return any(box.overlap(one) >= 0.5 * box.area for one in ignored)


def drawn(pixels: NDArray[np.uint8], marks: Sequence[Mark], longest: int = _LONGEST) -> NDArray[np.uint8]:
    """Return the picture (h, w, 3) with its marks, `longest` pixels on its longer side."""
    scale = longest / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    found = np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)
    for one in sorted(marks, key=lambda mark: mark.kind):
        _draw(found, one)
    return found


def _draw(pixels: NDArray[np.uint8], one: Mark) -> None:
    height, width = pixels.shape[:2]
    colour = _COLOURS[one.kind]
    left, top = round(one.box.left * width), round(one.box.top * height)
    right, bottom = round(one.box.right * width), round(one.box.bottom * height)
    cv2.rectangle(pixels, (left, top), (right, bottom), colour, 2)
    words = f"{one.label} {one.score:.2f}" if one.score else one.label
    (across, up), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
    if right - left < across / 2:
        return  # words on a small thing would hide its neighbours
    foot = top if top > up + below + 2 else min(height, bottom + up + below + 2)
    left = max(0, min(left, width - across - 4))
    cv2.rectangle(pixels, (left, foot - up - below - 2), (left + across + 4, foot), colour, cv2.FILLED)
    cv2.putText(pixels, words, (left + 2, foot - below), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
