"""What is kept at one exposure of the camera, while pictures come at another."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane

_BRIGHTNESS = np.arange(256, dtype=np.float32)


class Kept:
    """An exposure and the way to it. Its memory is a byte a pixel."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Bring pictures (h, w) of `shape` to it."""
        self._brought: Plane = np.zeros(shape, np.uint8)
        self.begin()

    def begin(self) -> None:
        """Let it be the next picture's."""
        self._now = _BRIGHTNESS  # what each brightness at this exposure is at the pictures'
        self._back: NDArray[np.uint8] | None = None  # (256,) the reverse; None where it changes nothing

    def shift(self, table: NDArray[np.float32]) -> None:
        """Take notice that from now on `table` (256,) is added to each brightness of the pictures."""
        self._now = self._now + np.interp(self._now, _BRIGHTNESS, table).astype(np.float32)
        rising = np.maximum.accumulate(self._now)
        back = np.rint(np.interp(_BRIGHTNESS, rising, _BRIGHTNESS)).astype(np.uint8)
        self._back = None if np.array_equal(back, _BRIGHTNESS) else back

    @property
    def away(self) -> float:
        """By how many luma steps the two differ at most."""
        return float(np.abs(self._now - _BRIGHTNESS).max())

    @property
    def forth(self) -> NDArray[np.uint8]:
        """(256,) what each brightness at this exposure is at the pictures'."""
        return np.clip(np.rint(self._now), 0, 255).astype(np.uint8)

    def of(self, picture: Plane) -> Plane:
        """Return `picture` at this exposure, valid until the next."""
        return picture if self._back is None else np.asarray(cv2.LUT(picture, self._back, dst=self._brought))

    def taken(self, some: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return some pixels (n,) of a picture at this exposure."""
        return some if self._back is None else self._back.take(some)
