"""A part of a frame as flow and the detector look at it: reduced, so that the thing has always about the same size."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Frame, Plane
from tapetum.tracking.patches import Pair

Windows = NDArray[np.float64]
"""(n, 4): left, top, width, height, pixels of a view."""
Edges = tuple[float, float, float, float]
"""left, top, right, bottom, pixels."""

SIDE = 15  # samples of brightness in a patch, each way
_COLOUR_SIDE = 5  # of U and of V
LENGTH = SIDE**2 + 2 * _COLOUR_SIDE**2
_COLOUR = 0.58 * SIDE / _COLOUR_SIDE  # of a sample of U or V, that stands for nine: a third as a step of brightness
_GRAY = np.float32(128)
_LEAST = 4.0  # pixels: nothing smaller is followed
_BLUR = 1.2  # pixels: standard deviation, so that noise decides no comparison


@dataclass(frozen=True)
class View:
    """`area` of a frame, whole pixels of its luma, `times` as large; luma: (h, w) uint8."""

    frame: Frame
    luma: Plane
    area: tuple[int, int, int, int]
    times: float

    @classmethod
    def of(cls, frame: Frame, area: Edges, size: Pair, side: float) -> "View":
        """Return `area` (pixels of the luma), in which what is of `size` is as large as a square of `side`, or less."""
        height, width = frame.luma.shape
        left, top = min(max(0, int(area[0])), width - 1), min(max(0, int(area[1])), height - 1)
        right, bottom = min(width, max(left + 2, round(area[2]))), min(height, max(top + 2, round(area[3])))
        times = min(1.0, side / max(_LEAST, (max(1.0, size[0]) * max(1.0, size[1])) ** 0.5))
        shape = max(4, round((right - left) * times)), max(4, round((bottom - top) * times))
        luma = cv2.resize(frame.luma[top:bottom, left:right], shape, interpolation=cv2.INTER_AREA)
        return cls(frame, np.asarray(luma, np.uint8), (left, top, right, bottom), times)

    @cached_property
    def smooth(self) -> Plane:
        """The luma, so smooth that noise decides nothing."""
        return np.asarray(cv2.GaussianBlur(self.luma, (5, 5), _BLUR), np.uint8)

    @cached_property
    def _colours(self) -> NDArray[np.uint8]:
        """U and V (h, w, 2)."""
        shape = self.luma.shape[1], self.luma.shape[0]
        cut = [_cut(plane, self.frame.luma.shape, self.area) for plane in (self.frame.u, self.frame.v)]
        return np.asarray(cv2.merge([cv2.resize(plane, shape) for plane in cut]), np.uint8)

    def to(self, box: Edges) -> Edges:
        """Return `box` of the frame's luma in the view."""
        left, top, right, bottom = box
        x, y, times = self.area[0], self.area[1], self.times
        return (left - x) * times, (top - y) * times, (right - x) * times, (bottom - y) * times

    def back(self, box: Edges) -> Edges:
        """Return `box` of the view in the frame's luma."""
        left, top, right, bottom = (edge / self.times for edge in box)
        x, y = self.area[:2]
        return left + x, top + y, right + x, bottom + y

    def window(self, edges: Edges) -> Windows | None:
        """Return the part of `edges` within the view as a window (1, 4); None where less than half of it is."""
        height, width = self.luma.shape
        left, top, right, bottom = edges
        x, y = max(0.0, left), max(0.0, top)
        across, down = min(float(width), right) - x, min(float(height), bottom) - y
        if across < 2 or down < 2 or across * down < 0.5 * (right - left) * (bottom - top):
            return None
        return np.array([(x, y, across, down)])

    def patches(self, windows: Windows) -> NDArray[np.float32]:
        """Return (n, 275) what is in `windows`: brightness less its mean, and colour; the length of each is 1."""
        found = np.empty((len(windows), LENGTH), np.float32)
        if not len(windows):
            return found
        luma, colours = found[:, : SIDE**2], found[:, SIDE**2 :]
        luma[:] = _sampled(self.smooth, windows, SIDE)
        luma -= luma.mean(axis=1, keepdims=True)
        np.subtract(_sampled(self._colours, windows, _COLOUR_SIDE), _GRAY, out=colours)
        colours *= np.float32(_COLOUR)
        found /= np.sqrt(np.einsum("ij,ij->i", found, found))[:, None] + np.float32(1e-3)
        return found


def edges_of(window: NDArray[np.float64]) -> Edges:
    """Return the edges of a window (4,)."""
    x, y, width, height = window.tolist()
    return x, y, x + width, y + height


def _cut(plane: Plane, shape: tuple[int, ...], area: tuple[int, int, int, int]) -> Plane:
    """Return the part of `plane` in which `area` of a plane of `shape` is."""
    rows, columns = (own / other for own, other in zip(plane.shape, shape, strict=True))
    left, top = min(int(area[0] * columns), plane.shape[1] - 1), min(int(area[1] * rows), plane.shape[0] - 1)
    return plane[top : max(top + 1, round(area[3] * rows)), left : max(left + 1, round(area[2] * columns))]


def _sampled(picture: NDArray[np.uint8], windows: Windows, side: int) -> NDArray[np.uint8]:
    """Return (n, side * side * channels) the values of `picture` on a grid in each of `windows`."""
    at = (np.arange(side) + 0.5) / side
    x, y = (np.empty((len(windows), side, side), np.float32) for _ in range(2))
    x[:] = (windows[:, :1] + windows[:, 2:3] * at - 0.5)[:, None, :]
    y[:] = (windows[:, 1:2] + windows[:, 3:] * at - 0.5)[:, :, None]
    flat = len(windows), side * side
    found = cv2.remap(picture, x.reshape(flat), y.reshape(flat), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8).reshape(len(windows), -1)
