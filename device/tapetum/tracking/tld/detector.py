"""The detector and what it learns: windows that vary enough, that the ferns let through, and that the patches know.

Z. Kalal, K. Mikolajczyk and J. Matas, "Tracking-learning-detection", IEEE TPAMI 34(7):1409-1422, 2012, 5.3 (the
cascade) and 4 (P-N learning: what is near the thing and was missed is its own, what is away from it and was taken for
it is another's).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane
from tapetum.tracking.patches import Pair
from tapetum.tracking.tld.model import MISTAKEN, Forest, Patches
from tapetum.tracking.tld.search import places
from tapetum.tracking.tld.view import Edges, View, Windows, edges_of
from tapetum.tracking.tld.windows import UNMOVED, around, grid, overlaps, variances

_WINDOWS = 160  # of each scale
_LIKELY = 0.25  # the share of the ferns from which a window is looked at
_HITS = 12  # windows that the ferns let through
_VARIES = 0.5  # of the variance that the thing had at first
_PLACES = 8  # peaks of the whole picture that are looked at
_LOOKED_AT = 5  # of these, closely
_COARSE_GROWTH, _GROWTH = 0.12, 0.04  # smaller and larger
_STAYS = 0.02  # of likeness, that a place beside must be better
_AWAY, _CLOSE = 0.2, 0.6  # IoU with the thing: not it, and it
_NEAREST = 10  # windows that are learned as the thing
_TOLD, _TAKEN = 0.8, 0.5  # share of the ferns: the thing is known, another is taken for it
_OTHERS = 30  # patches of what is around the thing at the start
_WARPS = 100  # of the thing at the start
_TURN, _GROWN, _SHIFT, _NOISE = 10.0, 0.08, 0.06, 5.0  # degrees; of 1; of its size; luma steps


@dataclass(frozen=True, slots=True)
class Found:
    """What the detector makes of a view: windows, their codes and likelihoods; of the best, hits, the similarities."""

    view: View
    windows: Windows
    codes: NDArray[np.intp]
    likelihoods: NDArray[np.float32]
    hits: Windows
    relative: NDArray[np.float64]
    core: NDArray[np.float64]

    @property
    def best(self) -> int | None:
        """The hit that is most like the thing."""
        return int(self.relative.argmax()) if len(self.relative) else None

    def near(self, box: Edges, least: float) -> Windows:
        """Return the hits that cover `box`, at least so similar."""
        return self.hits[(overlaps(self.hits, box) > 0.7) & (self.relative > least)]


class Detector:
    """The running detector; its memory: a forest and two hundred patches at most."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._forest, self._patches = Forest(random), Patches(random)
        self._variance = 0.0
        self._looks = 0

    def begin(self, view: View, box: Edges, whole: View, size: Pair) -> None:
        """Get to know the thing in `box` of `view`, and what else is there and in `whole`; size: in that picture."""
        window = view.window(box)
        if window is None:
            return
        self._variance = _VARIES * float(variances(view.luma, window)[0])
        self._patches.learn(view.patches(window))
        self._forest.learn(self._forest.codes(*_warped(view.luma, window[0], self._random)), own=True)
        found = self.detect(view, (float(window[0, 2]), float(window[0, 3])))
        away = np.flatnonzero(overlaps(found.windows, box) < _AWAY)
        self._forest.learn(found.codes[away], own=False)
        self._patches.begin_with(view.patches(found.windows[self._random.permutation(away)[:_OTHERS]]))
        elsewhere = places(whole, self._patches.own(0), size, _PLACES)
        there = overlaps(elsewhere, whole.to(view.back(box)))
        self._patches.begin_with(whole.patches(elsewhere[there < _AWAY]))

    def detect(self, view: View, size: Pair) -> Found:
        """Return what is found of the thing in `view`, about of `size` there."""
        windows = grid(view.luma.shape, size, _WINDOWS)
        windows = windows[variances(view.luma, windows) >= self._variance]
        codes = self._forest.codes(view.smooth, windows)
        likelihoods = self._forest.likelihood(codes)
        best = np.argsort(-likelihoods, kind="stable")[:_HITS]
        hits = windows[best[likelihoods[best] > _LIKELY]]
        return Found(view, windows, codes, likelihoods, hits, *self._patches.similarity(view.patches(hits)))

    def likelihood(self, view: View, box: Edges) -> float:
        """Return the share of the ferns to which what is in `box` is the thing."""
        window = view.window(box)
        if window is None:
            return 0.0
        return float(self._forest.likelihood(self._forest.codes(view.smooth, np.floor(window)))[0])

    def settled(self, view: View, box: Edges) -> tuple[Edges, float, float]:
        """Return `box` or, where that is more like the thing, one a pixel beside it or a little smaller or larger.

        And the relative and the conservative similarity of what is in it.
        """
        window = view.window(box)
        if window is None:
            return box, 0.0, 0.0
        candidates = around(window, _GROWTH)
        patches = view.patches(candidates)
        alike = self._patches.alike(patches)
        alike[UNMOVED] += _STAYS
        best = int(alike.argmax())
        relative, core = self._patches.similarity(patches[best : best + 1])
        return (box if best == UNMOVED else edges_of(candidates[best])), float(relative[0]), float(core[0])

    def most_alike(self, whole: View, size: Pair) -> tuple[Edges, float, float] | None:
        """Return what in the `whole` picture is most like the thing, and both its similarities."""
        peaks = self._peaks(whole, size)
        relative, _ = self._patches.similarity(whole.patches(peaks))
        windows = around(peaks[np.argsort(-relative, kind="stable")[:_LOOKED_AT]], _COARSE_GROWTH)
        relative, core = self._patches.similarity(whole.patches(windows))
        if not len(relative):
            return None
        best = int(relative.argmax())
        return edges_of(windows[best]), float(relative[best]), float(core[best])

    def unlearn(self, whole: View, size: Pair, box: Edges) -> None:
        """Learn what in the `whole` picture is taken for the thing and is away from its `box` there."""
        windows = self._peaks(whole, size)
        self._patches.unlearn(whole.patches(windows[overlaps(windows, box) < _AWAY]))

    def learn(self, found: Found, box: Edges, doubt: float) -> None:
        """Learn from what was looked at, the thing in `box`, unless it is less alike than `doubt`."""
        window = found.view.window(box)
        if window is None:
            return
        patch = found.view.patches(window)
        relative = float(self._patches.similarity(patch)[0][0])
        if relative < doubt:
            return
        shared = overlaps(found.windows, box)
        close = np.flatnonzero(shared > _CLOSE)
        close = close[np.argsort(-shared[close], kind="stable")[:_NEAREST]]
        self._forest.learn(found.codes[close[found.likelihoods[close] <= _TOLD]], own=True)
        self._forest.learn(found.codes[(shared < _AWAY) & (found.likelihoods >= _TAKEN)], own=False)
        mistaken = found.hits[(found.relative > MISTAKEN) & (overlaps(found.hits, box) < _AWAY)]
        if len(mistaken):
            self._patches.unlearn(found.view.patches(mistaken))
        self._patches.learn(patch)

    def _peaks(self, whole: View, size: Pair) -> Windows:
        """Return where the whole picture is like one of the patches, another each time."""
        if not self._patches.known:
            return np.empty((0, 4))
        self._looks += 1
        return places(whole, self._patches.own(self._looks), size, _PLACES)


def _warped(picture: Plane, window: NDArray[np.float64], random: np.random.Generator) -> tuple[Plane, Windows]:
    """Return one picture of the window turned, shifted, scaled and made noisy, smooth, and the windows in it."""
    x, y, width, height = (int(value) for value in window)
    found = []
    for _ in range(_WARPS):
        turn = cv2.getRotationMatrix2D(
            (x + width / 2, y + height / 2), random.uniform(-_TURN, _TURN), 1 + random.uniform(-_GROWN, _GROWN)
        )
        turn[:, 2] += random.uniform(-_SHIFT, _SHIFT, 2) * np.array((width, height)) - np.array((x, y))
        part = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        found.append(np.clip(part + random.normal(0, _NOISE, part.shape), 0, 255).astype(np.uint8))
    windows = np.zeros((_WARPS, 4))
    windows[:, 1] = np.arange(_WARPS) * height
    windows[:, 2:] = width, height
    return np.asarray(cv2.GaussianBlur(np.concatenate(found), (5, 5), 1.2), np.uint8), windows
