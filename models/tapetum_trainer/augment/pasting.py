"""Things cut out along their outlines and put where they have not been: few things are seen before many scenes.

G. Ghiasi et al., "Simple copy-paste is a strong data augmentation method for instance segmentation", CVPR 2021. What
is pasted lies in front; of what is behind it, only what is left counts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from tapetum_trainer.augment.example import Example, Floats, Outlined, Pictures, Pixels
from tapetum_trainer.augment.geometry import Chooser, Size, edges_of
from tapetum_trainer.augment.settings import Pasting
from tapetum_trainer.data.sample import Outline

_LEAST = 12  # pixels, the root of the area that a thing has at least in its own picture: what is less is no model of it


@dataclass(frozen=True, slots=True)
class _Piece:
    """A thing that may be cut out."""

    picture: int
    label: int
    outline: Outline


@dataclass(frozen=True, slots=True)
class _Cutout:
    """A thing as it is pasted. pixels (h, w, 3); covered (h, w) 0..1."""

    pixels: Pixels
    covered: Floats


@dataclass(frozen=True, slots=True)
class _Pasted:
    """A thing that was pasted. box (4,) fractions of the example; behind (h, w): how far it covers each pixel."""

    label: int
    box: Floats
    behind: Floats


class Paster:
    """Pastes things of `pictures` into examples of them. It keeps nothing between two examples."""

    def __init__(self, pictures: Pictures, settings: Pasting, chooser: Chooser) -> None:
        self._pictures, self._settings, self._chooser = pictures, settings, chooser
        self._pieces = _pieces(pictures, settings) if settings.share else []

    def __call__(self, example: Example, random: np.random.Generator) -> Example:
        """Return `example` with things pasted into its pixels, which are changed in place, or as it is."""
        if not self._pieces or random.random() >= self._settings.share:
            return example
        count = int(random.integers(1, self._settings.most, endpoint=True))
        pieces = [self._pieces[random.integers(len(self._pieces))] for _ in range(count)]
        pasted = [self._pasted(example.pixels, piece, random) for piece in pieces]
        return self._joined(example, pasted)

    def _pasted(self, pixels: Pixels, piece: _Piece, random: np.random.Generator) -> _Pasted:
        """Paste one thing into `pixels`, in place, and return where it is."""
        size = pixels.shape[1], pixels.shape[0]
        cutout = self._cut_out(piece, size, random)
        height, width = cutout.covered.shape
        left, top = (
            int(random.integers(most - own, endpoint=True)) for most, own in zip(size, (width, height), strict=True)
        )
        shown = pixels[top : top + height, left : left + width]
        weight = cutout.covered[:, :, None]
        shown[:] = np.rint(shown * (1 - weight) + cutout.pixels * weight).astype(np.uint8)
        behind = np.zeros(pixels.shape[:2], np.float32)
        behind[top : top + height, left : left + width] = cutout.covered
        box = np.array([left, top, left + width, top + height], np.float32) / edges_of(size)
        return _Pasted(piece.label, box, behind)

    def _cut_out(self, piece: _Piece, size: Size, random: np.random.Generator) -> _Cutout:
        """Return the thing in the size, and the way round, that the lot gives it."""
        picture = self._pictures.picture(piece.picture)
        pixels, covered = _cut(picture, piece.outline)
        area = max(float(covered.sum()), 1.0)
        least, most = (math.log(one * math.sqrt(size[0] * size[1])) for one in self._settings.sizes)
        scale = min(math.exp(random.uniform(least, most)) / math.sqrt(area), self._settings.enlarged)
        wide = math.sqrt(size[0] * picture.shape[0] / (size[1] * picture.shape[1]))  # things are stretched as pictures
        sizes = covered.shape[0] * scale / wide, covered.shape[1] * scale * wide
        height, width = (min(most, max(2, round(own))) for most, own in zip(size[::-1], sizes, strict=True))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)
        covered = np.asarray(cv2.resize(covered, (width, height), interpolation=how), np.float32)
        if random.random() < self._chooser.settings.flip:
            pixels, covered = pixels[:, ::-1], covered[:, ::-1]
        if self._settings.edge:
            softened = cv2.GaussianBlur(covered, (0, 0), self._settings.edge, borderType=cv2.BORDER_CONSTANT)
            covered = np.asarray(np.minimum(softened, covered), np.float32)
        return _Cutout(pixels, covered)

    def _joined(self, example: Example, pasted: Sequence[_Pasted]) -> Example:
        """Return `example` with what was pasted, one after another, and of all boxes what is left of them."""
        own, before = len(example.boxes), np.zeros_like(pasted[0].behind)
        left = np.ones(own + len(pasted), np.float32)
        for place in reversed(range(len(pasted))):
            left[own + place] = _left(pasted[place].box[None], before)[0]
            before = np.maximum(before, pasted[place].behind)
        left[:own] = _left(example.boxes, before)
        boxes = np.concatenate([example.boxes, *(one.box[None] for one in pasted)])
        ignored = np.append(example.ignored, np.zeros(len(pasted), bool))
        there, ignored = self._chooser.judged(boxes, left, ignored)
        more = len(pasted)
        return replace(
            example,
            boxes=boxes[there],
            classes=np.append(example.classes, np.array([one.label for one in pasted], np.int32))[there],
            ignored=ignored[there],
            scores=np.append(example.scores, np.ones(more, np.float32))[there],
            hinted=np.append(example.hinted, np.zeros(more, bool))[there],
        )


def _left(boxes: Floats, behind: Floats) -> Floats:
    """Return (k,): of each box, the share that nothing lies in front of."""
    sums = cv2.integral(behind)
    size = edges_of((behind.shape[1], behind.shape[0]))
    edges = np.rint(boxes * size).clip(0, size).astype(int)
    left, top, right, bottom = edges.T
    hidden = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return np.asarray(1 - hidden / np.maximum((right - left) * (bottom - top), 1), np.float32)


def _cut(picture: Pixels, outline: Outline) -> tuple[Pixels, Floats]:
    """Return what lies around a thing (h, w, 3), and what of it the thing covers (h, w), 1 or 0."""
    mask = _mask(picture.shape, outline)
    left, top, width, height = cv2.boundingRect(mask)
    window = slice(top, top + height), slice(left, left + width)
    return picture[window], mask[window].astype(np.float32)


def _pieces(pictures: Pictures, settings: Pasting) -> list[_Piece]:
    if not isinstance(pictures, Outlined):
        return []
    found = []
    for index in range(len(pictures)):
        classes, ignored = pictures.classes(index), pictures.ignored(index)
        shape = pictures.picture(index).shape
        for number, outline in enumerate(pictures.outlines(index)):
            label = pictures.labels[classes[number]]
            taken = outline and not ignored[number] and label in (settings.classes or pictures.labels)
            if taken and _mask(shape, outline).sum() >= _LEAST**2:
                found.append(_Piece(index, int(classes[number]), outline))
    return found


def _mask(shape: tuple[int, ...], outline: Outline) -> Pixels:
    """Return (h, w): 1 within the polygons, else 0."""
    size = np.array([shape[1], shape[0]])
    polygons = [np.rint(np.array(one).reshape(-1, 2) * size - 0.5).astype(np.int32) for one in outline]
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, polygons, 1)
    return mask
