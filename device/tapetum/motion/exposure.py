"""The camera's own changes of brightness, told from things that move.

A change of exposure multiplies all gamma-encoded brightness by one factor, so the median ratio of the picture to the
background is that factor, whatever moves in less than half of it. What a camera's tone curve then does more to one
brightness than to another is the median difference at each level, over the pixels that differ little.
"""

import numpy as np
from numpy.typing import NDArray

from tapetum.motion.levels import CENTRES, LEVELS, Quartiles, Samples, quartiles

_DARKEST = 16  # luma steps: below, a ratio says little
_FEWEST = 64  # samples that are bright enough for a ratio
_LITTLE = 20  # luma steps: what differs by more is a thing, not the camera
_MOST_THINGS = 0.5  # of a level's samples: where more differ much, the level says nothing about the camera
_STEADY = 0.75  # luma steps: a smaller change is left to slow learning


def correction(background: Samples, picture: Samples) -> tuple[NDArray[np.float32] | None, Quartiles]:
    """Return what to add to a background pixel of each brightness (256,), or None for nothing, and the quartiles left.

    Both arguments as of `levels.samples`. The quartiles are those of the pixels that differ little, once corrected.
    """
    gain = _gain(background, picture)
    difference = picture - np.rint(np.float32(gain) * background).astype(np.int16)
    little = np.abs(difference) <= _LITTLE
    found = quartiles(background[little], difference[little])
    shift = np.where(_trusted(background, little) & found.seen, found.middle, 0.0)
    brightness = np.arange(256)
    table = (gain - 1) * brightness + np.interp(brightness, CENTRES, shift)
    steady = float(np.abs(table[background.min() : background.max() + 1]).max()) < _STEADY
    return (None if steady else table.astype(np.float32)), found


def _gain(background: Samples, picture: Samples) -> float:
    lit = background >= _DARKEST
    if np.count_nonzero(lit) < _FEWEST:
        return 1.0
    return float(np.median(picture[lit] / background[lit].astype(np.float32)))


def _trusted(background: Samples, little: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return at which levels (16,) most pixels differ little."""
    level = background >> 4
    differ_little = np.bincount(level, little, minlength=LEVELS)
    return differ_little > (1 - _MOST_THINGS) * np.bincount(level, minlength=LEVELS)
