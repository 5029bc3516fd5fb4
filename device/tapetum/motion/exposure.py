"""The camera's own changes of brightness, told from things that move.

A change of exposure multiplies all gamma-encoded brightness by one factor, so the median ratio of the picture to the
background is that factor, whatever moves in less than half of it. What a camera's tone curve then does more to one
brightness than to another is the median difference at each level, over the pixels that differ little.

A lamp changes a part of the picture and leaves the rest as it was, which no exposure does: where that part is the
larger one, its factor is the median too, and the rest would be taken for a thing.
"""

import cv2
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
_LEAP = 3.0  # times as bright or dark at once: more than a camera's own step of exposure
_DARK = 4.0  # luma steps: what is darker differs by no more than this from black
_WHITE = 250  # luma steps: what is brighter was cut off, and stays so at another exposure


def leapt(background: Samples, picture: Samples) -> bool:
    """Whether `picture` is so much darker or brighter that this is no exposure: covered, or a light switched."""
    was, now = (_DARK + cv2.mean(values)[0] for values in (background, picture))
    return not 1 / _LEAP < now / was < _LEAP


def gain_of(background: Samples, picture: Samples) -> float:
    """Return the median ratio of `picture` to `background`, of every other sample that is bright enough for one."""
    background = background[::2]
    lit = np.count_nonzero(background >= _DARKEST)
    if lit < _FEWEST // 2:
        return 1.0
    below = np.bincount(np.rint(_RATIO[background] * picture[::2]).astype(np.intp)).cumsum()
    dark = background.size - lit  # counted as no ratio at all
    return float(np.searchsorted(below, dark + lit / 2)) / _IN_ONE


def remainder(background: Samples, picture: Samples, gain: float) -> Samples:
    """Return what `picture` differs by from `background` at an exposure `gain` times as long, (n,) luma steps."""
    return np.asarray(picture - np.rint(np.float32(gain) * background).astype(np.int16), np.int16)


def left_of(background: Samples, difference: Samples) -> Quartiles:
    """Return the quartiles of the `difference` that a new exposure leaves, where it is the camera's and no thing's."""
    return quartiles(background, difference, _LITTLE)


def is_partial(
    background: Samples, picture: Samples, gain: float, difference: Samples, limit: NDArray[np.uint8]
) -> bool:
    """Return whether the factor `gain` was no exposure but a light on a part of the picture.

    So it is where too many samples are as they were, and not, by their `difference`, as a new exposure would have made
    them. limit: (256,) the least difference, in luma steps, that is not noise at each brightness.
    """
    if abs(gain - 1) < _LEAST_GAIN:
        return False
    noise = limit[background]
    as_it_was = (np.abs(picture - background) <= noise) & (background < _WHITE)
    return bool(np.count_nonzero(as_it_was & (np.abs(difference) > noise)) > _SPARED * background.size)


def shift_of(background: Samples, gain: float, left: Quartiles) -> NDArray[np.float32] | None:
    """Return (256,) what to add to a background pixel of each brightness, None for next to nothing."""
    shift = np.where((left.share > 1 - _MOST_THINGS) & left.seen, left.middle, 0.0)
    brightness = np.arange(256)
    table = (gain - 1) * brightness + np.interp(brightness, CENTRES, shift)
    steady = float(np.abs(table[background.min() : background.max() + 1]).max()) < _STEADY
    return None if steady else table.astype(np.float32)
