"""Pictures that look the same, though their files differ: coded again, of another size, a little brighter.

The difference hash: a gray picture of 9 x 8, and for each pair of neighbours which one is brighter, 64 bits. N.
Krawetz, "Kind of like that", 2013. Two of which at most `DISTANCE` bits differ are taken for the same. The hashes of
flat walls are all alike, so a picture with little contrast has none.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

DISTANCE = 5  # of 64 bits: JPEG at a quality of 30, or a half of the size, changes up to 4
_FLAT = 4.0  # gray levels, standard deviation of the small picture
_BLOCK = 2048  # hashes that are compared with all others at a time


def difference_hash(pixels: NDArray[np.uint8]) -> int | None:
    """Return the hash of a picture (h, w, 3) RGB uint8; None where it has too little contrast to have one."""
    gray = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    if gray.std() < _FLAT:
        return None
    return int.from_bytes(np.packbits(gray[:, 1:] > gray[:, :-1]).tobytes(), "big")


def alike(hashes: Sequence[int | None], distance: int = DISTANCE) -> dict[int, int]:
    """Return for each picture that looks like an earlier one the first of those."""
    places = [index for index, found in enumerate(hashes) if found is not None]
    known = np.array([hashes[index] for index in places], np.uint64)
    found: dict[int, int] = {}
    for start in range(0, len(known), _BLOCK):
        block = known[start : start + _BLOCK]
        apart = np.bitwise_count(block[:, None] ^ known[None, :])
        rows, columns = np.nonzero(apart <= distance)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if column < start + row:
                found.setdefault(places[start + row], places[column])
    return found
