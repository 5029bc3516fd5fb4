"""A correlation filter over channels: what answers with a peak where the thing is, found in the frequency domain.

D. S. Bolme et al., "Visual object tracking using adaptive correlation filters", CVPR 2010; over several channels as in
M. Danelljan et al., "Accurate scale estimation for robust visual tracking", BMVC 2014.
"""

import numpy as np
from numpy.typing import NDArray

from tapetum.tracking.correlation.channels import Channels

_RIDGE = 1e-2  # keeps frequencies that were hardly there from counting
_NOTHING = np.float32(1e-9)  # of a picture without any

Spectrum = NDArray[np.complex64]


class Filter:
    """The numerator of every channel and the denominator they share."""

    def __init__(self, shape: tuple[int, int], spread: float) -> None:
        """`shape`: (rows, columns) of cells; `spread`: standard deviation of the wanted peak, cells."""
        rows, columns = shape
        self._shape = shape
        self._window = np.outer(np.hanning(rows + 2)[1:-1], np.hanning(columns + 2)[1:-1]).astype(np.float32)
        down, across = (np.arange(size) - size // 2 for size in shape)
        peak = np.exp(-(np.square(down)[:, None] + np.square(across)) / (2 * spread**2))
        self._wanted = np.conj(np.fft.rfft2(np.fft.ifftshift(peak))).astype(np.complex64)
        self._top: Spectrum = np.zeros((0, *self._wanted.shape), np.complex64)
        self._bottom = np.zeros(self._wanted.shape, np.float32)

    def learn(self, found: Channels, rate: float) -> None:
        """Go `rate` of the way to the filter of `found`, in whose middle the thing is."""
        spectrum = self._spectrum(found)
        top, bottom = self._wanted * spectrum, np.square(np.abs(spectrum)).sum(axis=0)
        if not len(self._top):
            self._top, self._bottom = top, bottom
            return
        self._top += np.float32(rate) * (top - self._top)
        self._bottom += np.float32(rate) * (bottom - self._bottom)

    def respond(self, found: Channels) -> NDArray[np.float64]:
        """Return (rows, columns) how much the thing's middle seems to be in each cell, about 1 at best."""
        bottom = self._bottom + _RIDGE * self._bottom.mean() + _NOTHING
        across = (np.conj(self._top) * self._spectrum(found)).sum(axis=0) / bottom
        return np.fft.fftshift(np.fft.irfft2(across, self._shape))

    def _spectrum(self, found: Channels) -> Spectrum:
        return np.fft.rfft2(found * self._window).astype(np.complex64)
