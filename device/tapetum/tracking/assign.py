"""Which region is which track: the assignment of least total cost.

R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
Computing 38:325-340, 1987, by the package `lap`.
"""

from collections.abc import Sequence

import lap
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box

_SHRINKS = 0.1  # of the larger's area: a thing does not become so much smaller in a frame, what it leaves behind does
_FAR = 1.0  # the cost of a pair that shares nothing
_LEAST = 1e-12  # an area that nothing has: it keeps a division by 0 away

Edges = NDArray[np.float64]
"""(..., 4): left, top, right, bottom."""


def assign(predicted: Sequence[Box], regions: Sequence[Box], cost_limit: float) -> dict[int, int]:
    """Return track index -> region index of the pairs whose cost is at most `cost_limit` (0 alike .. 1 apart)."""
    if not predicted or not regions:
        return {}
    cost = _costs(_edges(predicted)[:, None], _edges(regions)[None])
    _, rows, _ = lap.lapjv(cost, extend_cost=True, cost_limit=cost_limit)
    return {track: int(region) for track, region in enumerate(rows) if region >= 0}


def _edges(boxes: Sequence[Box]) -> Edges:
    return np.array([(box.left, box.top, box.right, box.bottom) for box in boxes])


def _costs(boxes: Edges, regions: Edges) -> NDArray[np.float64]:
    """Half how little they overlap, half how little the smaller lies in the larger: parts of a body still match."""
    shared = _areas(np.maximum(boxes[..., :2], regions[..., :2]), np.minimum(boxes[..., 2:], regions[..., 2:]))
    own, others = (_areas(edges[..., :2], edges[..., 2:]) for edges in (boxes, regions))
    smaller, larger = np.minimum(own, others), np.maximum(own, others)
    alike = (shared / np.maximum(own + others - shared, _LEAST) + shared / np.maximum(smaller, _LEAST)) / 2
    return np.where((shared > 0) & (smaller >= _SHRINKS * larger), 1 - alike, _FAR)


def _areas(first: Edges, last: Edges) -> NDArray[np.float64]:
    """Return the areas between the corners `first` and `last`; 0 for what is empty."""
    sides = np.maximum(last - first, 0)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float64)
