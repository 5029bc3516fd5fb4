"""Where boxes will be: an alpha-beta filter for the centres and the sizes of all things at once.

The steady state of a Kalman filter with constant velocity, at a fraction of its cost. P. R. Kalata, "The tracking
index", IEEE Transactions on Aerospace and Electronic Systems 20(2):174-182, 1984, gives beta for an alpha.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box

_ALPHA = 0.6  # of the way to a measured centre: motion regions are good to a few pixels, people turn quickly
_BETA = 0.25  # Kalata's relation gives 0.27 for alpha = 0.6
SIZE = 0.3
"""Of the way to a measured size: arms and shadows come and go, bodies do not grow in a frame."""
_KNOWN = 0.7  # of the way to where, and how large, a model has seen it
_SLOWEST_S = 0.02  # seconds: frames closer together are taken as this far apart
_BELIEVED_S = 0.5  # for which a way is carried on

Edges = NDArray[np.float64]
"""(n, 4): left, top, right, bottom, fractions of the frame."""
Rows = Sequence[int] | NDArray[np.intp]


def edges(boxes: Sequence[Box]) -> Edges:
    """Return `boxes` as rows of numbers."""
    return np.array([(box.left, box.top, box.right, box.bottom) for box in boxes], np.float64).reshape(-1, 4)


class Predictors:
    """The filtered centres, sizes and velocities of things, a row each; fractions of the frame, and per second."""

    def __init__(self) -> None:
        self._state = np.zeros((6, 0))  # x, y, width, height, and the speed of x and y
        self._t_s = np.zeros(0)

    def __len__(self) -> int:
        return len(self._t_s)

    @property
    def boxes(self) -> Edges:
        """Where the filter holds all to be."""
        return _around(self._state[:2], self._state[2:4])

    @property
    def velocity(self) -> NDArray[np.float64]:
        """(n, 2): of x and y, a second."""
        return self._state[4:].T

    def add(self, boxes: Edges, t_ns: int) -> None:
        """Begin a row for each of `boxes`, seen at `t_ns`, at rest."""
        first, last = boxes.T[:2], boxes.T[2:]
        begun = np.concatenate([(first + last) / 2, last - first, np.zeros_like(first)])
        self._state = np.concatenate([self._state, begun], axis=1)
        self._t_s = np.concatenate([self._t_s, np.full(len(boxes), t_ns / 1e9)])

    def keep(self, rows: Rows) -> None:
        """Forget all but `rows`, which are numbered anew in that order."""
        at = np.asarray(rows, np.intp)
        self._state, self._t_s = self._state[:, at], self._t_s[at]

    def predicted(self, t_ns: int) -> Edges:
        """Return where all will be at `t_ns`, their size unchanged; for half a second at most a way is believed."""
        ahead = self._state[4:] * _ahead(t_ns / 1e9 - self._t_s)
        ahead += self._state[:2]
        return _around(ahead, self._state[2:4])

    def correct(self, rows: Rows, boxes: Edges, t_ns: int, growth: float | NDArray[np.float64] = SIZE) -> None:
        """Take in where `rows` were measured at `t_ns`.

        growth: of the way to the measured size, 0..1; 0 where the box is known to be someone else's as well.
        """
        at = np.asarray(rows, np.intp)
        since_s = t_ns / 1e9 - self._t_s[at]
        state = self._state.take(at, 1)
        place, size, velocity = state[:2], state[2:4], state[4:]
        first, last = boxes.T[:2], boxes.T[2:]
        place += velocity * _ahead(since_s)
        off = (first + last) / 2 - place
        place += _ALPHA * off
        velocity += off * (_BETA / np.maximum(_SLOWEST_S, since_s))
        size += growth * (last - first - size)
        self._state[:, at] = state
        self._t_s[at] = t_ns / 1e9

    def amend(self, rows: Rows, was: Edges, boxes: Edges) -> None:
        """Take `rows`, held to be where they `was` some time ago, to have been in `boxes` then, most of the way."""
        at, first, last = np.asarray(rows, np.intp), (boxes - was).T[:2], (boxes - was).T[2:]
        self._state[:2, at] += _KNOWN * (first + last) / 2
        self._state[2:4, at] += _KNOWN * (last - first)

    def take_over(self, row: int, other: int) -> None:
        """Let `row` be where `other` is, and as fast."""
        self._state[:, row], self._t_s[row] = self._state[:, other], self._t_s[other]

    def rest(self, rows: Rows) -> None:
        """Forget how fast `rows` were: what is not seen is not carried on."""
        self._state[4:, np.asarray(rows, np.intp)] = 0.0

    def shift(self, x: float, y: float) -> None:
        """Take all to have moved by (x, y), since the camera did."""
        self._state[:2] += [[x], [y]]


def _around(place: NDArray[np.float64], size: NDArray[np.float64]) -> Edges:
    half = size / 2
    return np.concatenate([place - half, place + half]).T


def _ahead(since_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for how long a way is carried on; not at all where the clock was set back."""
    return np.minimum(_BELIEVED_S, np.maximum(0.0, since_s))
