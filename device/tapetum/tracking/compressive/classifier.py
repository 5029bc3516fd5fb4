"""What tells the thing from its surroundings by its features: ridge regression that learns as it goes.

Compressive tracking as published takes features for independent and weighs them by Bayes' rule. They are not: the
rectangles lie on each other. Here their covariance is kept, and the weights that best give 1 where the thing is and 0
beside it are solved for; what the first picture said keeps its share, since a thing that is learned anew in each frame
drifts.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.tracking.compressive.features import PLACES

_SPREAD = 0.8  # cells: standard deviation of the wanted score
_MIDDLE = 0.2  # of the weight of all places has once more where the thing is
_RIDGE = 0.02  # of the mean variance of a feature
_KEPT = 0.2  # of what is known is the first picture's
_NOTHING = 1e-6
_PARTS = 2  # of the places is learned from in turn: as on a chessboard

Weights = NDArray[np.float32]
"""(features,) or (places,)."""


class Classifier:
    """The covariance of the features and, last among them, the wanted score, at first and since."""

    def __init__(self, features: NDArray[np.float32]) -> None:
        """Begin with the `features` (features, places), the thing in the middle place."""
        self._lessons = 0
        self._first = self._shown(features, 0, 0)
        self._since = self._first.copy()

    def learn(self, features: NDArray[np.float32], x: float, y: float, rate: float) -> None:
        """Go `rate` of the way to what `features` show, the thing `x` and `y` cells off the middle."""
        cv2.accumulateWeighted(self._shown(features, x, y), self._since, rate)

    def weights(self) -> Weights:
        """Return by how much each feature tells of the thing."""
        known = cv2.addWeighted(self._first, _KEPT, self._since, 1 - _KEPT, 0)
        own = np.ascontiguousarray(known[:-1, :-1], np.float32)
        own.ravel()[:: len(own) + 1] += np.float32(_RIDGE * float(own.trace()) / len(own) + _NOTHING)
        return np.asarray(cv2.solve(own, known[:-1, -1], flags=cv2.DECOMP_CHOLESKY)[1], np.float32).ravel()

    def _shown(self, features: NDArray[np.float32], x: float, y: float) -> NDArray[np.float32]:
        """Return (features + 1, features + 1) how all hang together, in the next part of the places."""
        self._lessons += 1
        places = slice(self._lessons % _PARTS, None, _PARTS)
        wanted = _wanted(x, y)[places]
        shares = (1 / len(wanted) + _MIDDLE / float(wanted.sum()) * wanted) / np.float32(1 + _MIDDLE)
        both = np.concatenate([features[:, places], wanted[None]])
        both -= (both @ shares)[:, None]
        both *= np.sqrt(shares)
        return np.asarray(both @ both.T)


def _wanted(x: float, y: float) -> Weights:
    """Return (places,) the wanted scores; none is so small that it would be slow to reckon with."""
    across, down = (np.exp(np.maximum(-_FAR, np.square(_AWAY - off) / (-2 * _SPREAD**2))) for off in (x, y))
    return np.outer(down, across).astype(np.float32).ravel()


_AWAY = np.arange(PLACES) - PLACES // 2
_FAR = 20.0  # of the exponent
