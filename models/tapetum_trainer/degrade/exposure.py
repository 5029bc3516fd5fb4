"""The wrong exposure and the wrong white balance: light multiplied, each channel by its own factor, and cut at white.

One stop is a factor of two. White balance is a factor for each channel, the diagonal model of J. von Kries
("Beitrag zur Physiologie der Gesichtsempfindungen", 1878), as cameras do it.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from tapetum_trainer.degrade.light import LIGHT_OF_LEVEL, Picture, levels

RGB = Sequence[float]


def exposed(picture: Picture, stops: float, balance: RGB = (1, 1, 1)) -> Picture:
    """Return `picture` (h, w, 3) RGB with 2^stops of its light, times `balance` for each channel."""
    factors = 2.0**stops * np.array(balance, np.float32)
    table = levels(np.asarray(LIGHT_OF_LEVEL[:, None] * factors.astype(np.float32)))
    return np.asarray(cv2.LUT(picture, table[None]), np.uint8)
