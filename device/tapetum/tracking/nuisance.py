"""What moves and is nobody: told by how it looks, before anybody believes in it.

Light and shadow pass over a place and leave its texture to be seen; what is right before the lens, an insect or a
spider, is out of focus; threads of a web, streaks of rain and leaves fill little of the box around them; and what
whirls about gets nowhere. Somebody real hides what is behind, has an outline, fills a good part of the box and goes
somewhere. Shadows after R. Cucchiara et al., "Detecting moving objects, ghosts, and shadows in video streams", IEEE
TPAMI 25(10):1337-1342, 2003, in the form of A. Sanin et al., "Shadow detection: a survey and comparative evaluation of
recent methods", Pattern Recognition 45(4):1684-1695, 2012, section 3.4: texture is what a shadow leaves.
"""

import math
import statistics
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Box, Frame, Motion, Plane
from tapetum.settings import Fraction, Settings

LOOKS = 5
"""Of how many looks at a thing the last are judged."""
_FEWEST = 2  # looks before anything is said
_PLAINLY = 1.4  # times a limit, and it is kept plainly
_AROUND = 0.15  # of its size, by which a box is widened to see its outline
_THREAD = 6  # times as wide as high: no vehicle is
_LEAST_PIXELS = 6  # of a thing, of which anything can be told
_FINE = (7, 7)  # pixels: what is finer than this is texture
_SHOWS = 0.4  # of the texture behind it: so much more of its box must a thing fill through which that shows
_PLAIN = 1.0  # luma steps: texture below this is the noise of a mean over many pictures
_SOBEL = 1 / 8  # makes of cv2.Sobel's sum a slope in luma steps a pixel
_CROSS = np.ones((3, 3), np.uint8)


class Nuisance(StrEnum):
    """Why something is taken for nobody."""

    LIGHT = "light"  # what is behind it is still seen: light or shadow
    BLURRED = "blurred"  # it has no outline: right before the lens
    SCATTERED = "scattered"  # it fills little of its box: threads, streaks, leaves
    ERRATIC = "erratic"  # it gets nowhere, for all that it moves


class Nuisances(Settings, frozen=True):
    """What is taken for nobody. Each limit: at 0, or 1 for `light`, that reason is never given."""

    enabled: bool = True
    light: Fraction = 0.25  # correlation with the texture behind it from which it is light: lower takes the transparent
    outline: Fraction = 0.27  # of its contrast within a pixel at its edge; less is blurred: higher takes what is in fog
    filled: Fraction = 0.24  # of the box that moves; less is scattered: higher takes what is half hidden
    straight: Fraction = 0.35  # of the way gone, how far it came; less is erratic: higher takes who turns round


@dataclass(frozen=True, slots=True)
class Look:
    """How a thing looked in one frame.

    texture: correlation -1..1 of its fine structure with the background's. outline: how steep the steepest tenth of its
    edge is, of its contrast a pixel. filled: how much of its box moves, 0..1, and 0 for what is as thin as a thread.
    """

    texture: float
    outline: float
    filled: float


def look(box: Box, frame: Frame, motion: Motion) -> Look | None:
    """Return how what is in `box` looks; None where nothing can be told: no background is known, or it is tiny."""
    if motion.background is None:
        return None
    around = box.grown(_AROUND).slices(frame.luma)
    mask = motion.mask[around]
    pixels = cv2.countNonZero(mask)
    if pixels < _LEAST_PIXELS:
        return None
    picture = np.asarray(cv2.boxFilter(frame.luma[around], -1, (3, 3), normalize=not motion.dim), np.float32)
    background = motion.background[around].astype(np.float32)
    difference = picture - background
    contrast = max(1.0, cv2.mean(np.abs(difference), mask)[0])
    height, width = frame.luma.shape
    thin = box.width * width > _THREAD * box.height * height
    return Look(
        texture=_likeness(picture, background, mask),
        outline=_steepness(difference, mask) / contrast,
        filled=0.0 if thin else pixels / mask.size,
    )


def judged(looks: Collection[Look], straight: float, limits: Nuisances, margin: float = 1.0) -> Nuisance | None:
    """Return why what looked like `looks` is nobody; None where it may well be somebody.

    straight: how far it came, of the way it went, 0..1. margin: by which each limit must be kept, 1 or more.
    """
    texture = statistics.median(one.texture for one in looks)
    if texture > limits.light / margin:
        return Nuisance.LIGHT
    if statistics.median(one.outline for one in looks) < limits.outline * margin:
        return Nuisance.BLURRED
    wanted = limits.filled * margin + _SHOWS * abs(texture)
    if limits.filled and statistics.median(one.filled for one in looks) < wanted:
        return Nuisance.SCATTERED
    if straight < limits.straight * margin:
        return Nuisance.ERRATIC
    return None


def enough(looks: Collection[Look], straight: float, limits: Nuisances) -> bool:
    """Whether `looks`, in which there was no reason, are enough to believe: few do where they tell it plainly."""
    return len(looks) == LOOKS or (len(looks) >= _FEWEST and judged(looks, straight, limits, _PLAINLY) is None)


def straightness(boxes: Sequence[Box], shape: tuple[int, ...]) -> float:
    """Return how far what was in `boxes` came, of the way it went, 0..1, in a picture of `shape` (height, width)."""
    height, width = shape[:2]
    places = [(x * width, y * height) for x, y in (box.centre for box in boxes)]
    way = sum(math.dist(one, other) for one, other in pairwise(places))
    return math.dist(places[0], places[-1]) / way if way else 1.0


def _likeness(picture: NDArray[np.float32], background: NDArray[np.float32], mask: Plane) -> float:
    """Return the correlation of both planes' texture where `mask` is; little where there is hardly any."""
    here, there = (plane - cv2.blur(plane, _FINE) for plane in (picture, background))
    least = _PLAIN**2
    own, others = (max(least, cv2.mean(one * one, mask)[0]) for one in (here, there))
    return float(cv2.mean(here * there, mask)[0] / math.sqrt(own * others))


def _steepness(difference: NDArray[np.float32], mask: Plane) -> float:
    """Return the slope of `difference` that a tenth of the edge of `mask` exceeds, luma steps a pixel."""
    slope = cv2.magnitude(*(cv2.Sobel(difference, cv2.CV_32F, dx, 1 - dx, scale=_SOBEL) for dx in (1, 0)))
    edge = slope[cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, _CROSS) > 0]
    steepest = edge.size - 1 - edge.size // 10
    return float(np.partition(edge, steepest)[steepest]) if edge.size else 0.0
