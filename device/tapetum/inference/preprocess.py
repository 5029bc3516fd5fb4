"""From the planes of a frame to the numbers that a model takes: the device and the trainer do it with this code.

Each plane is cut, then reduced or enlarged to the model's size, and only then do the three become RGB: chroma of half
the resolution needs no detour over the full size, and only this crop is ever converted, by the range and
the matrix of its frame. Then each level of a pixel becomes what the input tensor holds for it.

A picture of another shape than the model's is stretched, or letterboxed: reduced as a whole, and what is left beside it
made gray. Either way the box that comes back with the pixels is what of the frame the whole input shows, to the pixel
that was cut; of a letterboxed one it reaches over what was cut. So one rule takes a detection back to the frame:
`box.left + x * box.width`.
"""

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.buffers import BufferPool
from tapetum.colour import brightness, to_rgb
from tapetum.inference.contract import Input
from tapetum.scene import Box, Frame, Plane

Pixels = NDArray[np.uint8]
Place = tuple[int, int, int, int]
"""Left, top, width and height, pixels."""


def crop(frame: Frame, box: Box, size: tuple[int, int]) -> Pixels:
    """Return what is in `box` of `frame` as (h, w, 3) RGB uint8 of `size` (width, height), stretched to fit."""
    return Preprocessor(Input(width=size[0], height=size[1])).crop(frame, box)[0]


class Preprocessor:
    """Makes the pictures that one input takes. It belongs to one thread, and uses its buffers again.

    What it returns is the caller's for as long as he holds it: only what nobody refers to is written again.
    """

    def __init__(self, picture: Input) -> None:
        """Make pictures for the input `picture`."""
        self._input = picture
        self._pictures = BufferPool(picture.shape)
        area = picture.width * picture.height
        self._planes = [np.empty(area, np.uint8) for _ in range(picture.channels)]
        self._resizer = Resizer()
        self._merged = np.empty(3 * area, np.uint8)

    def crop(self, frame: Frame, box: Box) -> tuple[Pixels, Box]:
        """Return what is in `box` of `frame`, as the model takes it, and the box that the whole input shows.

        The pixels are (height, width, channels) uint8, RGB or brightness.
        """
        rows, columns = box.slices(frame.y)
        place = placed(columns.stop - columns.start, rows.stop - rows.start, self._input)
        found, inner = self._blank(place)
        planes = [self._resized(plane[box.slices(plane)], place, index) for index, plane in enumerate(self._of(frame))]
        if len(planes) == 1:
            cv2.LUT(planes[0], brightness(frame.colour), inner)
        else:
            cv2.transform(cv2.merge(planes, _cut(self._merged, (*planes[0].shape, 3))), to_rgb(frame.colour), inner)
        cut = Box.of_pixels(columns.start, rows.start, columns.stop, rows.stop, frame.y.shape)
        return found, whole(cut, place, self._input)

    def picture(self, pixels: Pixels) -> tuple[Pixels, Box]:
        """Return an RGB picture (h, w, 3), for a gray input also a gray one (h, w), as of `crop`."""
        place = placed(pixels.shape[1], pixels.shape[0], self._input)
        found, inner = self._blank(place)
        if self._input.channels == 1 and pixels.ndim == 3:
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
        self._resizer.resize(pixels, inner)
        return found, whole(Box(0, 0, 1, 1), place, self._input)

    def _of(self, frame: Frame) -> Sequence[Plane]:
        return (frame.y,) if self._input.channels == 1 else (frame.y, frame.u, frame.v)

    def _blank(self, place: Place) -> tuple[Pixels, Pixels]:
        """Return a picture, gray where nothing will lie, and its part at `place`."""
        found = self._pictures.take()
        left, top, width, height = place
        if (width, height) != (self._input.width, self._input.height):
            found[:] = self._input.pad
        return found, found[top : top + height, left : left + width]

    def _resized(self, plane: Plane, place: Place, index: int) -> Plane:
        """Return `plane` at the size of `place`, in the buffer of this index."""
        make = self._resizer.resize_colour if index else self._resizer.resize
        return make(plane, _cut(self._planes[index], (place[3], place[2])))


def placed(width: int, height: int, picture: Input) -> Place:
    """Return where in the input a picture of this size comes to lie: all of it, or the middle when letterboxed."""
    if picture.fit == "stretch":
        return 0, 0, picture.width, picture.height
    scale = min(picture.width / width, picture.height / height)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    return (picture.width - across) // 2, (picture.height - down) // 2, across, down


def whole(cut: Box, place: Place, picture: Input) -> Box:
    """Return what the whole input shows, where `cut` is shown at `place` of it: the same fractions of another box."""
    if place == (0, 0, picture.width, picture.height):
        return cut
    x, y = cut.width / place[2], cut.height / place[3]
    left, top = cut.left - place[0] * x, cut.top - place[1] * y
    return Box(left, top, left + picture.width * x, top + picture.height * y)


