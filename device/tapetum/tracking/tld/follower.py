"""TLD: follow a thing that leaves and comes back.

Flow carries the box from frame to frame; a detector, of variance, ferns and nearest patches, looks for the thing around
it, and over the whole picture in parts, one a frame, when it is lost. Where flow is sure, what the detector missed
is learned as the thing, and what it took for it elsewhere as something else; where flow fails, the detector starts it
anew. While neither knows, the thing is told to be absent.

Z. Kalal, K. Mikolajczyk and J. Matas, "Tracking-learning-detection", IEEE TPAMI 34(7):1409-1422, 2012.
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
from tapetum.tracking.tld.flow import Edges, flow
from tapetum.tracking.tld.model import Forest, Patches, Windows, seen
from tapetum.tracking.tld.windows import grid, overlaps, variances

_SIDE = 28.0  # pixels: the geometric mean of the thing's sides in what is looked at
_REACH = 1.25  # of its size is looked at on each side
_TILES = 3  # each way, into which the picture is parted for the search of what is lost
_WINDOWS, _WINDOWS_LOST = 160, 500  # of each scale
_LIKELY = 0.25  # the share of the ferns from which a window is looked at
_HITS = 12  # windows that the ferns let through
_CORE = 0.6  # conservative similarity from which flow is believed
_LEAST = 4.0  # pixels: nothing smaller is followed
_WARPS = 100  # of the thing at the start


class Tld(Settings, tag="tld", tag_field="algorithm", frozen=True):
    """Settings of the follower."""

    alike: Fraction = 0.6  # relative similarity from which the detector has found it
    anew: Fraction = 0.6  # the same while it is lost: lower finds it sooner, and wrong things
    doubt: Fraction = 0.4  # relative similarity below which flow has lost it
    seed: Annotated[int, Meta(ge=0)] = 0

    def start(self, frame: Frame, box: Box) -> "TldFollower":
        """Return a follower of what is in `box` of `frame`."""
        return TldFollower(self, frame, box)


@dataclass(frozen=True, slots=True)
class _View:
    """A part of a frame, reduced: picture (h, w), from `left`, `top` of the luma, `times` as large as there."""

    picture: Plane
    left: float
    top: float
    times: float

    def to(self, box: Edges) -> Edges:
        left, top, right, bottom = box
        x, y, times = self.left, self.top, self.times
        return (left - x) * times, (top - y) * times, (right - x) * times, (bottom - y) * times

    def back(self, box: Edges) -> Edges:
        left, top, right, bottom = (edge / self.times for edge in box)
        return left + self.left, top + self.top, right + self.left, bottom + self.top


class TldFollower:
    """The running follower; its memory: a forest, two hundred patches at most, a part of the last frame, reduced."""

    def __init__(self, settings: Tld, frame: Frame, box: Box) -> None:
        self._settings = settings
        self._random = np.random.default_rng(settings.seed)
        self._forest, self._patches = Forest(self._random), Patches(self._random)
        self._box = inside(box)
        self._there = self._valid = True
        self._looked = 0
        self._view = self._around(frame)
        self._variance = 0.5 * float(seen_variance(self._view, self._edges(frame)))
        self._begin(frame)

    def update(self, frame: Frame, near: Box | None = None) -> Followed:
        """Return where the thing is in `frame`, or where it was last, not visible."""
        if near is not None:  # what flow goes by is not there: the detector looks around it
            self._box, self._there, self._looked = inside(near), False, self._looked | 1
        edges = self._edges(frame)
        view = self._around(frame) if self._there or self._looked % 2 else self._tile(frame)
        self._looked += not self._there
        found = _Found.of(view, self._size(frame, view), self)
        tracked = self._tracked(view, edges)
        best, sure = self._agreed(found, tracked)
        self._there = best is not None
        if best is not None:
            height, width = frame.luma.shape
            self._box = inside(Box.of_pixels(*view.back(best), (height, width)))
            if self._valid:
                self._learn(found, view, best)
            view = self._around(frame)
        self._view = view
        return Followed(self._box, min(1.0, max(0.0, sure)), self._there)

    def _tracked(self, view: _View, edges: Edges) -> Edges | None:
        if not self._there or view.picture.shape != self._view.picture.shape:
            return None
        went = flow(self._view.picture, view.picture, self._view.to(edges))
        return went if went and _window(view, went) is not None else None

    def _agreed(self, found: "_Found", tracked: Edges | None) -> tuple[Edges | None, float]:
        """Return what flow and the detector come to together, and the relative similarity there."""
        best = int(found.relative.argmax()) if len(found.relative) else -1
        wanted = self._settings.alike if tracked is not None else self._settings.anew
        detected = best >= 0 and found.relative[best] > wanted
        place = _edges_of(found.hits[best]) if detected else None
        if tracked is not None:
            relative, core = self.similarity(found.view, tracked)
            self._valid = self._valid or core > _CORE
            apart = place is not None and overlaps(found.hits[best : best + 1], tracked)[0] < 0.5
            if apart and found.core[best] > core:
                self._valid = False
                return place, float(found.relative[best])
            if relative >= self._settings.doubt:
                near = overlaps(found.hits, tracked) > 0.7
                return _mean(tracked, found.hits[near & (found.relative > self._settings.alike)]), relative
        self._valid = place is not None and bool(found.core[best] > _CORE)
        return place, float(found.relative[best]) if place else 0.0

    def similarity(self, view: _View, edges: Edges) -> tuple[float, float]:
        """Return the relative and the conservative similarity of what is in `edges`; 0 where nothing is."""
        window = _window(view, edges)
        if window is None:
            return 0.0, 0.0
        relative, core = self._patches.similarity(seen(view.picture, window))
        return float(relative[0]), float(core[0])

    def hits(self, view: _View, size: tuple[float, float]) -> tuple[Windows, NDArray[np.intp], NDArray[np.float32]]:
        """Return the windows that vary enough, their answers in the forest and their likelihoods."""
        windows = grid(view.picture.shape, size, _WINDOWS if self._there else _WINDOWS_LOST)
        windows = windows[variances(view.picture, windows) >= self._variance]
        codes = self._forest.codes(view.picture, windows)
        return windows, codes, self._forest.likelihood(codes)

    def judged(self, view: _View, windows: Windows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the relative and the conservative similarity of `windows`."""
        return self._patches.similarity(seen(view.picture, windows))

    def _learn(self, found: "_Found", view: _View, box: Edges) -> None:
        window = _window(view, box)
        if window is None or self.similarity(view, box)[0] < self._settings.doubt:
            return
        shared = overlaps(found.windows, box)
        close = np.flatnonzero(shared > 0.6)
        close = close[np.argsort(-shared[close])[:10]]
        self._forest.learn(found.codes[close[found.likelihoods[close] <= 0.8]], own=True)
        self._forest.learn(found.codes[(shared < 0.2) & (found.likelihoods >= 0.5)], own=False)
        self._patches.learn(seen(view.picture, found.hits[overlaps(found.hits, box) < 0.2]), own=False)
        self._patches.learn(seen(view.picture, window), own=True)

    def _begin(self, frame: Frame) -> None:
        edges = self._view.to(self._edges(frame))
        window = _window(self._view, edges)
        if window is None:
            return
        self._patches.learn(seen(self._view.picture, window), own=True)
        for index in range(-1, _TILES**2):
            view = self._view if index < 0 else self._tile(frame)
            self._looked += 2
            windows, codes, _ = self.hits(view, self._size(frame, view))
            away = overlaps(windows, view.to(self._edges(frame))) < 0.2
            self._forest.learn(codes[away], own=False)
            some = self._random.permutation(np.flatnonzero(away))[:8]
            self._patches.learn(seen(view.picture, windows[some]), own=False, all_of_them=True)
        self._forest.learn(self._forest.codes(*_warped(self._view.picture, window[0], self._random)), own=True)

    def _size(self, frame: Frame, view: _View) -> tuple[float, float]:
        left, top, right, bottom = self._edges(frame)
        return (right - left) * view.times, (bottom - top) * view.times

    def _edges(self, frame: Frame) -> Edges:
        return self._box.pixels(frame.luma.shape)

    def _around(self, frame: Frame) -> _View:
        left, top, right, bottom = self._edges(frame)
        width, height = right - left, bottom - top
        area = left - _REACH * width, top - _REACH * height, right + _REACH * width, bottom + _REACH * height
        return _cut(frame.luma, area, (width, height))

    def _tile(self, frame: Frame) -> _View:
        """Return the next part of the picture, and a thing's size beside it."""
        left, top, right, bottom = self._edges(frame)
        width, height = right - left, bottom - top
        row, column = divmod(self._looked // 2 % _TILES**2, _TILES)
        down, across = frame.luma.shape[0] / _TILES, frame.luma.shape[1] / _TILES
        area = column * across - width / 2, row * down - height / 2
        more = (column + 1) * across + width / 2, (row + 1) * down + height / 2
        return _cut(frame.luma, (*area, *more), (width, height))


@dataclass(frozen=True, slots=True)
class _Found:
    """What the detector makes of a view: windows, their codes and likelihoods; of the best, hits, the similarities."""

    view: _View
    windows: Windows
    codes: NDArray[np.intp]
    likelihoods: NDArray[np.float32]
    hits: Windows
    relative: NDArray[np.float64]
    core: NDArray[np.float64]

    @classmethod
    def of(cls, view: _View, size: tuple[float, float], of: TldFollower) -> "_Found":
        windows, codes, likelihoods = of.hits(view, size)
        best = np.argsort(-likelihoods)[:_HITS]
        hits = windows[best[likelihoods[best] > _LIKELY]]
        return cls(view, windows, codes, likelihoods, hits, *of.judged(view, hits))


def _cut(luma: Plane, area: Edges, size: tuple[float, float]) -> _View:
    height, width = luma.shape
    left, top = max(0, int(area[0])), max(0, int(area[1]))
    left, top = min(left, width - 1), min(top, height - 1)
    right, bottom = min(width, max(left + 2, round(area[2]))), min(height, max(top + 2, round(area[3])))
    times = min(1.0, _SIDE / max(_LEAST, (max(1.0, size[0]) * max(1.0, size[1])) ** 0.5))
    part = luma[top:bottom, left:right]
    across, down = max(4, round(part.shape[1] * times)), max(4, round(part.shape[0] * times))
    return _View(np.asarray(cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA), np.uint8), left, top, times)


