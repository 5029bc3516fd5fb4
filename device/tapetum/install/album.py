"""What the model in use saw lately: kept for the moment in which another one is to be compared with it.

At night, or where somebody seldom comes, nothing may happen in the time beside the old one, and a model that sees
nothing at all would agree with that. So some crops in which something was seen are kept with their answers, a few
megabytes: quickly at first, then now and then, so that they come from different times. Those of the model before go
when the one in use has seen something, and the model itself is not kept with them.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tapetum.inference.client import Watcher
from tapetum.inference.contract import ModelSpec
from tapetum.inference.decode import Floats
from tapetum.inference.model import Crop

_KEPT = 12
_AT_FIRST_S, _LATER_S = 1.0, 30.0  # between two that are kept: until there are so many, and then
_SURE = 0.5  # score


@dataclass(frozen=True, slots=True)
class Seen:
    """A batch that the model `spec` has answered. rows: as of `decode`, for each crop; ms: that all of them took."""

    spec: ModelSpec
    crops: Sequence[Crop]
    rows: Sequence[Floats]
    ms: float


class Album:
    """`heed` is called by the thread that asks the model in use; another one looks into it."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.also: Watcher | None = None  # hears of every batch too
        self._now_s = now_s
        self._lock = threading.Lock()
        self._kept: deque[Seen] = deque(maxlen=_KEPT)
        self._last_s = float("-inf")

    def heed(self, spec: ModelSpec, crops: Sequence[Crop], rows: Sequence[Floats], ms: float) -> None:
        """Keep the first crop in which something is seen, if it is time for one."""
        if also := self.also:
            also(spec, crops, rows, ms)
        now_s, others = self._now_s(), bool(self._kept) and self._kept[-1].spec.name != spec.name
        if now_s - self._last_s < (_AT_FIRST_S if others or len(self._kept) < _KEPT else _LATER_S):
            return
        for crop, found in zip(crops, rows, strict=True):
            if len(found) and found[:, 1].max() >= _SURE:
                with self._lock:
                    if others:
                        self._kept.clear()
                    self._kept.append(Seen(_described(spec), [crop], [found.copy()], ms))
                self._last_s = now_s
                return

    def of(self, model: str) -> list[Seen]:
        """Return what the model called so saw."""
        with self._lock:
            return [seen for seen in self._kept if seen.spec.name == model]


def _described(spec: ModelSpec) -> ModelSpec:
    """Return all that answers are read by, without what runs."""
    return replace(spec, content=b"", twins={}, probes=())
