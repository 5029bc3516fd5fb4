"""The picture that methods see: luma smoothed in squares of 3 x 3, so that little is left of a sensor's noise.

It is their mean. Where next to nothing is brighter than black by a dozen steps, by night before a camera that has no
gain left, it is their sum: a mean would round away what little there is. Where all is black but for the noise, there
is nothing to see, and it stays a mean.
"""

import cv2
import numpy as np

from tapetum.motion.levels import Samples, samples
from tapetum.scene import Plane

_SIZE = (3, 3)
_FULL = 255 // 9  # luma: the sum of nine that are brighter is cut off
_DIM = 12  # luma steps above black: what is brighter is bright enough
_FEW, _MANY = 0.002, 0.1  # of the picture are brighter: below the first it is dim, above the second no more
_BLACK, _LIGHT = 0.01, 0.9  # of the picture is no brighter than what is black, or light
_APART = 2  # luma steps from black to light: less is the edge between two steps
_SEEN, _STILL = 0.75, 0.6  # luma steps above black, on average: from the first something is seen, to the second still


class Smoothing:
    """How pictures are smoothed; what was smoothed otherwise cannot be compared with them."""

    def __init__(self) -> None:
        self.dim = False

    def smooth(self, luma: Plane, out: Plane) -> None:
        """Fill `out` (h, w) with `luma` smoothed."""
        cv2.boxFilter(luma, -1, _SIZE, dst=out, normalize=not self.dim)

    def is_unsuited(self, luma: Plane) -> bool:
        """Return whether `luma` had better be smoothed otherwise than what came before."""
        return luma.size > 0 and self._is_dim(samples(luma)) is not self.dim

    def suit(self, luma: Plane) -> bool:
        """Smooth as `luma` had better be from now on; return whether that is otherwise than before."""
        changed = self.is_unsuited(luma)
        self.dim ^= changed
        return changed

    def _is_dim(self, seen: Samples) -> bool:
        """Return whether there is something to be seen, and next to nothing of it is bright."""
        counts = np.bincount(seen)
        shares = np.cumsum(counts) / seen.size
        black, light = (int(level) for level in np.searchsorted(shares, (_BLACK, _LIGHT)))
        if 1 - shares[min(_FULL, black + _DIM, len(shares) - 1)] > (_MANY if self.dim else _FEW):
            return False
        above = float(seen.mean()) - black
        return above >= _STILL if self.dim else above >= _SEEN and light - black >= _APART