def _window(view: _View, edges: Edges) -> Windows | None:
    """Return `edges` as a window (1, 4) within the view; None where less than half of it is."""
    height, width = view.picture.shape
    left, top, right, bottom = edges
    first_x, first_y = round(max(0.0, left)), round(max(0.0, top))
    last_x, last_y = round(min(float(width), right)), round(min(float(height), bottom))
    inner = max(0, last_x - first_x) * max(0, last_y - first_y)
    if last_x - first_x < 2 or last_y - first_y < 2 or inner < 0.5 * (right - left) * (bottom - top):
        return None
    return np.array([(first_x, first_y, last_x - first_x, last_y - first_y)], np.intp)


def seen_variance(view: _View, edges: Edges) -> float:
    """Return the variance of brightness in `edges` of the luma."""
    window = _window(view, view.to(edges))
    return 0.0 if window is None else float(variances(view.picture, window)[0])


def _edges_of(window: NDArray[np.intp]) -> Edges:
    x, y, width, height = (float(value) for value in window)
    return x, y, x + width, y + height


def _mean(tracked: Edges, near: Windows) -> Edges:
    """Return the mean of the box of flow, ten times, and of the windows of the detector."""
    total = 10 * np.array(tracked) + sum((np.array(_edges_of(one)) for one in near), np.zeros(4))
    left, top, right, bottom = (total / (10 + len(near))).tolist()
    return left, top, right, bottom


def _warped(picture: Plane, window: NDArray[np.intp], random: np.random.Generator) -> tuple[Plane, Windows]:
    """Return one picture of the window turned, shifted, scaled and made noisy, and the windows in it."""
    x, y, width, height = (int(value) for value in window)
    found = []
    for _ in range(_WARPS):
        turn = cv2.getRotationMatrix2D(
            (x + width / 2, y + height / 2), random.uniform(-10, 10), 1 + random.uniform(-0.08, 0.08)
        )
        turn[:, 2] += random.uniform(-0.06, 0.06, 2) * np.array((width, height)) - np.array((x, y))
        part = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        found.append(np.clip(part + random.normal(0, 5, part.shape), 0, 255).astype(np.uint8))
    rows = np.arange(_WARPS) * height
    windows = np.stack([np.zeros_like(rows), rows, np.full_like(rows, width), np.full_like(rows, height)], axis=1)
    return np.concatenate(found), windows