def resize(image: Pixels, into: Pixels) -> Pixels:
    """Return as of `Resizer.resize`, by one that is used once."""
    return Resizer().resize(image, into)


class Resizer:
    """Resizes pictures. It belongs to one thread, and uses its buffers again: fresh memory costs more than halving."""

    def __init__(self) -> None:
        self._buffers = [np.empty(0, np.uint8), np.empty(0, np.uint8)]

    def resize(self, image: Pixels, into: Pixels) -> Pixels:
        """Return `image` at the size of `into`, and in it: halved while it can be, then by areas, or interpolated.

        Where it shrinks one way and grows the other, it shrinks first. A mean over areas counts parts of pixels too,
        which takes OpenCV 20 times as long a pixel as to halve, so little is left to it.
        """
        size = into.shape[1], into.shape[0]
        image = self._halved(image, size)
        less = min(size[0], image.shape[1]), min(size[1], image.shape[0])
        if less not in (size, (image.shape[1], image.shape[0])):
            image = np.asarray(cv2.resize(image, less, interpolation=cv2.INTER_AREA), np.uint8)
        way = cv2.INTER_AREA if less == size else cv2.INTER_LINEAR
        cv2.resize(image, size, into, interpolation=way)
        return into

    def resize_colour(self, image: Pixels, into: Pixels) -> Pixels:
        """Return as `resize`, halved and then interpolated: of colour, a model needs no more, and it takes a third."""
        size = into.shape[1], into.shape[0]
        cv2.resize(self._halved(image, size), size, into, interpolation=cv2.INTER_LINEAR)
        return into

    def _halved(self, image: Pixels, size: tuple[int, int]) -> Pixels:
        """Return `image` halved as often as leaves it no smaller than `size` (width, height), either way.

        An odd last line is left out: of all halvings together less than a pixel of `size`. Half a level goes up in one
        halving and down in the next: two are wrong by 0.75 at most, and no picture gets brighter.
        """
        inverted = halved = False
        while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
            if halved:  # what goes up in an inverted picture goes down
                cv2.bitwise_not(image, image)
                inverted = not inverted
            image, halved = self._half(image), True
        if inverted:
            cv2.bitwise_not(image, image)
        return image

    def _half(self, image: Pixels) -> Pixels:
        """Return the means of 2 x 2 pixels, in a buffer that `image` does not lie in."""
        rows, columns = image.shape[0] // 2, image.shape[1] // 2
        shape = (rows, columns, *image.shape[2:])
        if self._buffers[0].size < math.prod(shape):
            self._buffers[0] = np.empty(math.prod(shape), np.uint8)
        found = _cut(self._buffers[0], shape)
        self._buffers.reverse()
        cv2.resize(image[: 2 * rows, : 2 * columns], (columns, rows), found, interpolation=cv2.INTER_AREA)
        return found


class Quantizer:
    """Turns the levels of a picture into the numbers that an input tensor holds for them."""

    def __init__(self, picture: Input) -> None:
        """Make numbers for the input `picture`."""
        levels = table(picture)
        self._flip = _flip(levels)
        same = bool((levels == levels[:, :1]).all())
        self._table = levels[None, :, :1] if same else levels[None]

    def into(self, pixels: Pixels, tensor: NDArray[Any]) -> None:
        """Write `pixels` (height, width, channels) into `tensor`, of the same shape and the input's type."""
        if self._flip is not None:
            np.bitwise_xor(pixels, self._flip, out=tensor.view(np.uint8))
        else:
            cv2.LUT(pixels, self._table, tensor)


def table(picture: Input) -> NDArray[Any]:
    """Return (256, channels): what the tensor holds for each level of each channel, in its type."""
    mean, std = (np.array(three[: picture.channels]) for three in (picture.mean, picture.std))
    real: NDArray[np.float64] = (np.arange(256.0)[:, None] - mean) / std
    if picture.dtype == "float32":
        return real.astype(np.float32)
    bounds = np.iinfo(picture.dtype)
    stored = np.rint(real / (picture.scale or 1.0) + picture.zero_point)
    return stored.clip(bounds.min, bounds.max).astype(picture.dtype)


def _flip(levels: NDArray[Any]) -> np.uint8 | None:
    """Return the bits in which what is stored differs from the level, where they are the same for all: 0 or 0x80."""
    if levels.dtype.itemsize != 1:
        return None
    flips = levels.view(np.uint8) ^ np.arange(256, dtype=np.uint8)[:, None]
    return np.uint8(flips[0, 0]) if (flips == flips[0, 0]).all() else None


def _cut(buffer: Pixels, shape: tuple[int, ...]) -> Pixels:
    """Return the beginning of a flat buffer, in this shape."""
    return buffer[: math.prod(shape)].reshape(shape)
