"""Crops over which a worker died: one that did that to two is not shown to a third."""

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence

from tapetum.inference.model import Crop

_TWICE = 2
_REMEMBERED = 256


class Quarantine:
    """Remembers crops by what their pixels are; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._culprits: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many are not to be shown any more."""
        with self._lock:
            return sum(count >= _TWICE for count in self._culprits.values())

    def blame(self, crops: Sequence[Crop]) -> None:
        """Remember that a worker died over one of these."""
        with self._lock:
            self._culprits.update({_fingerprint(crop) for crop in crops})
            while len(self._culprits) > _REMEMBERED:
                del self._culprits[next(iter(self._culprits))]

    def clear(self) -> None:
        """Forget all: another model is asked from now on."""
        with self._lock:
            self._culprits.clear()

    def holds(self, crops: Sequence[Crop]) -> bool:
        """Whether one of these is not to be shown any more."""
        with self._lock:
            return any(self._culprits[_fingerprint(crop)] >= _TWICE for crop in crops if self._culprits)


def _fingerprint(crop: Crop) -> str:
    return hashlib.blake2b(crop.pixels.tobytes(), digest_size=16).hexdigest()
