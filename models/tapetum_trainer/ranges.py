"""What an activation is held to stand for: from the numbers that it took on pictures, to the ends of its 256 steps.

Two things are told apart from the least and the greatest number of all pictures:

* **Outliers.** A picture may drive an activation a hundred times further than all others do, and its steps would then
  be a hundred times too coarse for them. An end lies no further outside of the median picture's than the median
  picture spans. (BlazeFace, 60 pictures: its scores reach -8602 in one and -120 in the median. The quantizer's own
  way, a moving average, would cut the other end too: most pictures show nothing, so no score could pass 0.5.)
* **What goes into a sigmoid.** Beyond +-6.24 the sigmoid is nearer to its end than half a step of its int8 output
  (1/256), so steps are not spent there.
"""

from typing import Any

import numpy as np

LOGIT = 6.24
"""The logarithm of the odds 511 : 1."""


def collected(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of a tensor, with one picture more: `ends`, a pair (least, greatest) for each."""
    if not new:
        return old
    return {**new, "ends": [*_ends(old), *_ends(new)]}


def _ends(seen: dict[str, Any]) -> list[tuple[float, float]]:
    if "ends" in seen:
        return list(seen["ends"])
    return [(float(np.min(seen["min"])), float(np.max(seen["max"])))] if seen else []


def settled(seen: dict[str, Any], into_sigmoid: bool) -> dict[str, Any]:
    """Return the `min` and `max` to quantize with, of what was collected, in the quantizer's form."""
    if not seen:
        return seen
    least, greatest = np.array(_ends(seen)).T
    spans = float(np.median(greatest - least))
    low = max(float(least.min()), float(np.median(least)) - spans)
    high = min(float(greatest.max()), float(np.median(greatest)) + spans)
    if into_sigmoid:
        low, high = (float(np.clip(end, -LOGIT, LOGIT)) for end in (low, high))
    return set_to(seen, low, high)


def set_to(seen: dict[str, Any], low: float, high: float) -> dict[str, Any]:
    """Return the same, from `low` to `high`."""
    return {"min": np.full_like(seen["min"], low), "max": np.full_like(seen["max"], high)}
