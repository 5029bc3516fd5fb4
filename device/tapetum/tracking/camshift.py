"""CamShift: follow a thing by its colours.

The histogram of the thing's brightness and colour, divided by that of its surroundings, says of every pixel nearby how
likely it belongs to it; the window moves to the mean of that likelihood until it rests (mean shift), and its size
follows the likelihood's mass. Left alone the size runs away, and a gone thing is "found" wherever its colours are;
the guards against both are what makes it of use: only pixels known to be the thing's are learned, colours that its
surroundings share count for little, the size changes little in a frame and stays near the first, the histogram found
must be alike, and learning goes on only while it is. One that is lost, and that nobody says where to look for, is
looked for in the whole picture: where its colours are densest, if they are more like it there than is asked of one that
is held.

G. Bradski, "Computer vision face tracking for use in a perceptual user interface", Intel Technology Journal Q2, 1998;
D. Comaniciu, V. Ramesh and P. Meer, "Kernel-based object tracking", IEEE TPAMI 25(5):564-577, 2003 (background-weighted
histogram, Bhattacharyya coefficient). Here in Y, U and V instead of hue and saturation: no conversion, and gray things
have a brightness where they have no hue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.scene import Box, Frame, Plane
from tapetum.settings import Fraction, Settings
from tapetum.tracking.follower import Followed, inside

_GRID = 64  # pixels: the side of the square to which the search area is reduced, whatever its size
_SEARCH = 0.75  # of the box's size is searched on each side of it
_BINS = 8 * 16 * 16  # of Y, U and V; U and V around gray, where pictures of the world have them
_FEWEST = 40  # grid pixels known to be the thing's own; with fewer the whole window is taken
_LESSON = 0.1  # of the way to what is learned from a box known to be the thing's
_SURE = 0.8  # likeness from which the follower learns by itself
_ANEW = 0.25  # of the way from `alike` to the same: what is taken for it again
_CELLS, _FINEST = 8, 256  # across a lost thing, and across the whole picture at most, in which it is looked for
_KERNELS = 256  # sizes of windows whose weights are kept: 2 MB where all are different and of the usual size
_TERMINATE = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 1.0)

_Y_BIN = ((np.arange(256) >> 5) << 8).astype(np.int32)
_V_BIN = np.clip((np.arange(256) - 96) >> 2, 0, 15).astype(np.int32)
_U_BIN = _V_BIN << 4

Histogram = NDArray[np.float64]


class CamShift(Settings, tag="camshift", tag_field="algorithm", frozen=True):
    """Settings of the follower."""

    alike: Fraction = 0.55  # Bhattacharyya coefficient below which it is lost: lower follows more, and wrong things
    learning: Fraction = 0.02  # of the histogram in a frame, while the coefficient is at least 0.8
    scale_step: Annotated[float, Meta(ge=0, le=0.2)] = 0.03  # of the size in a frame
    scale_range: Annotated[float, Meta(ge=1, le=8)] = 2.0  # times larger or smaller than at the start, at most

    def start(self, frame: Frame, box: Box, mask: Plane | None = None) -> "CamShiftFollower":
        """Return a follower of what is in `box` of `frame`; mask: 255 where pixels of the luma are known as its own."""
        if mask is None:
            return CamShiftFollower(self, frame, inside(box), np.zeros_like(frame.luma))
        return CamShiftFollower(self, frame, box, mask)


class CamShiftFollower:
    """The running follower; its memory is two histograms of 2,048 bins."""

    def __init__(self, settings: CamShift, frame: Frame, box: Box, mask: Plane) -> None:
        self._settings = settings
        self._first = self._box = box
        shown = _Shown.of(frame, box)
        self._target, self._own = _lesson(shown, mask)
        self._best = self._likeness(shown)

    def learn(self, frame: Frame, box: Box, mask: Plane) -> None:
        """Take the thing to be in `box`, as somebody knows who has seen it move; mask as of `CamShift.start`."""
        self._first = self._box = box
        shown = _Shown.of(frame, box)
        target, own = _lesson(shown, mask)
        self._target += _LESSON * (target - self._target)
        self._own += _LESSON * (own - self._own)
        self._best = self._likeness(shown)

    def update(self, frame: Frame, near: Box | None = None) -> Followed:
        """Return where the thing is in `frame`, looked for around `near`: not visible where no picture is.

        Without `near`, around where it was, and in the frame; all over it where it was lost.
        """
        if near is None:
            there = self._looked_for(frame)
            return Followed(inside(there.box), there.confidence, there.visible)
        if near.grown(_SEARCH).clipped().area <= 0:
            return Followed(near, 0.0, visible=False)
        shown = _Shown.of(frame, near)
        bins, area = shown.bins, shown.area
        likelihood = (255 * self._own).astype(np.uint8).take(bins)
        _, found = cv2.meanShift(likelihood, _rect(shown.window), _TERMINATE)
        left, top, width, height = found
        window = (slice(top, top + height), slice(left, left + width))
        here = _histogram(bins[window])
        alike = min(1.0, self._alike(here) / self._best)
        box = self._scaled(_box_of(found, area), float(likelihood[window].mean()) / 255)
        visible = alike >= self._settings.alike
        if visible:
            self._box = box
        if alike >= _SURE:
            self._target += self._settings.learning * (here - self._target)
        return Followed(box, alike, visible)

    def _looked_for(self, frame: Frame) -> Followed:
        """Return where it is, around where it was seen last, or else where its colours are densest."""
        there = self.update(frame, self._box)
        if there.visible:
            return there
        last = self._box
        again = self.update(frame, self._densest(frame))
        if again.confidence >= self._settings.alike + _ANEW * (1 - self._settings.alike):
            return again
        self._box = last
        return there

    def _densest(self, frame: Frame) -> Box:
        """Return the box of the size that it had last, in the frame, that holds most of its own colours."""
        width, height = self._box.width, self._box.height
        sides = [int(np.clip(_CELLS / size, _GRID, _FINEST)) for size in (width, height)]
        bins = _bins(frame, Box(0, 0, 1, 1), (sides[0], sides[1]))
        likelihood = (255 * self._own).astype(np.uint8).take(bins)
        window = [max(1, round(size * side)) for size, side in zip((width, height), sides, strict=True)]
        sums = cv2.boxFilter(likelihood, cv2.CV_32F, window, borderType=cv2.BORDER_CONSTANT)
        _, _, _, (column, row) = cv2.minMaxLoc(sums)
        x, y = (column + 0.5) / sides[0], (row + 0.5) / sides[1]
        return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def _alike(self, here: Histogram) -> float:
        """Return the Bhattacharyya coefficient of `here` and the target over the colours that are the target's own."""
        return float((self._own * np.sqrt(here * self._target)).sum() / max(1e-9, (self._own * self._target).sum()))

    def _likeness(self, shown: "_Shown") -> float:
        """Return how alike the thing's own box is, background at its corners and all: what can be had at best."""
        return max(0.1, self._alike(_histogram(shown.bins[shown.window])))

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


