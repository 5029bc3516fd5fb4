"""From the planes that a camera delivers to a Frame: the analysis luma, read-only views, counting."""

from functools import lru_cache

import cv2
import numpy as np

from tapetum.buffers import BufferPool
from tapetum.scene import Colour, Frame, Plane

_HD = 720  # rows, from which players take BT.709 for what says nothing of its matrix; below, BT.601
_UNSAID = Colour()


class Framer:
    """Makes the frames of one camera.

    The luma is an **area average** by a whole factor: it takes most of the sensor's noise away for nothing, where a
    nearest-neighbour reduction would hide small things in it. Its buffers are used again when nobody looks at them.
    """

    def __init__(self, camera: str, analysis_width: int) -> None:
        self._camera = camera
        self._analysis_width = analysis_width
        self._seq = 0
        self._size = (0, 0)
        self._factor = 1
        self._pool = BufferPool((0, 0))

    def frame(
        self, y: Plane, u: Plane, v: Plane, t_ns: int, luma: Plane | None = None, colour: Colour = _UNSAID
    ) -> Frame:
        """Return the next frame; `luma` is the camera's own low-resolution picture where it has one.

        y (H, W), u and v (ceil(H/2), ceil(W/2)) uint8, taken as they lie; `t_ns` CLOCK_BOOTTIME at capture.
        """
        self._seq += 1
        small = self._reduced(y) if luma is None else luma
        for plane in (y, u, v, small):
            plane.flags.writeable = False
        return Frame(self._camera, self._seq, t_ns, y, u, v, small, colour)

    def _reduced(self, y: Plane) -> Plane:
        """Return `y` reduced; up to `factor` - 1 pixels at the right and the bottom stay out, so that it is whole."""
        height, width = y.shape
        if (width, height) != self._size:
            self._size = width, height
            self._factor = max(1, min(round(width / self._analysis_width), width, height))
            self._pool = BufferPool((height // self._factor, width // self._factor))
        luma = self._pool.take()
        luma.flags.writeable = True
        rows, columns = luma.shape
        whole = y[: rows * self._factor, : columns * self._factor]
        cv2.resize(whole, (columns, rows), dst=luma, interpolation=cv2.INTER_AREA)
        return luma


def unsaid(full: bool, height: int) -> Colour:
    """Return the colour of a picture of `height` rows that does not say by which matrix it was made."""
    return Colour(full, "bt709" if height >= _HD else "bt601")


@lru_cache(maxsize=8)
def no_colour(width: int, height: int) -> Plane:
    """Return the chroma plane of a gray picture of `width` x `height` pixels, always the same read-only one."""
    plane = np.full((-(-height // 2), -(-width // 2)), 128, np.uint8)
    plane.flags.writeable = False
    return plane
