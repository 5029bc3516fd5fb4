"""What the camera sees and what is known of it: the values that pass between the stages.

Everything here is a frozen value with its unit in its docstring. Nothing here opens a file, reads a clock or knows a
thread, so every stage can be tested with values alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]
"""One brightness or colour plane: (height, width), uint8, rows possibly padded, read-only by agreement."""

_ROUNDING = 1e-6  # pixels: an edge that was a whole pixel must not fall to the one before it


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in fractions of the frame: (0, 0) top left, (1, 1) bottom right.

    Fractions of width and of height are different lengths, so no distance is ever taken in them: pixels exist only
    inside `slices` and `pixels`.
    """

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of_pixels(cls, left: float, top: float, right: float, bottom: float, shape: tuple[int, ...]) -> Self:
        """Return the box of pixel edges `left`..`bottom` in a picture of `shape` (height, width, ...)."""
        height, width = shape[:2]
        return cls(left / width, top / height, right / width, bottom / height)

    @property
    def width(self) -> float:
        """Width, a fraction of the frame's."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height, a fraction of the frame's."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Area, a fraction of the frame's; 0 for an empty box."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y), fractions of width and height."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def overlap(self, other: "Box") -> float:
        """Return the area that both cover, a fraction of the frame's."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    def iou(self, other: "Box") -> float:
        """Return intersection over union, 0..1."""
        shared = self.overlap(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def united(self, other: "Box") -> "Box":
        """Return the smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def grown(self, share: float) -> "Box":
        """Return the box with `share` of its own size added on each side, not clipped."""
        dx, dy = self.width * share, self.height * share
        return Box(self.left - dx, self.top - dy, self.right + dx, self.bottom + dy)

    def shifted(self, x: float, y: float) -> "Box":
        """Return the box `x` to the right and `y` down of this one, not clipped."""
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def clipped(self) -> "Box":
        """Return the part inside the frame."""
        return Box(*(min(1.0, max(0.0, edge)) for edge in (self.left, self.top, self.right, self.bottom)))

    def pixels(self, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        """Return (left, top, right, bottom) in pixels of a picture of `shape` (height, width, ...)."""
        height, width = shape[:2]
        return self.left * width, self.top * height, self.right * width, self.bottom * height

    def slices(self, image: NDArray[np.generic]) -> tuple[slice, slice]:
        """Return (rows, columns) that cut this box out of `image`: inside it, and at least one pixel each way."""
        height, width = image.shape[:2]
        clip = self.clipped()
        top, left = int(clip.top * height + _ROUNDING), int(clip.left * width + _ROUNDING)
        top, left = min(top, height - 1), min(left, width - 1)
        bottom, right = max(top + 1, round(clip.bottom * height)), max(left + 1, round(clip.right * width))
        return slice(top, bottom), slice(left, right)


def hull(boxes: Sequence[Box]) -> Box:
    """Return the smallest box that holds all of `boxes`, at least one."""
    return reduce(Box.united, boxes)


@dataclass(frozen=True, slots=True)
class Colour:
    """How Y, Cb and Cr are meant: by which ITU-R matrix, and whether black is 0 and white 255 (full), or 16 and 235."""

    full: bool = False
    matrix: Literal["bt601", "bt709"] = "bt601"


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture taken: planar YUV 4:2:0, and the smaller luma that motion and tracking look at.

    y: (H, W) uint8; u, v: (ceil(H/2), ceil(W/2)) uint8, 128 where the camera has no colour; luma: (h, w) uint8,
    contiguous, the camera's own low-resolution stream where it has one, else an area average of y. seq counts the
    pictures taken, so a gap is a dropped frame. t_ns: CLOCK_BOOTTIME at capture, nanoseconds.
    """

    camera: str
    seq: int
    t_ns: int
    y: Plane
    u: Plane
    v: Plane
    luma: Plane
    colour: Colour = Colour()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the full picture, pixels."""
        return self.y.shape[1], self.y.shape[0]


class Condition(StrEnum):
    """What is true of the whole picture. Everything but CLEAR is an event of its own, never motion."""

    OPENING = "opening"  # no picture yet: nobody knows
    CLEAR = "clear"
    CHANGED = "changed"  # all of it at once, and it cannot be told by what: the background is learned anew
    LIGHT = "light"  # a light was switched
    MOVED = "moved"  # the camera looks elsewhere
    INFRARED = "infrared"  # the camera's infrared filter was switched: colour came or went
    SHAKEN = "shaken"  # the camera does not keep still
    COVERED = "covered"  # there is nothing to be seen: covered, or black
    FROZEN = "frozen"  # the same picture again and again
    LOST = "lost"  # no picture at all


@dataclass(frozen=True, slots=True)
class Motion:
    """What changed in one frame.

    mask: (h, w) of the luma, uint8, 255 where it moved, valid until the detector's next frame. complete: the mask shows
    what has come to rest under a kept box too, so where it is empty, nothing is. background: (h, w) uint8, how the
    scene looks with nothing in it, the mean of 3x3 pixels, valid as long as the mask; None where nobody knows. dim: the
    picture is, next to nothing being brighter than black, and background is the sum of 3x3 pixels, up to 255.
    drift: by how much all of the scene is displaced against the frame before, right and down, fractions of the frame:
    the camera moved.
    """

    mask: Plane
    regions: tuple[Box, ...]
    condition: Condition = Condition.CLEAR
    complete: bool = False
    background: Plane | None = None
    dim: bool = False
    drift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Detection:
    """One answer of a model. score: probability 0..1."""

    label: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Findings:
    """What a model saw of what is looked for, in the frame taken at t_ns.

    boxes: where, whole things alone. missing: ids of the tracks that were shown to it and that it saw nothing of.
    """

    t_ns: int
    boxes: tuple[Box, ...]
    missing: frozenset[int] = frozenset()


class State(StrEnum):
    """How much a track is believed."""

    TENTATIVE = "tentative"  # seen, not yet believed
    CONFIRMED = "confirmed"
    STILL = "still"  # believed, and at rest
    LOST = "lost"  # believed, not seen in this frame


@dataclass(frozen=True, slots=True)
class Track:
    """One thing followed over time.

    hits: frames in which it was seen; first_ns, last_ns: capture times of those. nuisance: why a tentative one is held
    to be nobody, in a word; "" where it is not.
    """

    id: int
    box: Box
    first_ns: int
    last_ns: int
    hits: int
    state: State
    nuisance: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """What a track is held to be. score: probability 0..1; model: `name@version`, or "" where no model judged."""

    name: str
    score: float
    model: str = ""


class Kind(StrEnum):
    """Which part of a sighting's life this is."""

    STARTED = "started"
    UPDATED = "updated"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A track with a label: started, updated or ended. This is, field for field, the event sent over MQTT.

    id: unique for ever. seq: rises by one for each sighting of a device and boot, so a receiver sees a gap. at: UTC,
    RFC 3339. clock: "synced", or "unsynced" where `at` cannot be trusted (a Pi has no clock battery).
    """

    id: str
    seq: int
    camera: str
    kind: Kind
    track: int
    label: str
    score: float
    box: Box
    at: str
    clock: str
    model: str
