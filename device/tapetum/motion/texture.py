"""Whether what is seen somewhere is the background in another light: a shadow, a lamp's cone, a reflection.

Light changes how bright a surface is and leaves what is on it: grain, joints, edges. So the fine structure of picture
and background is compared, which a shadow leaves alike and a thing replaces. Where the background is even there is only
noise, which is never alike, and nothing is said.

After J. C. S. Jacques Jr., C. R. Jung and S. R. Musse, "Background subtraction and shadow detection in grayscale video
sequences", SIBGRAPI 2005: normalised cross-correlation of picture and background.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane

_FINE = (7, 7)  # pixels: what is larger is not fine, but the light's own shape
_ENOUGH = 16384  # pixels that are compared, or up to twice as many: of what is larger, only every so many-th row
_ALIKE = 0.68  # correlation: of shadows on a floor 0.7 to 0.99, of 99 in 100 people and cars less
_BAND = 1500  # pixels in the middle that are asked first, where there are many more,
_PERHAPS = 0.3  # and the correlation there from which on all are asked


def is_lit(picture: Plane, background: Plane, mask: Plane) -> bool:
    """Return whether (h, w) uint8 `picture` shows, where `mask` is 255, the background in another light."""
    height, width = mask.shape
    rows = max(1, _BAND // width)
    if 2 * rows < height:
        middle = slice((height - rows) // 2, (height + rows) // 2)
        if not _alike(picture[middle], background[middle], mask[middle], _PERHAPS):
            return False
    every = slice(None, None, 1 + mask.size // _ENOUGH)  # rows
    return _alike(picture[every], background[every], mask[every], _ALIKE)


def _alike(picture: Plane, background: Plane, mask: Plane, by: float) -> bool:
    """Return whether the fine structure of the two correlates by more than `by` where `mask` is 255."""
    now, then = (_fine(plane, mask) for plane in (picture, background))
    power = float(now @ now) * float(then @ then)
    return bool(now @ then > by * power**0.5)


def _fine(plane: Plane, mask: Plane) -> NDArray[np.float32]:
    """Return (h * w,) what `plane` is above its surroundings, 0 where `mask` is."""
    return np.asarray(cv2.subtract(plane, cv2.blur(plane, _FINE), mask=mask, dtype=cv2.CV_32F), np.float32).ravel()
