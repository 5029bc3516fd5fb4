"""CamShift: follow a thing by its colours.

The histogram of the thing's brightness and colour, divided by that of its surroundings, says of every pixel nearby how
likely it belongs to it; the window moves to the mean of that likelihood until it rests (mean shift), and its size
follows the likelihood's mass. Left alone the size runs away, and a gone thing is "found" wherever its colours are;
the guards against both are what makes it of use: only pixels known to be the thing's are learned, colours that its
surroundings share count for little, the size changes little in a frame and stays near the first, the histogram found
must be alike, and learning goes on only while it is.

G. Bradski, "Computer vision face tracking for use in a perceptual user interface", Intel Technology Journal Q2, 1998;
D. Comaniciu, V. Ramesh and P. Meer, "Kernel-based object tracking", IEEE TPAMI 25(5):564-577, 2003 (background-weighted
histogram, Bhattacharyya coefficient). Here in Y, U and V instead of hue and saturation: no conversion, and gray things
have a brightness where they have no hue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.scene import Box, Frame, Plane
from tapetum.settings import Fraction, Settings

_GRID = 64  # pixels: the side of the square to which the search area is reduced, whatever its size
_SEARCH = 0.75  # of the box's size is searched on each side of it
_BINS = 8 * 16 * 16  # of Y, U and V; U and V around gray, where pictures of the world have them
_FEWEST = 40  # grid pixels known to be the thing's own; with fewer the whole window is taken
_LESSON = 0.1  # of the way to what is learned from a box known to be the thing's
_SURE = 0.8  # likeness from which the follower learns by itself
_TERMINATE = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 1.0)

_Y_BIN = (np.arange(256) >> 5).astype(np.uint8)
_UV_BIN = np.clip((np.arange(256) - 96) >> 2, 0, 15).astype(np.uint8)

Histogram = NDArray[np.float64]


class CamShift(Settings, tag="camshift", tag_field="algorithm", frozen=True):
    """Settings of the follower."""

    alike: Fraction = 0.55  # Bhattacharyya coefficient below which it is lost: lower follows more, and wrong things
    learning: Fraction = 0.02  # of the histogram in a frame, while the coefficient is at least 0.8
    scale_step: Annotated[float, Meta(ge=0, le=0.2)] = 0.03  # of the size in a frame
    scale_range: Annotated[float, Meta(ge=1, le=8)] = 2.0  # times larger or smaller than at the start, at most

    def start(self, frame: Frame, box: Box, mask: Plane) -> "CamShiftFollower":
        """Return a follower of what is in `box` of `frame`; mask: 255 where pixels of the luma are known as its own."""
        return CamShiftFollower(self, frame, box, mask)


@dataclass(frozen=True, slots=True)
class Followed:
    """Where a follower holds its thing to be. confidence: 0..1; visible: whether it believes that itself."""

    box: Box
    confidence: float
    visible: bool


class CamShiftFollower:
    """The running follower; its memory is two histograms of 2,048 bins."""

    def __init__(self, settings: CamShift, frame: Frame, box: Box, mask: Plane) -> None:
        self._settings = settings
        self._first = self._box = box
        self._target, self._own = _lesson(frame, box, mask)
        self._best = self._likeness(frame, box)

    def learn(self, frame: Frame, box: Box, mask: Plane) -> None:
        """Take the thing to be in `box`, as somebody knows who has seen it move; mask as of `CamShift.start`."""
        self._first = self._box = box
        target, own = _lesson(frame, box, mask)
        self._target += _LESSON * (target - self._target)
        self._own += _LESSON * (own - self._own)
        self._best = self._likeness(frame, box)

    def update(self, frame: Frame, near: Box) -> Followed:
        """Return where the thing is in `frame`, looked for around `near`: not visible where no picture is."""
        if near.grown(_SEARCH).clipped().area <= 0:
            return Followed(near, 0.0, visible=False)
        bins, area = _bins(frame, near)
        likelihood = (255 * self._own).astype(np.uint8)[bins]
        _, found = cv2.meanShift(likelihood, _rect(_window(area, near)), _TERMINATE)
        left, top, width, height = found
        inside = (slice(top, top + height), slice(left, left + width))
        here = _histogram(bins[inside])
        alike = min(1.0, self._alike(here) / self._best)
        box = self._scaled(_box_of(found, area), float(likelihood[inside].mean()) / 255)
        visible = alike >= self._settings.alike
        if visible:
            self._box = box
        if alike >= _SURE:
            self._target += self._settings.learning * (here - self._target)
        return Followed(box, alike, visible)

    def _alike(self, here: Histogram) -> float:
        """Return the Bhattacharyya coefficient of `here` and the target over the colours that are the target's own."""
        return float((self._own * np.sqrt(here * self._target)).sum() / max(1e-9, (self._own * self._target).sum()))

    def _likeness(self, frame: Frame, box: Box) -> float:
        """Return how alike the thing's own box is, background at its corners and all: what can be had at best."""
        bins, area = _bins(frame, box)
        return max(0.1, self._alike(_histogram(bins[_window(area, box)])))

    def _scaled(self, box: Box, mass: float) -> Box:
        """Return `box` grown where its likelihood is dense, shrunk where it is thin, within the guards."""
        step = self._settings.scale_step
        factor = 1 + step if mass > 0.75 else 1 - step if mass < 0.45 else 1.0
        width, height = self._box.width * factor, self._box.height * factor
        limit = self._settings.scale_range
        width = float(np.clip(width, self._first.width / limit, self._first.width * limit))
        height = float(np.clip(height, self._first.height / limit, self._first.height * limit))
        x, y = box.centre
        return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _bins(frame: Frame, near: Box) -> tuple[NDArray[np.intp], Box]:
    """Return the (64, 64) histogram bins of the search area around `near`, and that area."""
    area = near.grown(_SEARCH).clipped()
    cut = (cv2.resize(plane[area.slices(plane)], (_GRID, _GRID)) for plane in (frame.luma, frame.u, frame.v))
    luma, u, v = cut
    index = _Y_BIN[luma].astype(np.intp)
    return (index << 8) + (_UV_BIN[u].astype(np.intp) << 4) + _UV_BIN[v], area


