"""Particle filter: follow a thing by many guesses, weighed by how alike what they hold is to it.

Each guess is a place and a size. In each frame all are moved on a little at random, most of them little and some far,
and weighed by the histograms of what is in them; the guesses that fit are doubled and the others dropped. So several
places stay possible for a while, where a window that climbs to the nearest peak has decided. Histograms are of colours
and of gradients by direction, in four parts, so that what is gray has a shape still; colours that the surroundings
share count for little. All histograms of a frame are one count.

N. Gordon, D. Salmond and A. Smith, "Novel approach to nonlinear/non-Gaussian Bayesian state estimation", IEE
Proceedings F 140(2):107-113, 1993; P. Perez et al., "Color-based probabilistic tracking", ECCV 2002; G. Kitagawa,
"Monte Carlo filter and smoother for non-Gaussian nonlinear state space models", JCGS 5(1):1-25, 1996 (systematic
resampling).
"""

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.scene import Box, Frame, Plane
from tapetum.settings import Fraction, Settings
from tapetum.tracking.follower import Followed, inside
from tapetum.tracking.patches import Pair, patch

_SIDE = 16  # pixels: the thing's width and height in the patch, whatever its size
_WITHIN = 4  # times the thing's width and height is the patch
_PATCH = (_WITHIN * _SIDE, _WITHIN * _SIDE)
_GRID = 8  # samples of a guess, each way
_LEVELS = 5  # of Y, each as often around the thing at the start
_COLOURS, _GRADIENTS = 9 * _LEVELS, 9  # of Y, and U and V 3 each; of directions 8, and one of what is even
_BINS = _COLOURS + _GRADIENTS
_PARTS = 4
_FAINT = 24.0  # luma steps: a gradient below it has no direction
_SHARP = 60.0  # how quickly a guess loses with what it lacks in likeness
_NEAR, _FAR, _FAR_SHARE = 0.08, 0.35, 0.3  # of the size a guess moves, most of them and the rest
_GROWTH = 0.02
_HOME = 0.15  # of the way back to the first size in a frame: parts of what is even are as like it as the whole
_RANGE = 2.0  # times larger or smaller than at the start
_BEST = 0.1  # of the guesses tell where the thing is
_SURE = 0.85  # likeness from which is learned
_LEAST = 2.0  # pixels: nothing smaller is followed

_V = np.digitize(np.arange(256), (122, 134)).astype(np.uint8)
_U = (_V * 3).astype(np.uint8)

_LINE = 0.48 * np.tanh(np.linspace(-1.2, 1.2, _GRID)) / np.tanh(1.2)
"""Where the samples of a guess are, of its size."""
Floats = NDArray[np.floating]


class Particle(Settings, tag="particle", tag_field="algorithm", frozen=True):
    """Settings of the follower."""

    guesses: Annotated[int, Meta(ge=20, le=2000)] = 200
    alike: Fraction = 0.5  # likeness below which it is lost
    learning: Fraction = 0.03  # of the histograms in a frame, while the likeness is at least 0.85
    seed: Annotated[int, Meta(ge=0)] = 0

    def start(self, frame: Frame, box: Box) -> "ParticleFollower":
        """Return a follower of what is in `box` of `frame`."""
        return ParticleFollower(self, frame, box)


