"""Compressive tracking: follow a thing by a few random sums of its pixels.

The sums, of rectangles drawn once, are the features; a classifier that learns in every second frame tells the place
where the thing is from those beside it. The features of all places of a coarse picture are found at once, and are what
is scored and what is learned from. The size is tried larger and smaller every third frame. Learning rests while nothing
stands out.

K. Zhang, L. Zhang and M.-H. Yang, "Real-time compressive tracking", ECCV 2012; "Fast compressive tracking", IEEE TPAMI
36(10):2002-2015, 2014. Other than there, features are of normalised brightness, gradients and colour, and the
classifier knows how they hang together.
"""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.scene import Box, Frame
from tapetum.settings import Fraction, Settings
from tapetum.tracking.compressive.classifier import Classifier
from tapetum.tracking.compressive.features import PLACES, Features
from tapetum.tracking.compressive.planes import COUNT, Cells, telling
from tapetum.tracking.follower import Followed, inside

_HOME = 16.0  # cells: standard deviation of where it may have gone in a frame
_LEARNED_EVERY = 2  # frames
_DOUBTFUL = 0.5  # score below which it is learned in each: it is changing
_SIZES_EVERY = 3  # frames
_SIZES = (0.95, 1.0, 1.05)  # are tried, and half of the way is gone
_RANGE = 2.0  # times larger or smaller than at the start

Score = NDArray[np.float32]
"""(19, 19): how much each place seems to be the thing's, about 1 at best."""


class Compressive(Settings, tag="compressive", tag_field="algorithm", frozen=True):
    """Settings of the follower."""

    features: Annotated[int, Meta(ge=20, le=400)] = 200  # random sums: fewer cost less, and lose it sooner
    learning: Fraction = 0.1  # in every second frame: more keeps up with what turns, and drifts
    alike: Fraction = 0.1  # score of the best place, of what is wanted there, below which it is lost
    seed: Annotated[int, Meta(ge=0)] = 0

    def start(self, frame: Frame, box: Box) -> "CompressiveFollower":
        """Return a follower of what is in `box` of `frame`."""
        return CompressiveFollower(self, frame, box)


class CompressiveFollower:
    """The running follower; its memory is the rectangles and two covariances of the features."""

    def __init__(self, settings: Compressive, frame: Frame, box: Box) -> None:
        self._settings = settings
        self._box = inside(box)
        self._first = self._box.width
        self._frames = 0
        self._cells = Cells.of(self._box, frame.luma.shape)
        shown = self._cells.planes(frame, self._box, COUNT)
        self._kinds = telling(shown)
        random = np.random.default_rng(settings.seed)
        self._features = Features(random, settings.features, self._kinds, self._cells)
        self._classifier = Classifier(self._features.of(shown[: self._kinds]))
        self._weights = self._classifier.weights()

    def update(self, frame: Frame, near: Box | None = None) -> Followed:
        """Return where the thing is in `frame`; where nothing stands out, where it is most likely: not learned."""
        if near is not None:
            self._box = inside(near)
        self._frames += 1
        features = self._features.of(self._cells.planes(frame, self._box, self._kinds))
        x, y, score = _best((self._weights @ features).reshape(PLACES, PLACES))
        moved = self._cells.moved(self._box, x, y)
        visible = score >= self._settings.alike
        if visible and self._frames % _SIZES_EVERY == 0:
            moved = self._resized(frame, moved)
        self._box = _held(moved)
        if visible and (score < _DOUBTFUL or self._frames % _LEARNED_EVERY == 0):
            self._classifier.learn(features, x, y, self._settings.learning)
            self._weights = self._classifier.weights()
        return Followed(inside(self._box), min(1.0, max(0.0, score)), visible)

    def _resized(self, frame: Frame, box: Box) -> Box:
        """Return `box`, half of the way to the size in which it is most like the thing."""
        shown = (self._cells.planes(frame, box, self._kinds, size) for size in _SIZES)
        scores = [float(self._weights @ self._features.of_middle(planes)) for planes in shown]
        growth = (_SIZES[int(np.argmax(scores))] - 1) / 2
        if not 1 / _RANGE <= box.width * (1 + growth) / self._first <= _RANGE:
            return box
        return box.grown(growth / 2)


def _held(box: Box) -> Box:
    """Return `box`, its middle within the frame: it may reach out of it, as the thing does."""
    (x, y), width, height = box.centre, box.width / 2, box.height / 2
    x, y = min(1.0, max(0.0, x)), min(1.0, max(0.0, y))
    return Box(x - width, y - height, x + width, y + height)


def _best(score: Score) -> tuple[float, float, float]:
    """Return x and y of the best place, cells from the middle, and how far it stands out of the mean."""
    above = score - score.mean()
    likely = above * _LIKELY
    row, column = divmod(int(likely.argmax()), PLACES)
    x = column - PLACES // 2 + _between(likely[row, max(0, column - 1) : column + 2])
    y = row - PLACES // 2 + _between(likely[max(0, row - 1) : row + 2, column])
    return x, y, float(above[row, column])


def _between(values: Score) -> float:
    """Return where between its neighbours a peak lies, by a parabola; 0 at the edge."""
    if len(values) < 3:
        return 0.0
    before, peak, after = values.tolist()
    bent = before - 2 * peak + after
    return 0.0 if bent >= 0 else min(0.5, max(-0.5, 0.5 * (before - after) / bent))


_FROM_HOME = np.arange(PLACES) - PLACES // 2
_LIKELY = np.exp(-(np.square(_FROM_HOME)[:, None] + np.square(_FROM_HOME)) / (2 * _HOME**2)).astype(np.float32)
