"""Blur by motion, by a shaking hand or mast, and by a lens out of focus: light spread by a kernel that sums to one.

A point moves over the sensor while it is exposed; the time that it spends at each place is the kernel (R. L.
Lagendijk and J. Biemond, "Basic methods for image restoration and identification", Handbook of Image and Video
Processing, 2000). A place between pixels is shared by the four around it in proportion, so that both the kernel's sum
and its centre of mass are kept to the rounding of floats: nothing grows brighter and nothing moves.
"""

import itertools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.degrade.light import Light, Picture, levels, light

_PER_PIXEL = 16  # places on a trajectory for each pixel of its length: a sixteenth of a pixel apart
_STEPS = 64  # of a random walk
_FINE = 8  # parts of a pixel, each way, of which those inside a disc are counted

Places = NDArray[np.float64]
"""(n, 2) x and y in pixels, equal times apart."""


def motion_kernel(length: float, angle: float) -> Light:
    """Return the kernel of an even motion over `length` pixels in the direction `angle`, radians."""
    way = np.linspace(-length / 2, length / 2, max(2, math.ceil(length * _PER_PIXEL)))
    return _splat(way[:, None] * (math.cos(angle), math.sin(angle)))


def shake_kernel(extent: float, random: np.random.Generator) -> Light:
    """Return the kernel of a shake that reaches over `extent` pixels: a random walk of the velocity, with inertia.

    G. Boracchi and A. Foi, "Modeling the performance of image restoration from motion blur", IEEE TIP
    21(8):3502-3517, 2012, section III: the velocity is driven by normal noise and drawn back to the middle.
    """
    place, velocity = np.zeros(2), random.normal(0, 1, 2)
    places = np.empty((_STEPS, 2))
    for step in range(_STEPS):
        velocity = 0.9 * velocity + random.normal(0, 0.6, 2) - 0.05 * place
        place = place + velocity / _STEPS
        places[step] = place
    span = (places.max(axis=0) - places.min(axis=0)).max()
    return _splat(_denser(places * (extent / max(span, 1e-9))))


def defocus_kernel(radius: float) -> Light:
    """Return the disc into which a lens with a round stop spreads a point: all of its area is equally bright."""
    reach = math.ceil(radius)
    fine = (np.arange((2 * reach + 1) * _FINE) + 0.5) / _FINE - reach - 0.5
    inside = np.hypot.outer(fine, fine) <= max(radius, 0.5)
    cells = inside.reshape(2 * reach + 1, _FINE, 2 * reach + 1, _FINE).sum(axis=(1, 3))
    return np.asarray(cells / cells.sum(), np.float32)


def blurred(picture: Picture, kernel: Light) -> Picture:
    """Return `picture` (h, w, 3) or (h, w) with its light spread by `kernel`; beyond the edge lies its mirror image."""
    return levels(spread(light(picture), kernel))


def spread(amount: Light, kernel: Light) -> Light:
    """Return the convolution of `amount` with `kernel`, of an odd size; beyond the edge lies the mirror image."""
    return np.asarray(cv2.filter2D(amount, -1, kernel[::-1, ::-1].copy(), borderType=cv2.BORDER_REFLECT), np.float32)


def _denser(places: Places) -> Places:
    """Return the same way with so many places that two are never further apart than the grid of `_PER_PIXEL`."""
    longest = np.hypot(*np.diff(places, axis=0).T).max()
    times = np.arange(len(places))
    finer = np.linspace(0, times[-1], len(places) * max(1, math.ceil(longest * _PER_PIXEL)))
    return np.column_stack([np.interp(finer, times, values) for values in places.T])


def _splat(places: Places) -> Light:
    """Return the kernel of equal times at `places`, its centre of mass in the middle cell."""
    places = places - places.mean(axis=0)
    reach = math.ceil(np.abs(places).max()) + 1
    cell = np.floor(places).astype(int)
    right, lower = (places - cell).T
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    across, down = ((0, 1 - right), (1, right)), ((0, 1 - lower), (1, lower))
    for (x, of_x), (y, of_y) in itertools.product(across, down):
        np.add.at(kernel, (cell[:, 1] + y + reach, cell[:, 0] + x + reach), of_x * of_y)
    return (kernel / len(places)).astype(np.float32)
