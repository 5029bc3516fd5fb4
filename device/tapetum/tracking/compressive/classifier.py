"""What tells the thing from its surroundings by its features: ridge regression that learns as it goes.

Compressive tracking as published takes features for independent and weighs them by Bayes' rule. They are not: the
rectangles lie on each other. Here their covariance is kept, and the weights that best give 1 in the middle and 0 beside
it are solved for; what the first picture said keeps its share, since a thing that is learned anew in each frame drifts.
"""

import numpy as np
from numpy.typing import NDArray

from tapetum.tracking.compressive.features import PLACES

_SPREAD = 1.6  # pixels: standard deviation of the wanted score
_STEP = 4  # pixels between the places that are learned, the grid another each time
_MIDDLE = 0.2  # of the weight of all of them have the nine in the middle
_RIDGE = 0.03  # of the mean variance of a feature
_KEPT = 0.4  # of what is known is the first picture's
_NOTHING = 1e-6

Features = NDArray[np.float32]
"""(n, features)."""


class Classifier:
    """The covariance of the features and of each with the wanted score, at first and since."""

    def __init__(self, count: int) -> None:
        self._first = self._since = np.zeros((count, count + 1), np.float32)
        self._ridge = np.eye(count, dtype=np.float32)
        self.places, self._shares = _MIDDLE_PLACES, np.ones(len(_MIDDLE_PLACES), np.float32)
        self._begun = False

    def draw(self, random: np.random.Generator) -> NDArray[np.intp]:
        """Return the places (n,) whose features are wanted: a grid that lies elsewhere each time, and the middle."""
        row, column = random.integers(0, _STEP, 2)
        grid = (np.arange(row, PLACES, _STEP)[:, None] * PLACES + np.arange(column, PLACES, _STEP)).ravel()
        middle, rest = _MIDDLE / len(_MIDDLE_PLACES), 1.0 / len(grid)
        self.places = np.concatenate([_MIDDLE_PLACES, grid])
        self._shares = np.repeat(np.array([middle, rest], np.float32), [len(_MIDDLE_PLACES), len(grid)]) / np.float32(
            1 + _MIDDLE
        )
        return self.places

    def learn(self, features: Features, rate: float) -> NDArray[np.float32]:
        """Go `rate` of the way to what the drawn places show; return the weights (features,)."""
        wanted = _WANTED[self.places]
        both = np.concatenate([features, wanted[:, None]], axis=1)
        both -= self._shares @ both
        found = (both[:, :-1] * self._shares[:, None]).T @ both
        if self._begun:
            self._since += np.float32(rate) * (found - self._since)
        else:
            self._first, self._since, self._begun = found, found.copy(), True
        known = self._since + np.float32(_KEPT) * (self._first - self._since)
        ridge = _RIDGE * float(known[:, :-1].trace()) / len(known) + _NOTHING
        return np.linalg.solve(known[:, :-1] + np.float32(ridge) * self._ridge, known[:, -1]).astype(np.float32)


_AWAY = np.arange(PLACES) - PLACES // 2
_WANTED = np.exp(-(np.square(_AWAY)[:, None] + np.square(_AWAY)) / (2 * _SPREAD**2)).astype(np.float32).ravel()
"""The wanted score of each place."""
_MIDDLE_PLACES = np.array([(PLACES // 2 + y) * PLACES + PLACES // 2 + x for y in (-1, 0, 1) for x in (-1, 0, 1)])
