"""The camera's own changes of brightness, told from things that move.

A change of exposure multiplies all gamma-encoded brightness by one factor, so the median ratio of the picture to the
background is that factor, whatever moves in less than half of it. What a camera's tone curve then does more to one
brightness than to another is the median difference at each level, over the pixels that differ little.

A lamp changes a part of the picture and leaves the rest as it was, which no exposure does: where that part is the
larger one, its factor is the median too, and the rest would be taken for a thing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapetum.motion.levels import CENTRES, Quartiles, Samples, quartiles

_DARKEST = 16  # luma steps: below, a ratio says little
_FEWEST = 64  # samples that are bright enough for a ratio
_LITTLE = 20  # luma steps: what differs by more is a thing, not the camera
_MOST_THINGS = 0.5  # of a level's samples: where more differ much, the level says nothing about the camera
_STEADY = 0.75  # luma steps: a smaller change is left to slow learning
_SPARED = 0.04  # of the samples: more that a new exposure leaves as they were, and it is none
_IN_ONE = 512  # parts that a gain is told to: what is left of it shows at each level
_RATIO = np.array([_IN_ONE / level if level >= _DARKEST else 0 for level in range(256)], np.float32)
_LEAST_GAIN = 1 / 255  # less, and no level is set apart by it
_WHITE = 250  # luma steps: what is brighter was cut off, and stays so at another exposure


@dataclass(frozen=True, slots=True)
class Correction:
    """What the camera did to the whole picture.

    shift: (256,) what to add to a background pixel of each brightness, None for nothing; left: the quartiles of the
    pixels that differ little, once corrected; spared: the share of the samples that are as they were, and not as a
    change of exposure would have made them.
    """

    shift: NDArray[np.float32] | None
    left: Quartiles
    spared: float

    @property
    def partial(self) -> bool:
        """Whether it was no exposure but a light on a part of the picture."""
        return self.spared > _SPARED


def correction(background: Samples, picture: Samples, limit: NDArray[np.uint8]) -> Correction:
    """Return what turns `background` into `picture`, both as of `levels.samples`.

    limit: (256,) the least difference, in luma steps, that is not noise at each brightness.
    """
    gain = _gain(background, picture)
    difference = picture - np.rint(np.float32(gain) * background).astype(np.int16)
    found = quartiles(background, difference, _LITTLE)
    spared = 0.0 if abs(gain - 1) < _LEAST_GAIN else _spared(background, picture, difference, limit)
    shift = np.where((found.share > 1 - _MOST_THINGS) & found.seen, found.middle, 0.0)
    brightness = np.arange(256)
    table = (gain - 1) * brightness + np.interp(brightness, CENTRES, shift)
    steady = float(np.abs(table[background.min() : background.max() + 1]).max()) < _STEADY
    return Correction(None if steady else table.astype(np.float32), found, spared)


def _spared(background: Samples, picture: Samples, difference: Samples, limit: NDArray[np.uint8]) -> float:
    """Return the share of the samples that `difference` from a new exposure sets apart and that have not changed."""
    noise = limit[background]
    as_it_was = (np.abs(picture - background) <= noise) & (background < _WHITE)
    return np.count_nonzero(as_it_was & (np.abs(difference) > noise)) / max(1, background.size)


def _gain(background: Samples, picture: Samples) -> float:
    """Return the median ratio of `picture` to `background`, of every other sample that is bright enough for one."""
    background = background[::2]
    lit = np.count_nonzero(background >= _DARKEST)
    if lit < _FEWEST // 2:
        return 1.0
    below = np.bincount(np.rint(_RATIO[background] * picture[::2]).astype(np.intp)).cumsum()
    dark = background.size - lit  # counted as no ratio at all
    return float(np.searchsorted(below, dark + lit / 2)) / _IN_ONE
