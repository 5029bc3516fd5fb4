"""Which box is which track: the assignment of least total cost.

Only pairs that share something are weighed. Those in which each has no other choice are taken as they are, which
changes no sum; what is left is solved by R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense
and sparse linear assignment problems", Computing 38:325-340, 1987, by the package `lap`.
"""

import lap
import numpy as np
from numpy.typing import NDArray

from tapetum.tracking.predict import Edges

_SHRINKS = 0.1  # of the larger's area: a thing does not become so much smaller in a frame, what it leaves behind does
_CRUMB = _SHRINKS / (1 + _SHRINKS)  # the same, of the area of both
_FAR = np.inf  # the cost of such a pair
_LEAST = 1e-12  # an area that nothing has: it keeps a division by 0 away

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Tracks, and the box that each has, of the same length."""


def assign(predicted: Edges, offered: Edges, cost_limit: float, extra: NDArray[np.float64] | None = None) -> Pairs:
    """Return the pairs whose cost is at most `cost_limit`, 0 alike .. 1 apart, each box for one track at most.

    extra: for each offered box what is added to its costs: those that are trusted less come second.
    """
    rows, columns = _touching(predicted, offered)
    if not len(rows):
        return rows, columns
    cost = costs(predicted, offered, rows, columns)
    if extra is not None:
        cost = cost + extra[columns]
    near = (cost <= cost_limit).nonzero()[0]
    rows, columns = rows.take(near), columns.take(near)
    if len(near) < 2:
        return rows, columns
    choices = np.bincount(rows).take(rows) * np.bincount(columns).take(columns)
    rest = (choices > 1).nonzero()[0]
    if not len(rest):
        return rows, columns
    single = (choices == 1).nonzero()[0]
    found, taken = _solved(rows.take(rest), columns.take(rest), cost.take(near.take(rest)), cost_limit)
    return np.concatenate([rows.take(single), found]), np.concatenate([columns.take(single), taken])


def _solved(rows: NDArray[np.intp], columns: NDArray[np.intp], cost: NDArray[np.float64], cost_limit: float) -> Pairs:
    """Return the pairs of least cost among those given; leaving out a track and a box costs `cost_limit`."""
    (own, row), (others, column) = _numbered(rows), _numbered(columns)
    side = max(len(own), len(others))
    square = np.full((side, side), cost_limit)  # a pair that costs as much as leaving it out: it is left out
    square[row, column] = cost
    _, found, _ = lap.lapjv(square)
    found = found[: len(own)]
    taken = (square[np.arange(len(own)), found] < cost_limit).nonzero()[0]
    return own.take(taken), others.take(found.take(taken))


def _numbered(values: NDArray[np.intp]) -> Pairs:
    """Return the different `values`, rising, and which of them each is."""
    counts = np.bincount(values)
    there = counts.nonzero()[0]
    counts[there] = np.arange(len(there))
    return there, counts.take(values)


def _touching(boxes: Edges, others: Edges) -> Pairs:
    """Return the pairs that share something; in single precision, since those that barely do are none in the end."""
    if len(boxes) == len(others) == 1:  # most of what is ever asked
        (left, top, right, bottom), one = others[0].tolist(), boxes[0].tolist()
        there = int(one[0] < right and one[2] > left and one[1] < bottom and one[3] > top)
        return np.zeros(there, np.intp), np.zeros(there, np.intp)
    left, top, right, bottom = np.ascontiguousarray(others.T, np.float32)
    one = np.ascontiguousarray(boxes.T, np.float32)[:, :, None]
    touching = one[0] < right
    touching &= one[2] > left
    touching &= one[1] < bottom
    touching &= one[3] > top
    rows, columns = np.divmod(np.flatnonzero(touching), max(1, len(others)))
    return rows, columns


def costs(boxes: Edges, others: Edges, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """Half how little the two of a pair overlap, half how little the smaller lies in the larger, 0 alike .. 1 apart.

    So parts of a body still match. The pairs are those of `rows` of `boxes` and `columns` of `others`, and touch.
    """
    one, other = boxes.T.take(rows, 1), others.T.take(columns, 1)
    sides = np.minimum(one[2:], other[2:])
    sides -= np.maximum(one[:2], other[:2])
    shared = sides[0] * sides[1]
    one, other = one[2:] - one[:2], other[2:] - other[:2]
    own, its = one[0] * one[1], other[0] * other[1]
    smaller, both = np.minimum(own, its), own + its
    alike = shared / (both - shared)
    alike += shared / np.maximum(_LEAST, smaller)
    alike *= -0.5
    alike += 1
    alike[smaller <= _CRUMB * both] = _FAR
    return np.asarray(alike)


def areas(first: Edges, last: Edges) -> NDArray[np.float64]:
    """Return the areas between the corners `first` and `last`; 0 for what is empty."""
    sides = np.maximum(last - first, 0)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float64)


def overlaps(boxes: Edges, others: Edges) -> NDArray[np.float64]:
    """Return (n, m): the area that each of `boxes` shares with each of `others`."""
    one, other = boxes[:, None], others[None]
    return areas(np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:], other[..., 2:]))
