"""From the planes that a camera delivers to a Frame: the analysis luma, read-only views, counting."""

import cv2

from tapetum.buffers import BufferPool
from tapetum.scene import Frame, Plane


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
        self._pool = BufferPool((0, 0))

    def frame(self, y: Plane, u: Plane, v: Plane, t_ns: int, luma: Plane | None = None) -> Frame:
        """Return the next frame; `luma` is the camera's own low-resolution picture where it has one.

        y (H, W), u and v (ceil(H/2), ceil(W/2)) uint8, taken as they lie; `t_ns` CLOCK_BOOTTIME at capture.
        """
        self._seq += 1
        small = self._reduced(y) if luma is None else luma
        for plane in (y, u, v, small):
            plane.flags.writeable = False
        return Frame(self._camera, self._seq, t_ns, y, u, v, small)

    def skipped(self, frames: int = 1) -> None:
        """Count pictures that were taken and not delivered, so that `seq` shows the gap."""
        self._seq += frames

    def _reduced(self, y: Plane) -> Plane:
        height, width = y.shape
        if (width, height) != self._size:
            factor = max(1, round(width / self._analysis_width))
            self._size = width, height
            self._pool = BufferPool((height // factor, width // factor))
        luma = self._pool.take()
        luma.flags.writeable = True
        cv2.resize(y, luma.shape[::-1], dst=luma, interpolation=cv2.INTER_AREA)
        return luma
