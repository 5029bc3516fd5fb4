"""The picture that methods see: luma smoothed in squares of 3 x 3, so that little is left of a sensor's noise.

It is their mean. Where next to nothing is brighter than black by a dozen steps, by night before a camera that has no
gain left, it is their sum: a mean would round away what little there is. Where all is black but for the noise, there
is nothing to see, and it stays a mean.
"""

import cv2
import numpy as np

from tapetum.motion.levels import samples
from tapetum.scene import Plane

_SIZE = (3, 3)
_FULL = 255 // 9  # luma: the sum of nine that are brighter is cut off
_DIM = 12  # luma steps above black: what is brighter is bright enough
_FEW, _MANY = 0.002, 0.1  # of the picture are brighter: below the first it is dim, above the second no more
_BLACK, _LIGHT = 0.01, 0.9  # of the picture is no brighter than what is black, or light
_APART = 2  # luma steps from black to light: less is the edge between two steps
_SEEN, _STILL = 0.75, 0.6  # luma steps above black, on average: from the first something is seen, to the second still
_PATIENCE = 4  # looks in a row that must find the same before pictures are smoothed otherwise


class Smoothing:
    """How pictures are smoothed; what was smoothed otherwise cannot be compared with them."""

    def __init__(self) -> None:
        self.dim = False
        self._unsuited = 0  # looks in a row

    def smooth(self, luma: Plane, out: Plane) -> None:
        """Fill `out` (h, w) with `luma` smoothed."""
        cv2.boxFilter(luma, -1, _SIZE, dst=out, normalize=not self.dim)

    def is_unsuited(self, luma: Plane) -> bool:
        """Look, and return whether pictures have for some looks been such as are better smoothed otherwise."""
        self._unsuited = self._unsuited + 1 if self._is_dim(luma) is not self.dim else 0
        return self._unsuited >= _PATIENCE

    def suit(self, luma: Plane) -> bool:
        """Smooth as `luma` had better be from now on; return whether that is otherwise than before."""
        dim = self._is_dim(luma)
        changed, self.dim, self._unsuited = dim is not self.dim, dim, 0
        return changed

    def _is_dim(self, luma: Plane) -> bool:
        """Return whether there is something to be seen, and next to nothing of it is bright."""
        if not luma.size:
            return False
        seen = samples(luma)
        shares = np.cumsum(np.bincount(seen)) / seen.size
        black, light = np.interp((_BLACK, _LIGHT), shares, np.arange(len(shares)))
        if 1 - shares[min(_FULL, int(black) + _DIM, len(shares) - 1)] > (_MANY if self.dim else _FEW):
            return False
        above = float(seen.mean() - black)
        return above >= _STILL if self.dim else bool(above >= _SEEN and light - black >= _APART)
