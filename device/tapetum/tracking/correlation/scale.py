"""How much larger or smaller a thing has become: a correlation filter along scales.

M. Danelljan et al., "Discriminative scale space tracking", IEEE TPAMI 39(8):1561-1575, 2017.
"""

import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Plane
from tapetum.tracking.correlation.channels import CELL, channels
from tapetum.tracking.patches import patch

_COUNT = 17
_STEP = 1.02
_SPREAD = 1.1  # steps: standard deviation of the wanted peak
_RIDGE = 1e-2
_NOTHING = 1e-9  # of a picture without any
_AREA = 512  # pixels of the patches

FACTORS = _STEP ** (np.arange(_COUNT) - _COUNT // 2)


class Scale:
    """The filter; all scales are looked at in one stack of patches."""

    def __init__(self, size: tuple[float, float]) -> None:
        """`size`: width and height of the thing, pixels; their ratio is that of the patches."""
        side = np.sqrt(_AREA / (size[0] * size[1]))
        self._shape = _cells(size[1] * side), _cells(size[0] * side)
        offsets = np.arange(_COUNT) - _COUNT // 2
        self._wanted = np.conj(np.fft.rfft(np.fft.ifftshift(np.exp(-np.square(offsets) / (2 * _SPREAD**2)))))
        self._window = np.hanning(_COUNT + 2)[1:-1, None]
        self._top: NDArray[np.complex128] = np.zeros((len(self._wanted), 0), np.complex128)
        self._bottom = np.zeros(self._wanted.shape)

    def learn(self, luma: Plane, centre: tuple[float, float], size: tuple[float, float], rate: float) -> None:
        """Go `rate` of the way to how the thing of `size` around `centre`, pixels, looks at every scale."""
        spectrum = self._spectrum(luma, centre, size)
        top, bottom = self._wanted[:, None] * spectrum, np.square(np.abs(spectrum)).sum(axis=1)
        if not self._top.size:
            self._top, self._bottom = top, bottom
        else:
            self._top += rate * (top - self._top)
            self._bottom += rate * (bottom - self._bottom)

    def factor(self, luma: Plane, centre: tuple[float, float], size: tuple[float, float]) -> float:
        """Return by which factor the thing around `centre`, that had `size`, has grown."""
        spectrum = self._spectrum(luma, centre, size)
        across = (np.conj(self._top) * spectrum).sum(axis=1) / (self._bottom + _RIDGE * self._bottom.mean() + _NOTHING)
        response = np.fft.fftshift(np.fft.irfft(across, _COUNT))
        return float(FACTORS[int(response.argmax())])

    def _spectrum(self, luma: Plane, centre: tuple[float, float], size: tuple[float, float]) -> NDArray[np.complex128]:
        rows, columns = self._shape
        stack = np.concatenate([patch(luma, centre, (size[0] * one, size[1] * one), self._shape) for one in FACTORS])
        found = channels(stack, ()).reshape(-1, _COUNT, rows // CELL, columns // CELL)
        lines = np.moveaxis(found, 1, 0).reshape(_COUNT, -1)
        return np.fft.rfft(lines * self._window, axis=0)


def _cells(side: float) -> int:
    return CELL * max(2, round(side / CELL))
