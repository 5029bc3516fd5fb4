"""Brighten what is too dark to judge.

The mean brightness of the scene, followed slowly and with hysteresis so that nothing flickers, decides whether there is
anything to do. If there is, each crop that is darker than an ordinary picture is raised by the gamma that brings its
brightness there, and, since that raises the noise of the dark parts most, smoothed first where it is very dark.

The gamma is log(target)/log(mean), as in S. Rahman et al., "An adaptive gamma correction for image enhancement",
EURASIP Journal on Image and Video Processing 2016:35.
"""

from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.scene import Plane
from tapetum.settings import Fraction, Settings

_FOLLOW = 0.05  # of the way to each frame's brightness
_DAWN = 1.1  # times as bright as where night begins, it ends
_SMOOTH_BELOW = 0.25  # of full brightness: a crop darker than this is noisy enough to be smoothed

Rgb = NDArray[np.uint8]


class Night(Settings, frozen=True):
    """When and how far dark crops are brightened."""

    enabled: bool = True
    below: Fraction = 0.32  # mean brightness of the scene under which crops are brightened
    target: Annotated[float, Meta(gt=0, lt=1)] = 0.42  # the mean brightness they are raised to
    strongest: Annotated[float, Meta(gt=0, le=1)] = 0.3  # the smallest gamma: lower raises more, noise above all

    def start(self) -> "NightVision":
        """Return an enhancer that has seen no frame yet."""
        return NightVision(self)


class NightVision:
    """The running enhancer of one camera."""

    def __init__(self, settings: Night) -> None:
        self._settings = settings
        self._brightness: float | None = None
        self._dark = False

    @property
    def active(self) -> bool:
        """Whether the scene is dark enough that crops are brightened."""
        return self._dark and self._settings.enabled

    def observe(self, luma: Plane) -> None:
        """Follow the brightness of the scene; luma (h, w) uint8."""
        now = cv2.mean(luma)[0] / 255
        self._brightness = now if self._brightness is None else self._brightness + _FOLLOW * (now - self._brightness)
        self._dark = self._brightness < self._settings.below * (_DAWN if self._dark else 1)

    def enhance(self, crop: Rgb) -> Rgb:
        """Return `crop`, (h, w, channels) uint8, as a model should see it: itself by day, and where it is bright."""
        if not self.active:
            return crop
        brightness = max(1 / 255, crop.mean() / 255)
        if brightness >= self._settings.target:
            return crop
        gamma = max(self._settings.strongest, float(np.log(self._settings.target) / np.log(brightness)))
        table = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
        smooth = cv2.blur(crop, (3, 3)) if brightness < _SMOOTH_BELOW else crop
        return np.asarray(cv2.LUT(smooth, table), np.uint8).reshape(crop.shape)  # OpenCV drops a single channel
