"""What a thing looks like, and what is not it: two sets of small patches, and a forest of pixel comparisons.

Z. Kalal, K. Mikolajczyk and J. Matas, "Tracking-learning-detection", IEEE TPAMI 34(7):1409-1422, 2012, 4 and 5. Each
fern is 10 comparisons of two pixels of a window, whose answers are a number; for each number is known how often it was
the thing, and how often not.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane
from tapetum.tracking.tld.view import LENGTH, Windows

_FERNS, _COMPARISONS = 10, 10
_RARE = 0.5  # of an answer that was not the thing: of those there are far more
_MOST = 100  # patches of each kind; of more, one is forgotten at random
_SAME = 0.95  # likeness from which two patches are the same
_KNOWN, MISTAKEN = 0.65, 0.5  # relative similarity above which the thing is known, above which another is not
_AT_ONCE = 6  # of the worst mistakes are learned in a frame

Similarity = tuple[NDArray[np.float64], NDArray[np.float64]]
"""(n,) each: the relative and the conservative one, 0..1."""


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
        """Return (n, ferns) the answers in `windows` of `picture`, contiguous, all within it; those alike in a row."""
        found = np.empty((len(windows), _FERNS), np.intp)
        flat, stride = picture.reshape(-1), picture.shape[1]
        places = windows.astype(np.intp)
        ends = np.flatnonzero(np.any(np.diff(places[:, 2:], axis=0), axis=1)) + 1
        for first, last in pairwise([0, *ends.tolist(), len(places)]):
            if first < last:
                width, height = places[first, 2:].tolist()
                x, y = (self._points[:, 0] * width).astype(np.intp), (self._points[:, 1] * height).astype(np.intp)
                offsets = y * stride + x
                at = (places[first:last, 1] * stride + places[first:last, 0])[:, None]
                answers = flat.take(at + offsets[0]) > flat.take(at + offsets[1])
                found[first:last] = (answers.astype(np.float32).reshape(-1, _COMPARISONS) @ _BITS).reshape(-1, _FERNS)
        found += _PLACES
        return found

    def likelihood(self, codes: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return (n,) the mean share in which the answers were the thing's, 0..1."""
        return np.asarray(self._posterior.take(codes).mean(axis=1))

    def learn(self, codes: NDArray[np.intp], own: bool) -> None:
        """Count the answers `codes` as the thing's own or as another's."""
        if len(codes):
            touched = codes.reshape(-1)
            np.add.at(self._counts[int(own)], touched, 1)
            other, mine = self._counts[0].take(touched), self._counts[1].take(touched)
            self._posterior[touched] = mine / np.maximum(1, mine + _RARE * other)


_BITS = (1 << np.arange(_COMPARISONS)).astype(np.float32)
_PLACES = np.arange(_FERNS) << _COMPARISONS


class Patches:
    """Patches of the thing and of what is not it, (n, 275) each."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._own = np.zeros((0, LENGTH), np.float32)
        self._other = np.zeros((0, LENGTH), np.float32)

    @property
    def known(self) -> bool:
        """Whether any patch is the thing's own."""
        return len(self._own) > 0

    def own(self, number: int) -> NDArray[np.float32]:
        """Return a patch of the thing's own (275,), another for each number until all were seen."""
        return np.asarray(self._own[number % len(self._own)])

    def similarity(self, patches: NDArray[np.float32]) -> Similarity:
        """Return the similarity of `patches` (n, 275): how much nearer they are to the thing than to what is not it.

        The conservative one knows the first half of the thing's patches alone.
        """
        if not len(self._own):
            return np.zeros(len(patches)), np.zeros(len(patches))
        alike = patches @ self._own.T
        other = _nearest(patches, self._other)
        first = alike[:, : max(1, len(self._own) // 2)]
        return _relative(_best(alike), other), _relative(_best(first), other)

    def alike(self, patches: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (n,) the best correlation of `patches` (n, 275) with the thing's, as 0..1."""
        return _nearest(patches, self._own)

    def learn(self, patch: NDArray[np.float32]) -> None:
        """Add `patch` (1, 275) to the thing's own, unless it is told by a margin or known already."""
        relative = self.similarity(patch)[0]
        if not len(self._own) or (relative[0] <= _KNOWN and _nearest(patch, self._own)[0] < _SAME):
            self._own = self._added(self._own, patch)

    def unlearn(self, patches: NDArray[np.float32]) -> None:
        """Add those of `patches` (n, 275) that are taken for the thing to what is not it; the worst mistakes first."""
        relative = self.similarity(patches)[0]
        for index in np.argsort(-relative, kind="stable")[:_AT_ONCE]:
            patch = patches[index : index + 1]
            if relative[index] <= MISTAKEN or self.similarity(patch)[0][0] <= MISTAKEN:
                continue
            if _nearest(patch, self._other)[0] < _SAME:
                self._other = self._added(self._other, patch)

    def begin_with(self, others: NDArray[np.float32]) -> None:
        """Take `others` (n, 275) for what is not the thing, whatever they look like, none twice."""
        for index in range(len(others)):
            patch = others[index : index + 1]
            if _nearest(patch, self._other)[0] < _SAME:
                self._other = self._added(self._other, patch)

    def _added(self, known: NDArray[np.float32], patch: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(known) >= _MOST:
            known = np.delete(known, int(self._random.integers(1, _MOST)), axis=0)
        return np.concatenate([known, patch])


def _nearest(patches: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (n,) the best correlation with one that is known, as 0..1; 0 where none is."""
    return _best(patches @ known.T) if len(known) else np.zeros(len(patches))


def _best(alike: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (alike.max(axis=1) + 1), np.float64)


def _relative(own: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return (1 - other) / np.maximum(1e-6, 2 - own - other)
