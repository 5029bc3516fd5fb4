"""How much the picture trembles where nothing happens, at each brightness.

A camera's noise grows with its gain and, after gamma, is largest in the dark: one fixed threshold is blind at night
and restless in the evening. The spread of picture - background is taken for each level of brightness, by its
quartiles, which what moves hardly disturbs; a threshold is given in its units. What is added to it is meant for a
picture of full contrast: in poor light things differ less from each other, and from the scene, by the same factor.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.motion.levels import CENTRES, LEVELS, Quartiles
from tapetum.scene import Plane

_SIGMA_OF_QUARTILES = 1 / 1.349  # a normal distribution's standard deviation over the distance of its quartiles
_RATE = 0.1  # of the way to each frame's own spread: ten frames' memory
_FULL = 40.0  # luma steps, the standard deviation of brightness over a picture by day, or more
_FALLS = 1.5  # power of the contrast: noise takes its own part of what is left; 1 is blind to more at 1 % of the light
_FAINTEST = 0.1  # of full contrast: in an even picture noise is all that there is
_MOST = 3.0  # times the picture's mean noise: what a level may have at most, whatever covers most of it


class NoiseLevels:
    """The standard deviation of the noise, in luma steps, for each level of brightness; starts from one frame."""

    def __init__(self, steps: float, sigmas: float) -> None:
        """Give thresholds of `steps` luma steps at full contrast plus `sigmas` standard deviations."""
        self._steps, self._sigmas = steps, sigmas
        self._spread: NDArray[np.float64] | None = None
        self._table: NDArray[np.uint8] = np.full(256, 254, np.uint8)

    def learn(self, found: Quartiles, contrast: float = _FULL, frames: int = 1) -> None:
        """Take in the quartiles of one frame, for `frames`; contrast: the standard deviation of its brightness."""
        now, seen = found.high - found.low, found.seen
        if self._spread is None:
            self._spread = np.where(seen, now, now[seen].mean() if seen.any() else 1.0)
        believed = np.minimum(now, _MOST * float(np.mean(self._spread)))
        self._spread[seen] += (1 - (1 - _RATE) ** frames) * (believed - self._spread)[seen]
        steps = self._steps * max(_FAINTEST, min(1.0, contrast / _FULL) ** _FALLS)
        limit = steps + self._sigmas * np.interp(np.arange(256), CENTRES, self.sigma)
        self._table[:] = np.clip(np.ceil(limit), 1, 254)

    def threshold(self, background: Plane, out: Plane) -> Plane:
        """Fill `out` with the least difference, in luma steps, that is not noise at each pixel of `background`."""
        cv2.LUT(background, self._table, dst=out)
        return out

    @property
    def limit(self) -> NDArray[np.uint8]:
        """(256,) the least difference, in luma steps, that is not noise at each brightness."""
        return self._table

    @property
    def sigma(self) -> NDArray[np.float64]:
        """(16,) standard deviation of the noise in luma steps, from dark to bright; zeros before the first frame."""
        return np.zeros(LEVELS) if self._spread is None else self._spread * _SIGMA_OF_QUARTILES
