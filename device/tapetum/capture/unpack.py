"""From a picture as a Video4Linux driver delivered it to its planes.

YU12 and GREY are taken as they lie, of NV12 the chroma is moved, YUYV is split and its chroma halved, MJPG is decoded.
What is made goes into arrays that are used again; of MJPG alone a picture is allocated each time, in OpenCV's decoder,
which takes no array to write into.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.buffers import FollowingPool
from tapetum.capture.framing import no_colour
from tapetum.errors import SourceError
from tapetum.scene import Plane

FORMATS = ("YU12", "NV12", "YUYV", "MJPG", "GREY")
"""What drivers call the formats; the cheapest to take apart first."""

Planes = tuple[Plane, Plane, Plane]


class Unpacker:
    """Takes apart the pictures of one device, for one thread."""

    def __init__(self, fourcc: str, size: tuple[int, int]) -> None:
        """`fourcc`: the format by its four characters; `size`: (width, height) of the pictures, pixels."""
        self._fourcc = fourcc
        self._size = size
        self._made = FollowingPool()
        self._pairs = FollowingPool()  # of YUYV: U V of each two pixels, of all rows
        self._means = FollowingPool()  # of YUYV: the same of each two rows

    def planes(self, raw: NDArray[np.uint8]) -> Planes | None:
        """Return y, u, v of a picture, or None when it is damaged. Of `raw` parts may be in what is returned.

        Of MJPG and BGR3 an odd last row or column is left out. Raises SourceError for a format that is not known.
        """
        wanted = _bytes(self._fourcc, *self._size)
        if min(self._size) < 2 or raw.size < wanted:
            return None
        flat, (width, height) = raw.reshape(-1), self._size
        if self._fourcc == "MJPG":
            return self._from_bgr(cv2.imdecode(flat, cv2.IMREAD_COLOR))
        flat = flat[:wanted]
        if self._fourcc == "BGR3":
            return self._from_bgr(flat.reshape(height, width, 3))
        return self._from_yuyv(flat) if self._fourcc == "YUYV" else self._from_planar(flat)

    def _from_planar(self, flat: NDArray[np.uint8]) -> Planes:
        """Take YU12, NV12 or GREY apart; NV12 is the only one in which chroma has to be moved."""
        width, height = self._size
        half_width, half_height = _halves(width, height)
        y, chroma = flat[: width * height].reshape(height, width), flat[width * height :]
        if self._fourcc == "GREY":
            return y, no_colour(width, height), no_colour(width, height)
        if self._fourcc == "YU12":
            return y, *chroma.reshape(2, half_height, half_width)
        u, v = self._made.take((2, half_height, half_width))
        cv2.split(chroma.reshape(half_height, half_width, 2), [u, v])
        return y, u, v

    def _from_yuyv(self, flat: NDArray[np.uint8]) -> Planes:
        """Split Y0 U Y1 V; chroma is the mean of two rows, the last one of an odd number alone."""
        width, height = self._size
        half_width, half_height = _halves(width, height)
        luma = 2 * half_width * height
        made = self._made.take((luma + 2 * half_width * half_height,))
        y, (u, v) = made[:luma].reshape(height, -1), made[luma:].reshape(2, half_height, half_width)
        pairs = self._pairs.take((2 * half_height, 2 * half_width))
        cv2.split(flat.reshape(height, 2 * half_width, 2), [y, pairs[:height]])
        pairs[height:] = pairs[height - 1]
        means = self._means.take((half_height, half_width, 2))
        two_rows = pairs.reshape(2 * half_height, half_width, 2)
        cv2.resize(two_rows, (half_width, half_height), dst=means, interpolation=cv2.INTER_AREA)
        cv2.split(means, [u, v])
        return y[:, :width], u, v

    def _from_bgr(self, picture: Any) -> Planes | None:
        if picture is None or min(picture.shape[:2]) < 2:
            return None
        height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
        made = self._made.take((height * 3 // 2, width))
        cv2.cvtColor(picture[:height, :width], cv2.COLOR_BGR2YUV_I420, dst=made)
        u, v = made[height:].reshape(2, height // 2, width // 2)
        return made[:height], u, v


def _halves(width: int, height: int) -> tuple[int, int]:
    """Return the size of the chroma: the kernel rounds that of odd sizes up (v4l2_fill_pixfmt)."""
    return -(-width // 2), -(-height // 2)


def _bytes(fourcc: str, width: int, height: int) -> int:
    """Return how many bytes a whole picture has, at least."""
    half_width, half_height = _halves(width, height)
    luma = width * height
    planar = luma + 2 * half_width * half_height
    known = {
        "YU12": planar,
        "NV12": planar,
        "YUYV": 4 * half_width * height,
        "GREY": luma,
        "BGR3": 3 * luma,
        "MJPG": 1,
    }
    if fourcc not in known:
        raise SourceError(f"pictures come as {fourcc!r}; one of {', '.join(FORMATS)} is wanted")
    return known[fourcc]