def _window(area: Box, box: Box) -> tuple[slice, slice]:
    """Return (rows, columns) of `box` in the grid that covers `area`."""
    left, right = ((edge - area.left) / area.width * _GRID for edge in (box.left, box.right))
    top, bottom = ((edge - area.top) / area.height * _GRID for edge in (box.top, box.bottom))
    return _span(top, bottom), _span(left, right)


def _span(start: float, stop: float) -> slice:
    first = int(np.clip(round(start), 0, _GRID - 2))
    return slice(first, int(np.clip(round(stop), first + 2, _GRID)))


def _rect(window: tuple[slice, slice]) -> tuple[int, int, int, int]:
    rows, columns = window
    return columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start


def _box_of(rect: Sequence[int], area: Box) -> Box:
    left, top, width, height = rect
    step_x, step_y = area.width / _GRID, area.height / _GRID
    return Box(
        area.left + left * step_x,
        area.top + top * step_y,
        area.left + (left + width) * step_x,
        area.top + (top + height) * step_y,
    )


def _lesson(frame: Frame, box: Box, mask: Plane) -> tuple[Histogram, NDArray[np.float64]]:
    """Return the thing's histogram (2048,), and of each colour the share that is its own and not its surroundings'."""
    bins, area = _bins(frame, box)
    window = _window(area, box)
    known = cv2.resize(mask[area.slices(mask)], (_GRID, _GRID), interpolation=cv2.INTER_NEAREST)
    if np.count_nonzero(known[window]) < _FEWEST:
        known[window] = 255
    outside = known == 0
    outside[window] &= False
    target = _histogram(bins[window], known[window] > 0)
    around = np.bincount(bins[outside], minlength=_BINS) / max(1, int(np.count_nonzero(outside)))
    return target, target / (target + around + 1e-6)


def _histogram(bins: NDArray[np.intp], known: NDArray[np.bool_] | None = None) -> Histogram:
    """Return the (2048,) histogram of a window, its middle counting most (Epanechnikov), summing to 1."""
    rows, columns = (np.linspace(-1, 1, size) ** 2 for size in bins.shape)
    weight = np.maximum(0, 1 - (rows[:, None] + columns[None, :]) / 2)
    if known is not None:
        weight *= known
    counts = np.bincount(bins.ravel(), weight.ravel(), minlength=_BINS)
    return counts / max(1e-9, float(counts.sum()))
