"""Motion as a difference from the background, with the difference from the previous frame to keep it honest.

A pixel changed if it differs from a running average of the scene by more than the noise explains at its brightness;
it moves if it also differs from the previous frame. The first gives whole objects, the second tells at once what the
first only learns slowly: a thing that moves, from a hole left by one that was there when the camera started.

R. Collins et al., "A system for video surveillance and monitoring", CMU-RI-TR-00-12, 2000 (adaptive background with
frame differences); the outline test for holes after L. Marcenaro et al., and R. Cucchiara et al., "Detecting moving
objects, ghosts, and shadows in video streams", IEEE TPAMI 25(10):1337-1342, 2003.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.motion.exposure import correction
from tapetum.motion.levels import samples
from tapetum.motion.noise import NoiseLevels
from tapetum.motion.regions import Rect, boxes, joined, outlines, upright
from tapetum.scene import Box, Condition, Motion, Plane
from tapetum.settings import Settings

_GHOST_MOVES = 0.02  # of a region's pixels: more than this differs from the previous frame, and it is no ghost
_GHOST_EDGE = 1.3  # times as steep is the background along a ghost's outline as the picture
_ABSORB_EVERY = 4  # frames: what is at rest is learned in fewer, larger steps
_AROUND = np.ones((7, 5), np.uint8)  # pixels around a plain change in which a faint one belongs to it
_LEAP = 3.0  # times as bright or dark at once: more than a camera's own step of exposure
_DARK = 4.0  # luma steps: what is darker differs by no more than this from black
_SQUARE = np.ones((3, 3), np.uint8)


class FrameDifference(Settings, tag="frame-difference", tag_field="algorithm", frozen=True):
    """Settings of the method."""

    threshold: Annotated[float, Meta(ge=1, le=100)] = 6.0  # luma steps above the noise: lower finds faint things, haze
    sigmas: Annotated[float, Meta(ge=2, le=20)] = 4.0  # of the noise: lower finds more at night, and more that is none
    min_area: Annotated[float, Meta(gt=0, lt=1)] = 0.0008  # of the frame: lower finds far things, and leaves
    join: Annotated[float, Meta(ge=0, le=0.2)] = 0.02  # of the frame's height: parts closer than this are one thing
    learning: Annotated[int, Meta(ge=2, le=10000)] = 50  # frames in which the background follows a slow change
    absorb: Annotated[int, Meta(ge=2, le=100000)] = 300  # frames in which a thing at rest that nobody follows fades
    changed: Annotated[float, Meta(gt=0, le=1)] = 0.5  # of the picture at once: the light, not a thing

    def start(self) -> "FrameDifferenceDetector":
        """Return a detector that has seen nothing yet."""
        return FrameDifferenceDetector(self)


@dataclass(frozen=True, slots=True)
class _Planes:
    """The frame-sized memory, made once for a size of picture: (h, w) uint8 but for the average."""

    average: NDArray[np.float32]  # the background as it is learned
    shift: NDArray[np.float32]  # what the camera's own change of brightness adds to it
    background: Plane  # the same, as it is compared
    smooth: Plane  # this picture
    previous: Plane
    residual: Plane  # |smooth - background|
    limit: Plane  # the least residual that is not noise
    strong: Plane  # 255: plainly changed
    weak: Plane  # 255: changed, faintly or plainly
    moving: Plane  # 255: changed since the previous frame
    learn: Plane  # 255: learned in this frame

    @classmethod
    def of(cls, luma: Plane) -> "_Planes":
        """Return planes of the size of `luma`, all zero."""
        dtypes = {"average": np.float32, "shift": np.float32}
        return cls(**{field.name: np.zeros(luma.shape, dtypes.get(field.name, np.uint8)) for field in fields(cls)})

    def turned(self) -> "_Planes":
        """Return the same planes, this picture's become the previous one's."""
        return replace(self, smooth=self.previous, previous=self.smooth)

    def seed(self) -> None:
        """Take this picture for the background."""
        self.average[:] = self.smooth
        self.background[:] = self.smooth
        self.strong[:] = 0


class FrameDifferenceDetector:
    """The running method. Its memory is 17 bytes for each pixel of the luma."""

    def __init__(self, settings: FrameDifference) -> None:
        self._settings = settings
        self._noise = NoiseLevels(settings.threshold, settings.sigmas)
        self._planes = _Planes.of(np.zeros((0, 0), np.uint8))
        self._learned = 0

    def detect(self, luma: Plane, keep: Sequence[Box] = ()) -> Motion:
        """Return what moved; nothing on the first frame, of which alone the background is made."""
        if luma.shape != self._planes.smooth.shape:
            return self._begin(luma)
        self._planes = planes = self._planes.turned()
        cv2.blur(luma, (3, 3), dst=planes.smooth)
        if self._leapt() or not self._expose():
            return self._begin_again()
        cv2.absdiff(planes.smooth, planes.background, dst=planes.residual)
        share = self._compare()
        if share > self._settings.changed:
            return self._begin_again()
        rects = self._rects() if share else []
        self._learn(keep)
        return Motion(planes.strong, boxes(rects, luma.shape), complete=self._learned > self._settings.learning)

    def _begin(self, luma: Plane) -> Motion:
        """Take the first picture, or the first of a new size, for the background."""
        self._planes = _Planes.of(luma)
        cv2.blur(luma, (3, 3), dst=self._planes.smooth)
        self._planes.seed()
        self._learned = 1
        return Motion(self._planes.strong, ())

    def _begin_again(self) -> Motion:
        """Take this picture for the background: the whole of it changed."""
        self._planes.seed()
        self._learned = 1
        return Motion(self._planes.strong, (), Condition.CHANGED)

    def _leapt(self) -> bool:
        """Whether the picture is so much darker or brighter that this is no exposure: covered, or a light switched."""
        was, now = (_DARK + cv2.mean(plane)[0] for plane in (self._planes.background, self._planes.smooth))
        return not 1 / _LEAP < now / was < _LEAP

    def _expose(self) -> bool:
        """Bring the background to this picture's exposure, and learn the noise that remains; not where it is none."""
        planes = self._planes
        found = correction(samples(planes.background), samples(planes.smooth), self._noise.limit)
        if found.partial:
            return False
        if found.shift is not None:
            cv2.LUT(planes.background, found.shift, dst=planes.shift)
            cv2.add(planes.average, planes.shift, dst=planes.average)
            cv2.convertScaleAbs(planes.average, dst=planes.background)
        self._noise.learn(found.left)
        return True

    def _compare(self) -> float:
        """Fill the masks; return the share of pixels that changed: plainly, or, where most did, faintly as by night."""
        planes = self._planes
        limit = self._noise.threshold(planes.background, planes.limit)
        cv2.compare(planes.residual, limit, cv2.CMP_GT, dst=planes.strong)
        cv2.add(planes.residual, planes.residual, dst=planes.weak)
        cv2.compare(planes.weak, limit, cv2.CMP_GT, dst=planes.weak)
        faintly = cv2.countNonZero(planes.weak) / planes.weak.size
        cv2.dilate(planes.strong, _AROUND, dst=planes.moving)
        cv2.bitwise_and(planes.weak, planes.moving, dst=planes.weak)
        cv2.absdiff(planes.smooth, planes.previous, dst=planes.moving)
        cv2.compare(planes.moving, limit, cv2.CMP_GT, dst=planes.moving)
        return faintly if faintly > self._settings.changed else cv2.countNonZero(planes.strong) / planes.strong.size

    def _rects(self) -> list[Rect]:
        planes = self._planes
        height, width = planes.weak.shape
        gap = max(1, round(self._settings.join * height))
        min_pixels = max(4, round(self._settings.min_area * height * width))
        found = [rect for rect in outlines(planes.weak, planes.strong, min_pixels) if not self._is_ghost(rect)]
        whole = joined(found, gap_x=max(1, gap // 3), gap_y=gap)
        parts = [part for rect in whole for part in upright(planes.weak, planes.residual, rect)]
        return [part for part in parts if (part[2] - part[0]) * (part[3] - part[1]) >= min_pixels]

    def _is_ghost(self, rect: Rect) -> bool:
        """Whether `rect` is a hole left by what was there when the background was taken; if so, learn it at once.

        A ghost does not move, and its outline is an edge of the background that the picture has not.
        """
        planes = self._planes
        inside = (slice(rect[1], rect[3]), slice(rect[0], rect[2]))
        mask = planes.weak[inside]
        if cv2.countNonZero(planes.moving[inside]) > _GHOST_MOVES * cv2.countNonZero(mask):
            return False
        rim = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, _SQUARE), np.uint8)
        here, there = (_steepness(plane[inside], rim) for plane in (planes.smooth, planes.background))
        if there < _GHOST_EDGE * here:
            return False
        planes.average[inside] = planes.smooth[inside]
        return True

    def _learn(self, keep: Sequence[Box]) -> None:
        """Follow the scene where nothing changed; let what is at rest, and followed by nobody, fade into it."""
        planes = self._planes
        self._learned += 1
        cv2.bitwise_not(planes.weak, dst=planes.learn)
        rate = 1 / min(self._learned, self._settings.learning)
        cv2.accumulateWeighted(planes.smooth, planes.average, rate, mask=planes.learn)
        if self._learned % _ABSORB_EVERY == 0:
            planes.learn[:] = planes.weak
            for box in keep:
                planes.learn[box.slices(planes.learn)] = 0
            rate = min(1.0, _ABSORB_EVERY / self._settings.absorb)
            cv2.accumulateWeighted(planes.smooth, planes.average, rate, mask=planes.learn)
        cv2.convertScaleAbs(planes.average, dst=planes.background)


def _steepness(plane: Plane, rim: Plane) -> float:
    """Return the mean brightness range in 3x3 pixels of `plane` along `rim`, in luma steps."""
    return cv2.mean(cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, _SQUARE), mask=rim)[0]
