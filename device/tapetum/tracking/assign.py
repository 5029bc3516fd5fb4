"""Which region is which track: the assignment of least total cost.

R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
Computing 38:325-340, 1987, by the package `lap`.
"""

from collections.abc import Sequence

import lap
import numpy as np

from tapetum.scene import Box

_SHRINKS = 0.1  # of the larger's area: a thing does not become so much smaller in a frame, what it leaves behind does
_FAR = 1.0  # the cost of a pair that shares nothing


def assign(predicted: Sequence[Box], regions: Sequence[Box], cost_limit: float) -> dict[int, int]:
    """Return track index -> region index of the pairs whose cost is at most `cost_limit` (0 alike .. 1 apart)."""
    if not predicted or not regions:
        return {}
    cost = np.array([[_cost(box, region) for region in regions] for box in predicted])
    _, rows, _ = lap.lapjv(cost, extend_cost=True, cost_limit=cost_limit)
    return {track: int(region) for track, region in enumerate(rows) if region >= 0}


def _cost(box: Box, region: Box) -> float:
    """Half how little they overlap, half how little the smaller lies in the larger: parts of a body still match."""
    shared = box.overlap(region)
    smaller = min(box.area, region.area)
    if shared <= 0 or smaller < _SHRINKS * max(box.area, region.area):
        return _FAR
    return 1 - (box.iou(region) + shared / smaller) / 2
