"""What a correlation filter looks at: gradients by direction, brightness and colour, in cells.

Gradients in nine directions without sign, normalised by the energy around, are the histograms of N. Dalal and
B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005, in the cheaper form in which each pixel
votes for one direction.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

CELL = 4  # pixels of a patch
_DIRECTIONS = 9
_CLIP = 0.3  # of the energy around: one strong edge must not be all that there is
_FAINT = 4.0  # luma steps of gradient, that are noise

Channels = NDArray[np.float32]
"""(count, rows, columns), of cells."""


def channels(luma: NDArray[np.uint8], chroma: tuple[NDArray[np.uint8], ...]) -> Channels:
    """Return the channels of a patch: luma (4 * rows, 4 * columns), chroma (rows, columns) each, uint8."""
    rows, columns = luma.shape[0] // CELL, luma.shape[1] // CELL
    found = np.empty((_DIRECTIONS + 1 + len(chroma), rows, columns), np.float32)
    gradients(luma, found[:_DIRECTIONS])
    flat = cv2.resize(luma, (columns, rows), interpolation=cv2.INTER_AREA)
    found[_DIRECTIONS] = flat
    found[_DIRECTIONS] *= 1 / 255
    found[_DIRECTIONS] -= found[_DIRECTIONS].mean()
    for index, plane in enumerate(chroma, _DIRECTIONS + 1):
        found[index] = plane
        found[index] -= 128
        found[index] *= 1 / 64
    return found


def gradients(luma: NDArray[np.uint8], out: Channels) -> None:
    """Write the gradients of `luma` into `out` (9, rows, columns): their share in each direction, 0..0.3."""
    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, ksize=1)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, ksize=1)
    size, angle = cv2.cartToPolar(across, down)
    bins = (angle * (2 * _DIRECTIONS / (2 * np.pi))).astype(np.int32)
    bins %= _DIRECTIONS
    rows, columns = out.shape[1:]
    bins += _places(rows, columns)
    votes = np.bincount(bins.ravel(), size.ravel(), minlength=out.size).reshape(rows, columns, _DIRECTIONS)
    cells = np.moveaxis(votes, 2, 0).astype(np.float32)
    cells *= 1 / CELL**2
    energy = cv2.blur(np.square(cells).sum(axis=0), (3, 3))
    energy = np.sqrt(energy) + _FAINT
    np.minimum(cells / energy, _CLIP, out=out)


@lru_cache(maxsize=32)
def _places(rows: int, columns: int) -> NDArray[np.int32]:
    """Return for each pixel where the histogram of its cell begins."""
    cells = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns) * _DIRECTIONS
    return np.repeat(np.repeat(cells, CELL, axis=0), CELL, axis=1)
