"""What every method of motion shares: from one luma to regions, whatever the method takes for the background.

A method is a `Model`: it keeps a background and says which pixels differ from it. All else is here, once, in `Stage`:
the picture's smoothing, the camera's exposure and noise, beginning anew when the whole picture changes, hysteresis,
regions, ghosts, and the boxes that are not to be learned.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Protocol

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.motion.exposure import gain_of, is_partial, leapt, left_of, remainder, shift_of
from tapetum.motion.levels import Samples, samples
from tapetum.motion.noise import NoiseLevels
from tapetum.motion.regions import Rect, boxes, joined, outlines, upright
from tapetum.motion.smoothing import Smoothing
from tapetum.motion.stripes import stripe
from tapetum.motion.texture import is_lit
from tapetum.scene import Box, Condition, Motion, Plane
from tapetum.settings import Settings
from tapetum.zones import Sensitivity, Zone

_GHOST_MOVES = 0.02  # of a region's pixels: more than this differs from the previous frame, and it is no ghost
_GHOST_EDGE = 1.3  # times as steep is the background along a ghost's outline as the picture
AROUND = np.ones((7, 5), np.uint8)  # pixels around a plain change in which a faint one belongs to it
_SQUARE = np.ones((3, 3), np.uint8)
_DIMS = 6  # of eight frames, the one in which it is looked at whether the picture is so dim that nothing else is
_EACH = 8  # frames from the start in which exposure and noise are looked at; later every eighth, and any that leaps
_PARTS = 4  # of the rows: in one of them in each frame it is looked up what is noise, which changes slowly
_LEAPS = 0.5  # luma steps on average that a picture differs by more than the one before: more than a thing that enters

Slices = tuple[slice, slice]
"""Rows and columns of a plane."""


class Common(Settings, frozen=True):
    """What every method can be told."""

    threshold: Annotated[float, Meta(ge=1, le=100)] = 6.0  # luma steps above the noise: lower finds faint things, haze
    sigmas: Annotated[float, Meta(ge=2, le=20)] = 4.0  # of the noise: lower finds more at night, and more that is none
    min_area: Annotated[float, Meta(gt=0, lt=1)] = 0.0008  # of the frame: lower finds far things, and leaves
    join: Annotated[float, Meta(ge=0, le=0.2)] = 0.02  # of the frame's height: parts closer than this are one thing
    learning: Annotated[int, Meta(ge=2, le=10000)] = 50  # frames in which the background follows a slow change
    absorb: Annotated[int, Meta(ge=2, le=100000)] = 300  # frames in which what is shown at rest, and not held, fades
    changed: Annotated[float, Meta(gt=0, le=1)] = 0.5  # of the picture at once: the light, not a thing


@dataclass(slots=True)
class Scene:
    """The frame-sized memory that stage and method share, made once for a size of picture: (h, w) uint8 each."""

    picture: Plane  # this picture, smoothed over 3x3 pixels
    previous: Plane  # the one before it
    earlier: Plane  # and the one before that
    residual: Plane  # |picture - the model's background|, luma steps
    limit: Plane  # the least residual that is not noise
    strong: Plane  # 255: plainly changed
    weak: Plane  # 255: changed, faintly or plainly
    moving: Plane  # at the method's disposal
    learn: Plane  # 255: learned in this frame; at the method's disposal

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> "Scene":
        """Return planes of `shape` (h, w), all zero."""
        return cls(*(np.zeros(shape, np.uint8) for _ in fields(cls)))

    def turn(self) -> None:
        """Let this picture be the previous one, and have the earlier one's plane for the next."""
        self.picture, self.previous, self.earlier = self.earlier, self.picture, self.previous


