"""Where the camera looks: whether it still sees what it saw, and if not, by how much that has shifted.

A few dozen patches around corners of the scene are remembered. Each is compared with the same place of a new picture by
its normalised correlation, which no lamp and no exposure changes much, so that a light is told from a move; whoever
walks covers a few patches, a move of the camera changes all. By how far it moved is searched for only then, by the
patches that have most to say, and believed where most of them agree.

Corners: J. Shi and C. Tomasi, "Good features to track", CVPR 1994. Correlation: J. P. Lewis, "Fast normalized
cross-correlation", Vision Interface 1995.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane

_GRID = (4, 8)  # parts of the picture, one patch each: no one thing has most of them
_FAINTEST, _ABOVE = 2.0, 1.0  # luma steps, and times the noise: the least standard deviation of a patch
_FEWEST = 8  # patches, from which a view says something
_SIDE = 1 / 32  # of the picture's width: a patch
_SMALLEST = 8  # pixels of a patch's side
_ALIKE = 0.5  # correlation: still there; by night 0.8 and more where the camera rests, below 0.2 in another view
_BY_CHANCE = 0.44  # of the patches, and of those of a quarter of the picture: no more are alike in another view;
_OF_A_QUARTER = 0.75  # where people walk by, six tenths of all still are, and of a quarter nearly all
_SOME = 4  # patches of a quarter: of fewer, all may be alike by chance
_STEADY = 0.6  # correlation from which a patch is learned
_RATE = 0.05  # of the way to each picture that is learned
_EACH, _EVERY = 20, 4  # pictures that are all learned, until a patch's own noise is averaged away; later every fourth
_SEARCHED = 12  # patches that are searched for
_REACH = 1 / 24  # of the picture's width: how far
_AGREE = 0.5  # of those searched for: more agree on a shift, and it is the camera's
_NEAR = 1.0  # pixels between those that agree
_FOUND = 0.7  # correlation of a patch that was found
_SECOND = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_SIGMA_OF_MEDIAN = 1.4826  # a normal distribution's standard deviation over its median deviation
_AVERAGED = 16  # pixels in each of those that are compared, and times less is their noise's variance

Shift = tuple[float, float]
"""Right and down, in pixels of the luma."""


class View:
    """Patches of one picture; (h, w) uint8 of this size alone can be compared with it.

    clarity: the correlation that its noise leaves with a picture of the same, 0..1, the median of the patches'.
    """

    def __init__(self, luma: Plane) -> None:
        """Remember what is seen in `luma`."""
        self.shape = luma.shape
        self._smooth: Plane = np.empty(luma.shape, np.uint8)
        self._half: Plane = np.empty((luma.shape[0] // 2, luma.shape[1] // 2), np.uint8)
        self._side = max(_SMALLEST, round(luma.shape[1] * _SIDE))
        noise = _noise(luma)
        self._corners = self._chosen(luma, noise)
        middle = np.array(luma.shape[::-1]) // 2
        self._quarters = (self._corners >= middle) @ np.array([1, 2])
        self._all = _places(self._corners - self._side // 2, self._side, luma.shape[1])
        self._halves = _places((self._corners - self._side // 2) // 2, self._side // 2 + 1, luma.shape[1] // 2)
        self._patches = self._of(luma)
        self._averages = self._compared(luma)
        self._seen = 0  # pictures that were to be learned
        self.clarity = self._clarity(noise)

    @property
    def says(self) -> bool:
        """Whether there is enough to be seen in it to tell it from another."""
        return len(self._corners) >= _FEWEST

    def alike(self, luma: Plane) -> NDArray[np.float32]:
        """Return how alike each patch is in `luma`, (n,) from -1 to 1."""
        now = self._compared(luma)
        power = np.einsum("ij,ij->i", now, now) * np.einsum("ij,ij->i", self._averages, self._averages)
        return np.asarray(np.einsum("ij,ij->i", now, self._averages) / np.sqrt(power + 1.0), np.float32)

    def gone(self, found: NDArray[np.float32]) -> bool:
        """Return whether, with patches `found` so much alike, all of the view is gone, and not behind a thing."""
        there = found > _ALIKE
        quarters = [there[self._quarters == quarter] for quarter in range(4)]
        shares = [np.count_nonzero(one) / one.size for one in quarters if one.size >= _SOME]
        return alike(found) <= _BY_CHANCE and max(shares, default=0.0) <= _OF_A_QUARTER

    def learn(self, luma: Plane, found: NDArray[np.float32]) -> None:
        """Follow what changes slowly, in `luma`, which was just `found` alike."""
        self._seen += 1
        if self._seen > _EACH and self._seen % _EVERY:
            return
        steady = found > _STEADY
        rate = max(_RATE, 1 / (self._seen + 1))
        for patches, now in ((self._patches, self._of(luma)), (self._averages, self._compared(luma))):
            patches[steady] += rate * (now - patches)[steady]

    def shift(self, luma: Plane) -> Shift | None:
        """Return by how much the view has shifted in `luma`; None where most patches agree on nothing."""
        contrast = np.einsum("ij,ij->i", self._patches, self._patches)
        best = np.argsort(-contrast)[:_SEARCHED]
        found = np.array([one for one in (self._search(luma, int(index)) for index in best) if one is not None])
        if len(found) <= _AGREE * len(best):
            return None
        middle = np.median(found, axis=0)
        near = np.abs(found - middle).max(axis=1) <= _NEAR
        if np.count_nonzero(near) <= _AGREE * len(best):
            return None
        right, down = found[near].mean(axis=0)
        return float(right), float(down)

    def _chosen(self, luma: Plane, noise: float) -> NDArray[np.intp]:
        """Return (n, 2) x and y of the best corner of each part of the picture that has one above the noise."""
        height, width = luma.shape
        margin = self._side
        if min(height, width) < 4 * margin:
            return np.zeros((0, 2), np.intp)
        smooth = cv2.blur(luma, (3, 3))
        corner = cv2.cornerMinEigenVal(smooth, self._side, ksize=3)
        rows, columns = (
            np.linspace(margin, side - margin, n + 1).astype(int) for side, n in zip(luma.shape, _GRID, strict=True)
        )
        found = []
        for top, bottom in pairwise(rows):
            for left, right in pairwise(columns):
                _, _, _, (x, y) = cv2.minMaxLoc(corner[top:bottom, left:right])
                x, y = x + left, y + top
                half = self._side // 2
                patch = smooth[y - half : y + half, x - half : x + half]
                if np.std(patch) > max(_FAINTEST, _ABOVE * noise):
                    found.append((x, y))
        return np.array(found, np.intp).reshape(-1, 2)

    def _of(self, luma: Plane) -> NDArray[np.float32]:
        """Return the patches of `luma`, (n, pixels), smoothed over 3x3, each with its mean taken off: to search for."""
        patches = cv2.blur(luma, (3, 3), dst=self._smooth).ravel().take(self._all).astype(np.float32)
        return np.asarray(patches - patches.mean(axis=1, keepdims=True), np.float32)

    def _compared(self, luma: Plane) -> NDArray[np.float32]:
        """Return the same at every other pixel each way, smoothed over 4x4: to compare, in a quarter of the time."""
        height, width = self._half.shape
        cv2.resize(luma[: 2 * height, : 2 * width], (width, height), dst=self._half, interpolation=cv2.INTER_AREA)
        side = self._side // 2 + 1
        parts = self._half.ravel().take(self._halves).reshape(-1, side, side).astype(np.float32)
        rows = parts[:, 1:] + parts[:, :-1]
        patches = (0.25 * (rows[:, :, 1:] + rows[:, :, :-1])).reshape(len(parts), (side - 1) ** 2)
        return np.asarray(patches - patches.mean(axis=1, keepdims=True), np.float32)

    def _clarity(self, noise: float) -> float:
        if not self.says:
            return 0.0
        power = np.mean(np.square(self._averages), axis=1)
        return float(np.median(np.maximum(0.0, power - noise**2 / _AVERAGED) / (power + 1e-3)))

    def _search(self, luma: Plane, index: int) -> Shift | None:
        x, y = self._corners[index]
        reach, half = max(2, round(luma.shape[1] * _REACH)), self._side // 2
        left, top = max(0, x - half - reach), max(0, y - half - reach)
        around = luma[top : y - half + self._side + reach, left : x - half + self._side + reach]
        patch = self._patches[index].reshape(self._side, self._side)
        match = np.asarray(cv2.matchTemplate(around.astype(np.float32), patch, cv2.TM_CCOEFF_NORMED), np.float32)
        _, best, _, (column, row) = cv2.minMaxLoc(match)
        if best < _FOUND:
            return None
        right = column + _between(match[row], column) + left - (x - half)
        return float(right), float(row + _between(match[:, column], row) + top - (y - half))


def _places(corners: NDArray[np.intp], side: int, width: int) -> NDArray[np.intp]:
    """Return (n, side * side) where in a plane of `width` columns are the squares that begin at `corners` (n, 2)."""
    offsets = np.arange(side)
    inside = (offsets[:, None] * width + offsets).ravel()
    return np.asarray((corners @ np.array([1, width]))[:, None] + inside, np.intp)


def alike(found: NDArray[np.float32]) -> float:
    """Return the share of patches that are still there."""
    return np.count_nonzero(found > _ALIKE) / max(1, found.size)


def _noise(luma: Plane) -> float:
    """Return the standard deviation of the noise in luma steps, by what is no edge: the median second difference.

    J. Immerkaer, "Fast noise variance estimation", CVIU 64(2):300-302, 1996; the median, since a scene has edges.
    """
    found = np.abs(cv2.filter2D(luma, cv2.CV_16S, _SECOND)[::3, ::3])
    return float(np.median(found)) * _SIGMA_OF_MEDIAN / 6


def _between(values: NDArray[np.float32], at: int) -> float:
    """Return where, from `at` on, the parabola through it and its neighbours is highest."""
    if not 0 < at < values.size - 1:
        return 0.0
    before, here, after = (float(value) for value in values[at - 1 : at + 2])
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
