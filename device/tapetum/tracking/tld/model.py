"""What a thing looks like, and what is not it: two sets of small patches, and a forest of pixel comparisons.

Z. Kalal, K. Mikolajczyk and J. Matas, "Tracking-learning-detection", IEEE TPAMI 34(7):1409-1422, 2012, 4 and 5. Each
fern is 10 comparisons of two pixels of a window, whose answers are a number; for each number is known how often it was
the thing, and how often not.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane

SIDE = 15  # pixels of a patch
_FERNS, _COMPARISONS = 10, 10
_BLUR = 1.2  # pixels: standard deviation, so that noise decides no comparison
_RARE = 0.5  # of an answer that was not the thing: of those there are far more
_MOST = 100  # patches of each kind; of more, one is forgotten at random
_SAME = 0.95  # correlation from which two patches are the same

Windows = NDArray[np.intp]
"""(n, 4): left, top, width, height, pixels."""


class Forest:
    """The ferns, and the counts of their answers."""

    def __init__(self, random: np.random.Generator) -> None:
        self._points = random.uniform(0.0, 1.0, (2, 2, _FERNS * _COMPARISONS))
        self._points[1, :, ::2] = np.clip(
            self._points[0, :, ::2] + random.uniform(-0.3, 0.3, (2, _FERNS * _COMPARISONS // 2)), 0, 0.999
        )
        self._counts = np.zeros((2, _FERNS << _COMPARISONS), np.float32)
        self._posterior = np.zeros(_FERNS << _COMPARISONS, np.float32)

    def codes(self, picture: Plane, windows: Windows) -> NDArray[np.intp]:
        """Return (n, ferns) the answers in `windows` of `picture`, contiguous, all within it; sizes may differ."""
        found = np.empty((len(windows), _FERNS), np.intp)
        flat, stride = np.asarray(cv2.GaussianBlur(picture, (5, 5), _BLUR)).reshape(-1), picture.shape[1]
        for width, height in {(int(one[2]), int(one[3])) for one in windows}:
            own = (windows[:, 2] == width) & (windows[:, 3] == height)
            x, y = (self._points[:, 0] * width).astype(np.intp), (self._points[:, 1] * height).astype(np.intp)
            at = (windows[own, 1] * stride + windows[own, 0])[:, None]
            first, second = (flat.take(at + (y[one] * stride + x[one])) for one in (0, 1))
            answers = (first > second).reshape(-1, _FERNS, _COMPARISONS)
            found[own] = answers @ (1 << np.arange(_COMPARISONS))
        return found + (np.arange(_FERNS) << _COMPARISONS)

    def likelihood(self, codes: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return (n,) the mean share in which the answers were the thing's, 0..1."""
        return np.asarray(self._posterior.take(codes).mean(axis=1))

    def learn(self, codes: NDArray[np.intp], own: bool) -> None:
        """Count the answers `codes` as the thing's own or as another's."""
        np.add.at(self._counts[int(own)], codes.ravel(), 1)
        touched = np.unique(codes)
        other, mine = self._counts[:, touched]
        self._posterior[touched] = mine / np.maximum(1, mine + _RARE * other)


class Patches:
    """Patches of the thing and of what is not it, (n, 225), of mean 0 and length 1."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._own = np.zeros((0, SIDE**2), np.float32)
        self._other = np.zeros((0, SIDE**2), np.float32)

    def similarity(self, patches: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (n,) the relative and the conservative similarity of `patches` (n, 225), 0..1."""
        own = _nearest(patches, self._own)
        first = _nearest(patches, self._own[: max(1, len(self._own) // 2)])
        other = _nearest(patches, self._other)
        return _relative(own, other), _relative(first, other)

    def learn(self, patches: NDArray[np.float32], own: bool, all_of_them: bool = False) -> None:
        """Add those of `patches` that are not told right with a margin, or all, but none that is known already."""
        for one in patches:
            relative = float(self.similarity(one[None])[0][0])
            known = self._own if own else self._other
            wrong = relative <= 0.65 if own else relative > 0.5
            if (wrong or all_of_them or not len(known)) and _nearest(one[None], known)[0] < _SAME:
                known = np.concatenate([self._thinned(known), one[None]])
                self._own, self._other = (known, self._other) if own else (self._own, known)

    def _thinned(self, known: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(known) < _MOST:
            return known
        return np.delete(known, int(self._random.integers(1, _MOST)), axis=0)


def seen(picture: Plane, windows: Windows) -> NDArray[np.float32]:
    """Return the patches (n, 225) in `windows` of `picture`."""
    found = np.empty((len(windows), SIDE**2), np.float32)
    for index, (x, y, width, height) in enumerate(windows.tolist()):
        found[index] = cv2.resize(picture[y : y + height, x : x + width], (SIDE, SIDE)).ravel()
    found -= found.mean(axis=1, keepdims=True)
    found /= np.linalg.norm(found, axis=1, keepdims=True) + 1e-3
    return found


def _nearest(patches: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (n,) the best correlation with one that is known, as 0..1; 0 where none is."""
    if not len(known):
        return np.zeros(len(patches))
    return np.asarray(0.5 * ((patches @ known.T).max(axis=1) + 1), np.float64)


def _relative(own: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return (1 - other) / np.maximum(1e-6, 2 - own - other)
