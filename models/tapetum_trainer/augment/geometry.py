"""Where things come to lie: a window of a picture, stretched over a place in the example, and the boxes with it.

The window is cut at whole pixels, and boxes are taken through the same cut and stretch as pixels are, so that nothing
is off by the rounding. Things are stretched as the device stretches what it shows to a model.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.preprocess import resize
from tapetum_trainer.augment.example import Flags, Floats, Pixels
from tapetum_trainer.augment.settings import Geometry, Range

Edges = tuple[int, int, int, int]
"""Left, top, right, bottom, pixels."""
Size = tuple[int, int]
"""Width and height, pixels."""

_INWARD = 0.15  # how near to the edge of a window the middle of a picked thing may come, fractions of the window


@dataclass(frozen=True, slots=True)
class Cut:
    """What of a picture is shown where."""

    window: Edges  # of the picture
    place: Edges  # in the example
    mirrored: bool

    def show(self, picture: Pixels, example: Pixels) -> None:
        """Write what is in the window of `picture` to its place in `example`."""
        left, top, right, bottom = self.window
        shown = example[self.place[1] : self.place[3], self.place[0] : self.place[2]]
        resize(picture[top:bottom, left:right], shown)
        if self.mirrored:
            shown[:] = shown[:, ::-1].copy()

    def boxes(self, boxes: Floats, shape: tuple[int, ...], size: Size) -> tuple[Floats, Floats]:
        """Return boxes (k, 4) of a picture of `shape` as fractions of the example, and (k,) what is left of each.

        They are cut where the window ends. What is left is a fraction of the area. size: of the example.
        """
        whole = self._taken(boxes, shape)
        place = np.array(self.place, np.float32)
        inside = np.concatenate(
            [whole[:, :2].clip(place[:2], place[2:]), whole[:, 2:].clip(place[:2], place[2:])], axis=1
        )
        left = np.asarray(areas(inside) / np.maximum(areas(whole), 1e-6), np.float32)
        return np.asarray(inside / edges_of(size), np.float32), left

    def _taken(self, boxes: Floats, shape: tuple[int, ...]) -> Floats:
        """Return boxes in pixels of the example."""
        window, place = (np.array(edges, np.float32).reshape(2, 2) for edges in (self.window, self.place))
        size = np.array([shape[1], shape[0]], np.float32)
        corners = boxes.reshape(-1, 2, 2) * size
        corners = (corners - window[0]) * ((place[1] - place[0]) / (window[1] - window[0])) + place[0]
        if self.mirrored:
            corners[:, :, 0] = (place[0, 0] + place[1, 0] - corners[:, :, 0])[:, ::-1]
        return np.asarray(corners.reshape(-1, 4), np.float32)


def edges_of(size: Size) -> Floats:
    """Return (4,) pixels in which the edges of a box are fractions of an example of `size`."""
    return np.array((*size, *size), np.float32)


def areas(boxes: NDArray[np.float32]) -> Floats:
    """Return the area of each of (k, 4)."""
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


@dataclass(frozen=True, slots=True)
class Chooser:
    """Chooses cuts by lot."""

    settings: Geometry
    size: Size  # of the example

    def cut(self, shape: tuple[int, ...], things: Floats, place: Edges, random: np.random.Generator) -> Cut:
        """Return a cut of a picture of `shape` for `place`; things: the boxes (k, 4) of which one may be picked."""
        across, down = (place[2] - place[0]) / self.size[0], (place[3] - place[1]) / self.size[1]
        greater = max(across, down)
        picked = None
        if len(things) and random.random() < self.settings.balance:
            picked = things[random.integers(len(things))]
        scale, aspect = (
            self._scale(picked, greater, random),
            _drawn((1 / self.settings.aspect, self.settings.aspect), random),
        )
        size = across / greater / scale / aspect**0.5, down / greater / scale * aspect**0.5
        (left, right), (top, bottom) = (_span(size[axis], picked, axis, random) for axis in (0, 1))
        mirrored = bool(random.random() < self.settings.flip)
        return _whole_pixels((left, top, right, bottom), shape, place, mirrored)

    def _scale(self, picked: Floats | None, greater: float, random: np.random.Generator) -> float:
        """Return by how much things are to be larger than they would be in the whole picture at this place."""
        least, most = self.settings.scale
        if picked is None:
            return _drawn((least, min(most, 1 / least)), random)
        size = math.sqrt(max(float(areas(picked[None])[0]), 1e-6)) * greater
        return min(max(_drawn(self.settings.sizes, random) / size, least), most)

    def judged(self, boxes: Floats, left: Floats, ignored: Flags) -> tuple[Flags, Flags]:
        """Return which of boxes (k, 4), fractions of the example, are there, and which are ignored.

        left: (k,) what of each is left.
        """
        small = areas(boxes) * self.size[0] * self.size[1] < self.settings.smallest**2
        there = (left >= self.settings.dropped) & (areas(boxes) > 0)
        return there, ignored | (left < self.settings.kept) | small


def _drawn(limits: Range, random: np.random.Generator) -> float:
    """Return a number between `limits`, each octave as likely."""
    return math.exp(random.uniform(math.log(limits[0]), math.log(limits[1])))


def _span(size: float, picked: Floats | None, axis: int, random: np.random.Generator) -> tuple[float, float]:
    """Return where a window of `size` begins and ends, within the picture or around all of it, fractions."""
    start = random.uniform(0, 1 - size) if size < 1 else random.uniform(1 - size, 0)
    if picked is not None:
        middle = float(picked[axis] + picked[axis + 2]) / 2
        start = middle - random.uniform(_INWARD, 1 - _INWARD) * size
        start = min(max(start, min(0.0, 1 - size)), max(0.0, 1 - size))
    return start, start + size


def _whole_pixels(
    window: tuple[float, float, float, float], shape: tuple[int, ...], place: Edges, mirrored: bool
) -> Cut:
    """Return the cut of the part of `window` (fractions) that is picture, at its part of `place`."""
    height, width = shape[:2]
    left, right, shown_left, shown_right = _axis(window[0], window[2], width, (place[0], place[2]))
    top, bottom, shown_top, shown_bottom = _axis(window[1], window[3], height, (place[1], place[3]))
    return Cut((left, top, right, bottom), (shown_left, shown_top, shown_right, shown_bottom), mirrored)


def _axis(start: float, end: float, length: int, place: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return first and last edge in the picture, and those in the example, pixels: at least one of each."""
    first = min(max(round(start * length), 0), length - 1)
    last = min(max(round(end * length), first + 1), length)
    per = (place[1] - place[0]) / (end - start)
    shown = place[0] + round((max(start, 0) - start) * per)
    shown = min(max(shown, place[0]), place[1] - 1)
    until = place[1] if end <= 1 else place[0] + round((1 - start) * per)
    return first, last, shown, min(max(until, shown + 1), place[1])
