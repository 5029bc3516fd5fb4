"""What a curve does to a picture: x + a x (1 - x), eight times, which raises what is dark and keeps black and white.

One map of a, 0..1 for each channel, serves all passes (Zero-DCE++, section 3.2). It is coarser than the picture and
enlarged to it linearly, since light changes slowly over a scene.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

PASSES = 8
"""Of the curve (Zero-DCE, section 3.1): with a = 1 all the way, a level of 4 of 255 becomes 252."""


def raised(picture: NDArray[np.uint8], curve: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return `picture` (h, w, 3) RGB raised by `curve` (g, g, 3), 0..1, whose cells cover it evenly."""
    height, width, _ = picture.shape
    amount = cv2.resize(curve, (width, height), interpolation=cv2.INTER_LINEAR)
    found = picture.astype(np.float32) / 255
    for _ in range(PASSES):
        found += amount * found * (1 - found)
    return np.rint(255 * found).astype(np.uint8)
