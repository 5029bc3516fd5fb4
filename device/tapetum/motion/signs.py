"""What a single look tells of a picture: whether there is anything to be seen, whether it has colour, is new.

Each from some thousand samples at most.
"""

import cv2
import numpy as np

from tapetum.scene import Plane

_EDGE = 8  # times higher is the picture than what is left out above and below: there cameras write time and name
_BLOCKS = 32  # across: one averages some hundred pixels, and with them the noise
_BENT = 1.5  # luma steps of curvature: noise and shading at 1 % of the light reach it in 2.5 % of the blocks
_SAMPLES = 48  # of colour across
_ROWS = 6  # that tell two pictures from each other, at least
_FAINT, _PLAIN = 2, 8  # steps of Cb and Cr together, from the picture's own mean


def structure(luma: Plane) -> float:
    """Return the share of blocks of (h, w) `luma` that bend: 0.1 and more in a scene, next to none where it is covered.

    A hand before the lens, a cloth or darkness leave shading, which is smooth; what is seen has edges. The curvature is
    the Laplacian of averages over blocks.
    """
    luma = luma[luma.shape[0] // _EDGE : luma.shape[0] - luma.shape[0] // _EDGE]
    factor = max(1, luma.shape[1] // _BLOCKS)
    rows, columns = luma.shape[0] // factor, luma.shape[1] // factor
    if min(rows, columns) < 3:
        return 1.0  # too small to tell
    whole = luma[: rows * factor, : columns * factor]
    blocks = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.int16)
    around = blocks[:-2, 1:-1] + blocks[2:, 1:-1] + blocks[1:-1, :-2] + blocks[1:-1, 2:]
    bent = np.abs(4 * blocks[1:-1, 1:-1] - around) > 4 * _BENT
    return np.count_nonzero(bent) / bent.size


def colour(u: Plane, v: Plane) -> tuple[float, float]:
    """Return the shares of the picture that differ faintly and plainly in colour from its mean.

    u, v: (h, w) uint8. From the mean, since a gray picture may have a tint; shares, since one thing in colour makes
    no coloured scene.
    """
    step = max(1, u.shape[1] // _SAMPLES)
    planes = [plane[::step, ::step].astype(np.int16) for plane in (u, v)]
    away = sum(np.abs(plane - np.int16(round(plane.mean()))) for plane in planes)
    size = max(1, planes[0].size)
    return np.count_nonzero(away > _FAINT) / size, np.count_nonzero(away > _PLAIN) / size


class Repeats:
    """Whether a picture is, pixel by pixel, the one before: a sensor's noise never comes twice.

    A few rows tell two pictures apart, so the whole is kept only where those are alike: the first repetition is judged
    by them alone, for want of the whole of the picture before, and each further one by all of it.
    """

    def __init__(self) -> None:
        self._rows: Plane = np.zeros((0, 0), np.uint8)
        self._whole: Plane | None = None

    def same(self, luma: Plane) -> bool:
        """Return whether (h, w) `luma` is the picture before."""
        apart = max(1, luma.shape[0] // _ROWS)
        rows = luma[apart // 2 :: apart]
        if not np.array_equal(rows, self._rows):
            self._rows, self._whole = rows.copy(), None  # a camera's memory is used again
            return False
        same = self._whole is None or np.array_equal(luma, self._whole)
        if self._whole is None or not same:
            self._whole = luma.copy()
        return same
