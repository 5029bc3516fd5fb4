"""Where an answer is highest, to parts of a cell, and how far it stands out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_LOBE = 3  # cells around the peak that belong to it
_FLAT = 1e-6


class Peak(NamedTuple):
    """row, column: to parts of a cell. sidelobe_ratio: standard deviations of the rest between its mean and the peak.

    D. S. Bolme et al., "Visual object tracking using adaptive correlation filters", CVPR 2010, 3.5.
    """

    row: float
    column: float
    sidelobe_ratio: float


def peak(answer: NDArray[np.float64]) -> Peak:
    """Return the highest place of `answer` (rows, columns)."""
    row, column = divmod(int(answer.argmax()), answer.shape[1])
    top = float(answer[row, column])
    near = answer[max(0, row - _LOBE) : row + _LOBE + 1, max(0, column - _LOBE) : column + _LOBE + 1]
    count = answer.size - near.size
    ratio = 0.0
    if count > 0:
        mean = (float(answer.sum()) - float(near.sum())) / count
        square = (float(np.vdot(answer, answer)) - float(np.square(near).sum())) / count
        ratio = (top - mean) / (max(0.0, square - mean**2) ** 0.5 + _FLAT)
    return Peak(_fine(answer[:, column], row), _fine(answer[row], column), ratio)


def _fine(line: NDArray[np.float64], at: int) -> float:
    """Return the place of the parabola's top through `line` at `at` and beside it."""
    if not 0 < at < len(line) - 1:
        return float(at)
    before, top, after = line[at - 1 : at + 2].tolist()
    bend = before - 2 * top + after
    return at + (min(0.5, max(-0.5, (before - after) / (2 * bend))) if bend < 0 else 0.0)