class Model(Protocol):
    """What a method knows of a scene of one size, and what it makes of the next picture of it.

    `Stage` makes one for each size of picture, seeds it with the first and then calls, frame by frame: `shift` if the
    exposure changed, `compare`, `seed` for each ghost or, alone, where the whole picture changed, and `learn`. Of the
    planes of the scene it fills `strong` and `weak` in `compare`, where it may lower `residual` and put a higher plane
    of its own in the place of `limit`; it uses `moving` and `learn` as it likes, and reads the others. To forget what
    moved before the whole picture changed, it may make the two pictures before the same as this one.
    """

    @property
    def background(self) -> Plane:
        """(h, w) what the scene looks like with nothing in it, smoothed as the picture is; never written by others."""
        ...

    def seed(self, scene: Scene, inside: Slices | None = None) -> None:
        """Take the picture for the background, the whole of it or `inside`, and forget what was known there."""
        ...

    def shift(self, table: NDArray[np.float32]) -> None:
        """Bring all that is known to another exposure: `table` (256,) is what to add to each brightness."""
        ...

    def compare(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Fill `strong` and `weak`, 0 or 255, from `picture`, `residual` and `limit`; all that is strong is weak.

        In the `held` parts is what has been followed so far: it shows whether it moves or not.
        """
        ...

    def learn(self, scene: Scene, held: Sequence[Slices]) -> None:
        """Learn the picture, what is `weak` slowly or not at all, and nothing of it in the `held` parts."""
        ...


def plainly_and_faintly(scene: Scene, rows: slice = slice(None)) -> None:
    """Fill `strong` with what differs by the limit, `weak` with what differs by half of it, as most methods begin."""
    residual, limit, weak = scene.residual[rows], scene.limit[rows], scene.weak[rows]
    cv2.compare(residual, limit, cv2.CMP_GT, dst=scene.strong[rows])
    cv2.add(residual, residual, dst=weak)
    cv2.compare(weak, limit, cv2.CMP_GT, dst=weak)


class Stage:
    """A running method: `MotionDetector` around a `Model`.

    Its own memory is 9 bytes for each pixel of the luma, and 10 with zones.
    """

    def __init__(self, settings: Common, model: Callable[[tuple[int, ...]], Model]) -> None:
        """Look with what `model` makes for a shape (h, w)."""
        self._settings = settings
        self._make = model
        self._smoothing = Smoothing()
        self._noise = NoiseLevels(settings.threshold, settings.sigmas)
        self._scene = Scene.of((0, 0))
        self._limit = self._scene.limit  # the least difference that is not noise, wherever one looks alike closely
        self._zoned = self._scene.limit  # the same, where zones are looked at more or less closely
        self._model = model((0, 0))
        self._zones: Sequence[Zone] = ()
        self._sensitivity: Sensitivity | None = None
        self._seen = 0  # frames since the background was begun
        self._looking: Iterator[bool] = iter(())  # at exposure and noise, under way
        self._differs = 0.0  # luma steps by which the previous picture differed from the background on average

    @property
    def model(self) -> Model:
        """What the method knows of the scene, for whoever looks at the method without what is around it."""
        return self._model

    def heed(self, zones: Sequence[Zone]) -> None:
        """Look as closely as `zones` say."""
        self._zones = zones
        shape = self._scene.picture.shape
        self._sensitivity = Sensitivity(zones, shape) if zones else None
        self._zoned = np.zeros(shape, np.uint8) if zones else self._limit

    def detect(self, luma: Plane, keep: Sequence[Box] = (), anew: bool = False) -> Motion:
        """Return what moved; nothing on the first frame, nor on one with which it begins `anew`."""
        if luma.shape != self._scene.picture.shape:
            self._scene, self._model = Scene.of(luma.shape), self._make(luma.shape)
            self._limit = self._scene.limit
            self.heed(self._zones)
            return self._begin(luma, Condition.CLEAR)
        scene = self._scene
        scene.turn()
        if anew:
            return self._begin(luma, Condition.CLEAR)
        self._smoothing.smooth(luma, scene.picture)
        if not self._follow():
            return self._begin(luma, Condition.CHANGED)
        held = [box.slices(luma) for box in keep]
        share = self._compare(held)
        if share > self._settings.changed:
            return self._begin(luma, Condition.CHANGED)
        if self._seen % _EACH == _DIMS and self._smoothing.is_unsuited(luma):
            return self._begin(luma, Condition.CLEAR)
        rects = self._rects() if share else []
        self._seen += 1
        self._model.learn(scene, held)
        complete = self._seen > self._settings.learning
        found, background, dim = boxes(rects, luma.shape), self._model.background, self._smoothing.dim
        return Motion(scene.strong, found, complete=complete, background=background, dim=dim)

    def _begin(self, luma: Plane, condition: Condition) -> Motion:
        """Take this picture for the background: it is the first, the first of its size, or the whole of it changed."""
        if self._smoothing.suit(luma) or self._smoothing.dim:  # of a dim picture nothing is left that noise hides in
            self._noise = NoiseLevels(self._settings.threshold, self._settings.sigmas)
        self._smoothing.smooth(luma, self._scene.picture)
        self._model.seed(self._scene)
        self._scene.strong[:] = 0
        self._seen, self._differs, self._looking = 1, 0.0, iter(())
        return Motion(self._scene.strong, (), condition)

    def _follow(self) -> bool:
        """Find what differs from the background at this picture's exposure; return whether there is such a thing.

        What exposure and noise are is looked at when much differs that did not, and else when it is time for it, a step
        in each frame.
        """
        before, self._differs = self._differs, self._residual()
        if self._seen <= _EACH or self._differs >= before + _LEAPS:
            self._looking = iter(())
            return all(self._look())
        if self._seen % _EACH == 1:
            self._looking = self._look()
        return next(self._looking, True)

    def _look(self) -> Iterator[bool]:
        """Bring the background to the picture's exposure and learn the noise; yield, step by step, whether that can be.

        Each step is so small that its frame takes little longer than others.
        """
        background, picture = samples(self._model.background), samples(self._scene.picture)
        if leapt(background, picture):
            yield False
        gain = gain_of(background, picture)
        yield True
        difference = remainder(background, picture, gain)
        left = left_of(background, difference)
        yield True
        if is_partial(background, picture, gain, difference, self._noise.limit):
            yield False
        shift = shift_of(background, gain, left)
        if shift is not None:
            self._model.shift(shift)
            self._noise.threshold(self._model.background, self._limit)
            self._differs = self._residual()
        yield True
        self._noise.learn(left, _contrast(background), 1 if self._seen <= _EACH else _EACH)

    def _residual(self) -> float:
        """Fill the residual; return its mean."""
        cv2.absdiff(self._scene.picture, self._model.background, dst=self._scene.residual)
        return float(cv2.mean(self._scene.residual)[0])

    def _compare(self, held: Sequence[Slices]) -> float:
        """Fill the masks; return the share of pixels that changed: plainly, or, where most did, faintly as by night."""
        scene = self._scene
        rows = stripe(len(self._limit), self._seen, 1 if self._seen <= _EACH else _PARTS)
        self._noise.threshold(self._model.background[rows], self._limit[rows])
        if self._sensitivity:
            self._sensitivity.apply(self._limit, self._zoned)
        scene.limit = self._zoned
        self._model.compare(scene, held)
        pixels = scene.weak.size * (self._sensitivity.looked_at if self._sensitivity else 1)
        faintly = cv2.countNonZero(scene.weak) / max(1, pixels)
        plainly = cv2.countNonZero(scene.strong) / max(1, pixels)
        if not plainly:
            scene.weak[:] = 0
        else:
            cv2.dilate(scene.strong, AROUND, dst=scene.moving)
            cv2.bitwise_and(scene.weak, scene.moving, dst=scene.weak)
        return faintly if faintly > self._settings.changed else plainly

    def _rects(self) -> list[Rect]:
        scene = self._scene
        height, width = scene.weak.shape
        gap = max(1, round(self._settings.join * height))
        min_pixels = max(4, round(self._settings.min_area * height * width))
        found = [rect for rect in outlines(scene.weak, scene.strong, min_pixels) if not self._is_none(rect)]
        whole = joined(found, gap_x=max(1, gap // 3), gap_y=gap)
        parts = [part for rect in whole for part in upright(scene.weak, scene.residual, rect)]
        return [part for part in parts if (part[2] - part[0]) * (part[3] - part[1]) >= min_pixels]

    def _is_none(self, rect: Rect) -> bool:
        """Whether `rect` is no thing: the scene in another light, or a hole, which is learned.

        What is followed is asked too: of somebody who has gone out of the picture the shadow is left, and goes last.
        """
        scene = self._scene
        inside = (slice(rect[1], rect[3]), slice(rect[0], rect[2]))
        mask = scene.weak[inside]
        if is_lit(scene.picture[inside], self._model.background[inside], mask):
            scene.strong[inside] = 0
            return True
        since = cv2.absdiff(scene.picture[inside], scene.previous[inside])
        moving = cv2.countNonZero(cv2.compare(since, scene.limit[inside], cv2.CMP_GT))
        if moving > _GHOST_MOVES * cv2.countNonZero(mask) or not self._is_ghost(inside):
            return False
        self._model.seed(scene, inside)
        return True

    def _is_ghost(self, inside: Slices) -> bool:
        """Whether what rests `inside` is a hole left by what was there when the background was taken.

        A ghost does not move, and its outline is an edge of the background that the picture has not: after
        L. Marcenaro et al., and R. Cucchiara et al., "Detecting moving objects, ghosts, and shadows in video streams",
        IEEE TPAMI 25(10):1337-1342, 2003.
        """
        scene = self._scene
        rim = np.asarray(cv2.morphologyEx(scene.weak[inside], cv2.MORPH_GRADIENT, _SQUARE), np.uint8)
        here, there = (_steepness(plane[inside], rim) for plane in (scene.picture, self._model.background))
        return there >= _GHOST_EDGE * here


def _contrast(values: Samples) -> float:
    """Return the standard deviation of the brightness in `values`."""
    return float(cv2.meanStdDev(values)[1][0, 0])


def _steepness(plane: Plane, rim: Plane) -> float:
    """Return the mean brightness range in 3x3 pixels of `plane` along `rim`, in luma steps."""
    return cv2.mean(cv2.morphologyEx(plane, cv2.MORPH_GRADIENT, _SQUARE), mask=rim)[0]