@dataclass(frozen=True, slots=True)
class _Shown:
    """A part of a frame: bins, (64, 64), of all its pixels; window: (rows, columns) of what is looked at in it."""

    bins: NDArray[np.intp]
    area: Box
    window: tuple[slice, slice]

    @classmethod
    def of(cls, frame: Frame, near: Box) -> "_Shown":
        """Return the search area around `near`."""
        area = inside(near.grown(_SEARCH))
        return cls(_bins(frame, area), area, _window(area, near))


def _bins(frame: Frame, area: Box, grid: tuple[int, int] = (_GRID, _GRID)) -> NDArray[np.intp]:
    """Return the histogram bins of `area`, reduced to `grid` (across, down) pixels."""
    planes = (frame.luma, _Y_BIN), (frame.u, _U_BIN), (frame.v, _V_BIN)
    cut = [cv2.LUT(cv2.resize(plane[area.slices(plane)], grid), table) for plane, table in planes]
    return cv2.add(cv2.add(cut[0], cut[1]), cut[2]).astype(np.intp)


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


def _lesson(shown: _Shown, mask: Plane) -> tuple[Histogram, NDArray[np.float64]]:
    """Return the thing's histogram (2048,), and of each colour the share that is its own and not its surroundings'."""
    bins, window = shown.bins, shown.window
    known = cv2.resize(mask[shown.area.slices(mask)], (_GRID, _GRID), interpolation=cv2.INTER_NEAREST)
    if np.count_nonzero(known[window]) < _FEWEST:
        known[window] = 255
    outside = known == 0
    outside[window] &= False
    target = _histogram(bins[window], known[window] > 0)
    around = np.bincount(bins[outside], minlength=_BINS) / max(1, int(np.count_nonzero(outside)))
    return target, target / (target + around + 1e-6)


def _histogram(bins: NDArray[np.intp], known: NDArray[np.bool_] | None = None) -> Histogram:
    """Return the (2048,) histogram of a window, its middle counting most (Epanechnikov), summing to 1."""
    weight = _kernel(*bins.shape)
    if known is not None:
        weight = weight * known
    counts = np.bincount(bins.ravel(), weight.ravel(), minlength=_BINS)
    return counts / max(1e-9, float(counts.sum()))


@lru_cache(maxsize=_KERNELS)
def _kernel(height: int, width: int) -> NDArray[np.float64]:
    """Return the weights of a window of that size."""
    rows, columns = (np.linspace(-1, 1, size) ** 2 for size in (height, width))
    return np.maximum(0, 1 - (rows[:, None] + columns[None, :]) / 2)