class ParticleFollower:
    """The running follower; its memory is the guesses and two histograms in four parts."""

    def __init__(self, settings: Particle, frame: Frame, box: Box) -> None:
        self._settings = settings
        self._random = np.random.default_rng(settings.seed)
        self._box = inside(box)
        self._first = self._box.width, self._box.height
        self._moved = (0.0, 0.0)
        count = settings.guesses
        self._space = _Space.of(count)
        self._guesses = np.tile((*self._box.centre, 1.0), (count, 1))
        self._reach = np.tile((_NEAR, _NEAR, _GROWTH), (count, 1))
        self._reach[: round(_FAR_SHARE * count), :2] = _FAR
        self._weights = np.full(count, 1 / count)
        self._levels = _levels(_cut(frame.luma, self._box, _size(frame.luma, self._box)))
        shown = _Shown.of(frame, self._box, self._levels)
        middle = np.array([(*self._box.centre, 1.0)])
        self._target = shown.histograms(middle, self._first)[0]
        self._own = _own(self._target, shown, self._box)
        self._best = max(1e-6, float(self._alike(self._target[None])[0]))

    def update(self, frame: Frame, near: Box | None = None) -> Followed:
        """Return where the thing is in `frame`: the mean of the best guesses."""
        if near is not None:
            self._place(near)
        self._move()
        shown = _Shown.of(frame, self._box, self._levels)
        found = shown.histograms(self._guesses, self._first, self._space)
        alike = self._alike(found) / self._best
        self._weights *= np.exp(_SHARP * (alike - alike.max()))
        self._weights /= self._weights.sum()
        best = np.argpartition(self._weights, -self._few)[-self._few :]
        share = self._weights[best] / self._weights[best].sum()
        x, y, size = share @ self._guesses[best]
        likeness = float(np.clip(share @ alike[best], 0, 1))
        visible = likeness >= self._settings.alike
        self._take(x, y, size)
        if likeness >= _SURE:
            self._target += self._settings.learning * (share @ found[best] - self._target)
        self._resample()
        return Followed(inside(self._box), likeness, visible)

    @property
    def _few(self) -> int:
        return max(1, round(_BEST * len(self._guesses)))

    def _place(self, near: Box) -> None:
        (x, y), (was_x, was_y) = near.centre, self._box.centre
        self._guesses[:, :2] += (x - was_x, y - was_y)
        self._take(x, y, self._box.width / self._first[0])

    def _take(self, x: float, y: float, size: float) -> None:
        (was_x, was_y), width, height = self._box.centre, self._first[0] * size, self._first[1] * size
        self._moved = 0.5 * (x - was_x), 0.5 * (y - was_y)
        self._box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def _move(self) -> None:
        """Move all guesses on, by half of what the thing moved last and at random."""
        steps = self._random.standard_normal(self._guesses.shape)
        steps *= self._reach
        steps *= (self._box.width, self._box.height, 1.0)
        steps += (*self._moved, _HOME)
        self._guesses *= (1.0, 1.0, 1 - _HOME)
        self._guesses += steps
        np.maximum(self._guesses, (0, 0, 1 / _RANGE), out=self._guesses)
        np.minimum(self._guesses, (1, 1, _RANGE), out=self._guesses)

    def _alike(self, found: Floats) -> Floats:
        """Return for each of `found` (n, parts * bins) how alike it is to the target, the own colours counting most."""
        return np.asarray(found @ (self._own * self._target))

    def _resample(self) -> None:
        """Double the guesses that fit and drop the others, where few carry all the weight."""
        count = len(self._weights)
        if 1 / np.square(self._weights).sum() >= count / 2:
            return
        at = (self._random.random() + np.arange(count)) / count
        chosen = np.minimum(np.searchsorted(np.cumsum(self._weights), at), count - 1)
        self._guesses = self._guesses[self._random.permutation(chosen)]
        self._weights.fill(1 / count)


