"""Features by chance: each is the sum of a few random rectangles within a thing, in one plane.

K. Zhang, L. Zhang and M.-H. Yang, "Real-time compressive tracking", ECCV 2012: so few random sums keep nearly all that
tells one patch from another (compressive sensing). A thing is of so few cells here that the sums of all places are one
product of matrices for each plane.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tapetum.tracking.compressive.planes import MARGIN, Cells, Planes

_FEWEST, _MOST = 2, 4  # rectangles of a feature

PLACES = 2 * MARGIN + 1
"""Places of the thing in what is looked at, each way; in the middle one it was last."""


class Features:
    """The rectangles, drawn once, as many features in each plane; +-1 / sqrt(rectangles of it), over their area."""

    def __init__(self, random: np.random.Generator, count: int, kinds: int, cells: Cells) -> None:
        each = count // kinds
        self.count = each * kinds
        self._sums = _drawn(random, self.count, cells).reshape(kinds, each, -1)

    def of(self, planes: Planes) -> NDArray[np.float32]:
        """Return (features, PLACES * PLACES) those of the thing in each place, row by row."""
        cells = sliding_window_view(planes, (PLACES, PLACES), axis=(1, 2))
        kinds, down, across = cells.shape[:3]
        return (self._sums @ cells.reshape(kinds, down * across, -1)).reshape(self.count, -1)

    def of_middle(self, planes: Planes) -> NDArray[np.float32]:
        """Return (features,) those in the middle place."""
        cells = planes[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
        return (self._sums @ cells.reshape(len(planes), -1, 1)).ravel()


def _drawn(random: np.random.Generator, count: int, cells: Cells) -> NDArray[np.float32]:
    """Return (count, down * across) the weight of each cell in each feature."""
    of = np.repeat(np.arange(count), random.integers(_FEWEST, _MOST + 1, count))
    columns, rows = _spans(random, cells.across, len(of)), _spans(random, cells.down, len(of))
    signs = random.choice((-1.0, 1.0), len(of)) / np.sqrt(np.bincount(of)[of])
    found = np.zeros((count, cells.down, cells.across))
    np.add.at(found, of, signs[:, None, None] * rows[:, :, None] * columns[:, None, :])
    return found.reshape(count, -1).astype(np.float32)


def _spans(random: np.random.Generator, length: int, count: int) -> NDArray[np.float64]:
    """Return (count, length) that are 1 over their own length in a random part of at most half, 0 elsewhere."""
    own = random.integers(1, length // 2 + 1, count)
    first = random.integers(0, length - own + 1)
    at = np.arange(length)
    within = (at >= first[:, None]) & (at < (first + own)[:, None])
    return within / own[:, None]
