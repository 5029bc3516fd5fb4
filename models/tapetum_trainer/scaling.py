"""How the pixels of a picture become the numbers that a network takes, with no framework in it."""

import numpy as np
from numpy.typing import NDArray

MIDDLE = 128.0
"""What every network here takes: (pixel - MIDDLE) / MIDDLE, -1..127/128. Stored as int8 with scale 1/128 and zero point
0 this is the pixel less 128, to the bit, and the zeros beside a picture that convolutions see are its middle gray."""


def real(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return `pixels`, of any shape, as a network takes them."""
    return (pixels.astype(np.float32) - np.float32(MIDDLE)) / np.float32(MIDDLE)