@dataclass(frozen=True, slots=True)
class _Space:
    """Arrays of one count of guesses, used again in each frame: larger ones are given back to the system each time."""

    at: NDArray[np.intp]
    found: NDArray[np.intp]
    offsets: NDArray[np.intp]
    roots: NDArray[np.float32]

    @classmethod
    def of(cls, count: int) -> "_Space":
        """Return what `count` guesses need."""
        shape = (count, _GRID, _GRID)
        offsets = (np.arange(count, dtype=np.intp) * (_PARTS * _BINS))[:, None, None] + _PART_OFFSETS
        roots = np.empty((count, _PARTS * _BINS), np.float32)
        return cls(np.empty(shape, np.intp), np.empty((2, *shape), np.intp), offsets, roots)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The patch around a thing, from `corner`, a pixel each `step`; bins (2, pixels): of colours and of gradients."""

    bins: NDArray[np.intp]
    corner: Pair
    step: Pair

    @classmethod
    def of(cls, frame: Frame, box: Box, levels: Plane) -> "_Shown":
        """Return the patch around `box`; levels (256,): of brightness."""
        x, y = box.centre
        across, down = _size(frame.luma, box)
        planes = [_cut(plane, box, (across, down)) for plane in (frame.luma, frame.u, frame.v)]
        colours = cv2.LUT(planes[0], levels) + cv2.LUT(planes[1], _U) + cv2.LUT(planes[2], _V)
        bins = np.stack([colours.ravel(), _directions(planes[0]).ravel() + _COLOURS]).astype(np.intp)
        rows, columns = _PATCH
        return cls(bins, (x - across / 2, y - down / 2), (across / columns, down / rows))

    def histograms(self, guesses: Floats, first: Pair, space: _Space | None = None) -> Floats:
        """Return (n, parts * bins), the roots of the shares of each bin in a part, of the guesses (n, 3) of `first`.

        Valid until `space` is used again.
        """
        space = space or _Space.of(len(guesses))
        rows = self._places(guesses[:, 1], guesses[:, 2] * first[1], 1)
        rows *= _PATCH[1]
        columns = self._places(guesses[:, 0], guesses[:, 2] * first[0], 0)
        np.add(rows[:, :, None], columns[:, None, :], out=space.at)
        for bins, found in zip(self.bins, space.found, strict=True):
            bins.take(space.at, out=found, mode="clip")
        np.add(space.found, space.offsets, out=space.found)
        counts = np.bincount(space.found.reshape(-1), minlength=space.roots.size)
        return np.asarray(_ROOTS.take(counts.reshape(space.roots.shape), out=space.roots, mode="clip"))

    def _places(self, middle: Floats, size: Floats, axis: int) -> NDArray[np.intp]:
        """Return (n, grid) where in the patch the samples of each guess lie along `axis` (0 x, 1 y)."""
        places = (middle[:, None] + size[:, None] * _LINE - self.corner[axis]) / self.step[axis]
        return np.asarray(np.clip(places, 0, _PATCH[1 - axis] - 1), np.intp)


_ROOTS = np.sqrt(np.arange(_GRID**2 + 1) * (_PARTS / _GRID**2)).astype(np.float32)
"""Of how many samples of a part are in a bin: the root of their share."""
_HALF = np.arange(_GRID) >= _GRID // 2
_PART_OFFSETS = ((2 * _HALF[:, None] + _HALF) * _BINS).astype(np.intp)


def _size(luma: Plane, box: Box) -> Pair:
    """Return width and height of the patch, fractions of the frame."""
    height, width = luma.shape
    return _WITHIN * max(box.width, _LEAST / width), _WITHIN * max(box.height, _LEAST / height)


def _cut(plane: Plane, box: Box, size: Pair) -> Plane:
    (rows, columns), (x, y), (across, down) = plane.shape, box.centre, size
    return patch(plane, (x * columns, y * rows), (across * columns, down * rows), _PATCH)


def _levels(shown: Plane) -> Plane:
    """Return (256,): for each brightness its level, times the colours of a level."""
    edges = np.quantile(shown, np.arange(1, _LEVELS) / _LEVELS)
    return (np.digitize(np.arange(256), edges) * (_COLOURS // _LEVELS)).astype(np.uint8)


def _directions(luma: Plane) -> NDArray[np.uint8]:
    """Return for each pixel in which of eight directions its brightness rises, 8 where it hardly does."""
    across, down = cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    size, angle = cv2.cartToPolar(across, down)
    found = (angle * (8 / (2 * np.pi))).astype(np.uint8) & 7
    found[size < _FAINT] = 8
    return np.asarray(found, np.uint8)


def _own(target: Floats, shown: _Shown, box: Box) -> Floats:
    """Return for each bin of each part the share that is the thing's own and not that of the boxes around it."""
    x, y = box.centre
    around = [(x + i * box.width, y + j * box.height, 1.0) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    other = np.square(shown.histograms(np.array(around), (box.width, box.height))).mean(axis=0)
    mine = np.square(target)
    return np.asarray(mine / (mine + other + 1e-6))
