"""Who is compared: every method of the product as it comes, and peers that everybody knows.

The peers are OpenCV's MOG2 (Z. Zivkovic, "Improved adaptive Gaussian mixture model for background subtraction", ICPR
2004) and KNN (Z. Zivkovic and F. van der Heijden, Pattern Recognition Letters 27(7):773-780, 2006), as OpenCV comes but
for shadows, which brightness alone does not tell: on gray pictures looking for them costs MOG2 a quarter of its
F-measure. ViBe and PBAS as of `bgslibrary` (A. Sobral, https://github.com/andrewssobral/bgslibrary) take part where
somebody has built its module `pybgs`; nothing here depends on it.
"""

import importlib
import os
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tapetum.capture import Synthetic
from tapetum.config import CameraSettings
from tapetum.motion import Method, MotionDetector
from tapetum.motion.regions import outlines
from tapetum.scene import Plane

METHODS = typing.get_args(Method) or (Method,)
SURE = 200  # of 255: the peers mark a shadow by 127
_MEDIAN = 5  # pixels: what is compared is the mask without its speckle, of all alike
_LEAST = 0.0008  # of the picture: a smaller region is none, as is the default of `min_area`
_OF_BGSLIBRARY = {"ViBe (bgslibrary)": "ViBe", "PBAS (bgslibrary)": "PixelBasedAdaptiveSegmenter"}


@dataclass(frozen=True, slots=True)
class Answer:
    """mask: (h, w) uint8, above 200 where it moved, valid until the next; moves: whether there is a region.

    moves: None where whoever answers knows no regions.
    """

    mask: Plane
    moves: bool | None = None

    def settled(self) -> "Answer":
        """Return the same after what is done to all alike: a median of 5x5, and regions for those that know none."""
        _, sure = cv2.threshold(self.mask, SURE, 255, cv2.THRESH_BINARY)
        mask = np.asarray(cv2.medianBlur(sure, _MEDIAN), np.uint8)
        moves = bool(outlines(mask, mask, max(4, round(_LEAST * mask.size)))) if self.moves is None else self.moves
        return Answer(mask, moves)


@dataclass(frozen=True, slots=True)
class Contender:
    """One that is shown picture after picture of one size, luma (h, w) uint8, and says what moves."""

    name: str
    find: Callable[[Plane], Answer]
    ours: bool = True


def everyone() -> list[Contender]:
    """Return all of them anew, having seen nothing; the default method first, then the others, then peers."""
    kinds = sorted(METHODS, key=lambda kind: name_of(kind) != default())
    return [_ours(name_of(kind), kind().start()) for kind in kinds] + peers()


def peers() -> list[Contender]:
    """Return the peers anew."""
    found = [
        _peer("MOG2", cv2.createBackgroundSubtractorMOG2(detectShadows=False)),
        _peer("KNN", cv2.createBackgroundSubtractorKNN(detectShadows=False)),
    ]
    return found + _of_bgslibrary()


def name_of(kind: Any) -> str:
    """Return by which `algorithm` of the configuration a method is chosen."""
    return str(kind.__struct_config__.tag)


def default() -> str:
    """Return the name of the method that a camera has which says nothing of it."""
    return name_of(type(CameraSettings(source=Synthetic()).motion))


def _ours(name: str, detector: MotionDetector) -> Contender:
    def find(luma: Plane) -> Answer:
        motion = detector.detect(luma)
        return Answer(motion.mask, bool(motion.regions))

    return Contender(name, find)


def _peer(name: str, model: Any) -> Contender:
    return Contender(name, lambda luma: Answer(model.apply(luma)), ours=False)


def _of_bgslibrary() -> list[Contender]:
    try:
        library = importlib.import_module("pybgs")
    except ImportError:
        return []
    return [Contender(name, _OfBgslibrary(library, kind), ours=False) for name, kind in _OF_BGSLIBRARY.items()]


class _OfBgslibrary:
    """A model of bgslibrary, which takes colour, and tells the terminal when it comes and goes."""

    def __init__(self, library: Any, kind: str) -> None:
        with _silence():
            self._model = getattr(library, kind)()

    def __call__(self, luma: Plane) -> Answer:
        mask = np.asarray(self._model.apply(cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR)), np.uint8)
        return Answer(mask if mask.shape == luma.shape else np.zeros_like(luma))

    def __del__(self) -> None:
        with _silence():
            del self._model


@contextmanager
def _silence() -> Iterator[None]:
    """Let nothing reach standard output and standard error, whoever writes there."""
    kept, nowhere = [os.dup(1), os.dup(2)], os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    try:
        yield
    finally:
        for stream, before in zip((1, 2), kept, strict=True):
            os.dup2(before, stream)
        for one in (*kept, nowhere):
            os.close(one)
