"""What is drawn over a picture: discs with their trails, and how bright what is near the lens shows."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.tracking.nuisances.places import SIZE, Picture

Field = NDArray[np.float32]
"""(360, 640), 0..1: how much of each pixel is covered."""
FOCAL = 1.0  # of the picture's width: sees 53 degrees
EXPOSURE_S = {"day": 0.005, "dusk": 0.05, "infrared": 0.03}
LIT = 245.0  # luma steps: what the lamp shows of an insect or a thread right before it
DARK = 40.0  # an insect against the day


def trail(places: NDArray[np.float64], radius: float) -> Field:
    """Return (360, 640), 0..1: a disc of `radius` at `places` (n, 2), pixels, thinner where it moves on quickly."""
    cover = np.zeros(SIZE, np.uint8)
    ends = places.round().astype(np.int32)
    cv2.polylines(cover, [ends], False, 255, max(1, round(2 * radius)), cv2.LINE_AA)
    for end in (ends[0], ends[-1]):
        cv2.circle(cover, tuple(int(edge) for edge in end), max(1, round(radius)), 255, cv2.FILLED, cv2.LINE_AA)
    way = float(np.hypot(*(places[-1] - places[0])))
    share = min(1.0, 4 * radius / (way + 2 * radius))
    soft = cv2.GaussianBlur(cover, (0, 0), max(0.6, 0.35 * radius))
    return np.asarray(soft * np.float32(share / 255), np.float32)


def mixed(picture: Picture, cover: Field, level: float) -> Picture:
    return np.asarray(picture + cover[..., None] * (np.float32(level) - picture), np.uint8)
