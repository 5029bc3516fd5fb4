"""Regions, one frame after another, become tracks that keep their identity.

Each thing is predicted, the regions are assigned to the predictions at the least total cost (those believed first,
as in Y. Zhang et al., "ByteTrack", ECCV 2022: the doubtful get what is left), and what no region explains is looked
for by its colours. So a thing keeps its name while it stands still, while its region is one with another's, and in
frames in which nothing moves.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta

from tapetum.scene import Box, Frame, Motion, Track, hull
from tapetum.settings import Seconds, Settings
from tapetum.tracking.assign import assign
from tapetum.tracking.camshift import CamShift
from tapetum.tracking.nuisance import LOOKS, Nuisance, Nuisances, enough, judged, look, straightness
from tapetum.tracking.thing import Thing

_EDGE = 0.01  # of the frame: a box nearer to its edge may be leaving
_PART = 0.6  # of a region's area inside a thing's box: it is a part of the thing
_PART_REACH = 0.15  # of its size, by which a thing's box is widened to look for its parts
_PIECE = 0.3  # of the region's area: a loose part smaller than this is no thing of its own
_SHARED = 0.5  # of a thing's predicted box under one region with another's: they are one region now
_COVERED = 0.8  # of a younger thing's box within an older one's
_COVERED_S = 1.5  # for so long, and they are one thing
_CHANGED = 0.02  # of a followed box that differs from the background, where that is known
_HELD = 0.1  # of its size, by which a box is widened under which the background is not learned


class Tracking(Settings, frozen=True):
    """How things are followed."""

    follower: CamShift = CamShift()
    hits: Annotated[int, Meta(ge=1, le=5)] = 3  # of five frames: fewer believes sooner, and believes flicker
    travel: Annotated[float, Meta(ge=0, le=1)] = 0.02  # of the frame that a thing must move or grow to be believed
    match: Annotated[float, Meta(gt=0, le=1)] = 0.85  # cost of the worst pair accepted: lower loses what jumps
    hold_s: Seconds = 3.0  # how long colours alone keep a track
    lost_s: Seconds = 1.5  # how long a thing may be out of sight
    leaving_s: Seconds = 0.5  # the same at the frame's edge
    still_s: Seconds = 60.0  # how long a thing at rest is held that no model confirms
    nuisances: Nuisances = Nuisances()

    def start(self) -> "Tracker":
        """Return a tracker that follows nothing yet."""
        return Tracker(self)


class Tracker:
    """The running tracker of one camera."""

    def __init__(self, settings: Tracking) -> None:
        self._settings = settings
        self._things: list[Thing] = []
        self._ids = count(1)
        self._t_ns = 0
        self._motion = Motion(np.zeros((1, 1), np.uint8), ())
        self.rejected: Counter[Nuisance] = Counter()  # how many things were taken for nobody, and why

    def held(self) -> list[Box]:
        """Return the boxes under which the background must not be learned: believed things that are there."""
        limit_ns = self._settings.still_s * 1e9
        return [
            thing.predictor.box.grown(_HELD)
            for thing in self._things
            if thing.confirmed and self._t_ns - max(thing.anchor_ns, thing.verified_ns) < limit_ns
        ]

    def verify(self, ids: Iterable[int], t_ns: int) -> None:
        """Take the things `ids` for present: somebody who knows has seen them."""
        wanted = set(ids)
        for thing in self._things:
            if thing.id in wanted:
                thing.verified_ns = t_ns

    def adopt(self, boxes: Iterable[Box], t_ns: int) -> None:
        """Begin a track in each of `boxes`, where somebody who knows has seen something that never moved."""
        self._things += [Thing.adopted_at(self._ids, box, t_ns) for box in boxes]

    def update(self, motion: Motion, frame: Frame) -> tuple[Track, ...]:
        """Return all tracks as they stand in `frame`, in which there was `motion`."""
        self._t_ns = t_ns = frame.t_ns
        left = list(motion.regions)
        self._motion = motion

        # Those believed choose first, the doubtful get what is left.
        believed = [thing for thing in self._things if thing.confirmed]
        doubtful = [thing for thing in self._things if not thing.confirmed]
        missed = self._match(believed, left, frame)
        missed += self._match(doubtful, left, frame)

        # What no region explains is looked for by its colours.
        for thing in missed:
            self._look_for(thing, frame)

        # What is left begins something new, and what has been away too long is gone.
        self._things += [Thing.begin(self._ids, box, t_ns) for box in left]
        self._join_covered(t_ns)
        self._things = [thing for thing in self._things if not self._gone(thing, t_ns)]
        return tuple(thing.track(t_ns) for thing in self._things)

    def _match(self, things: list[Thing], left: list[Box], frame: Frame) -> list[Thing]:
        """Give `things` their regions, taking them out of `left`; return the things that got none."""
        predicted = [thing.predictor.predicted(frame.t_ns) for thing in things]
        pairs = assign(predicted, left, self._settings.match)
        regions = list(left)
        for region in pairs.values():
            left.remove(regions[region])
        missed = [thing for index, thing in enumerate(things) if index not in pairs]
        for index, region in pairs.items():
            others = [box for other, box in zip(things, predicted, strict=True) if other in missed and other.confirmed]
            self._take(things[index], predicted[index], regions[region], (left, others), frame)
        return missed

    def _take(
        self, thing: Thing, predicted: Box, region: Box, around: tuple[list[Box], list[Box]], frame: Frame
    ) -> None:
        """Let `thing` be in `region`, with the parts of it that lie loose, unless it is one with another thing's."""
        left, others = around
        if any(region.overlap(box) > _SHARED * box.area for box in others):
            found = thing.follow(frame)
            thing.hit(found.box if found else predicted, frame.t_ns, resize=False)
            thing.region_ns = frame.t_ns
        else:
            reach = predicted.united(region).grown(_PART_REACH)
            parts = [box for box in left if box.overlap(reach) > _PART * box.area and _is_part(box, region)]
            for part in parts:
                left.remove(part)
            thing.hit_region(hull([region, *parts]), frame, self._motion.mask, self._settings.follower)
        if not thing.confirmed:
            self._believe(thing, region, frame)

    def _believe(self, thing: Thing, region: Box, frame: Frame) -> None:
        """Take `thing` for real once it is there, unless it looks like nobody."""
        limits = self._settings.nuisances
        thing.way.append(region)
        if limits.enabled and (seen := look(region, frame, self._motion)):
            thing.looks.append(seen)
        if not thing.is_there(self._settings.hits, self._settings.travel):
            return
        straight = straightness(thing.way, frame.luma.shape)
        if thing.looks and (reason := judged(thing.looks, straight, limits)):
            if not thing.nuisance:
                self.rejected[reason] += 1
            thing.nuisance, thing.doubts = reason, LOOKS
        elif thing.doubts:  # what once looked like nobody must look like somebody for longer
            thing.doubts -= 1
        elif not thing.looks or enough(thing.looks, straight, limits):
            thing.nuisance, thing.confirmed = None, True

    def _look_for(self, thing: Thing, frame: Frame) -> None:
        if thing.adopted and frame.t_ns - thing.verified_ns < self._settings.still_s * 1e9:
            thing.hit(thing.first_box, frame.t_ns, resize=False)
            return
        found = None
        if frame.t_ns - thing.region_ns < self._settings.hold_s * 1e9:
            found = thing.follow(frame)
        if found is None or self._is_absent(found.box):
            thing.miss()
        else:
            thing.hit(found.box, frame.t_ns, resize=False)

    def _is_absent(self, box: Box) -> bool:
        """Whether the background itself is seen where a follower believes its thing to be."""
        inside = self._motion.mask[box.slices(self._motion.mask)]
        return self._motion.complete and cv2.countNonZero(inside) < _CHANGED * inside.size

    def _join_covered(self, t_ns: int) -> None:
        """Let go of a younger thing that lies within an older one for long: they were parts of one."""
        for young in self._things:
            box = young.predictor.box
            older = (old.predictor.box for old in self._things if old.id < young.id and old.confirmed)
            if not any(box.overlap(other) > _COVERED * box.area for other in older):
                young.covered_ns = 0
            elif young.covered_ns == 0:
                young.covered_ns = t_ns

    def _gone(self, thing: Thing, t_ns: int) -> bool:
        if thing.covered_ns and t_ns - thing.covered_ns > _COVERED_S * 1e9:
            return True
        if not thing.confirmed:
            return not any(list(thing.recent)[-2:])
        patience_s = self._settings.leaving_s if _at_edge(thing.predictor.box) else self._settings.lost_s
        return t_ns - thing.last_ns > patience_s * 1e9


def _is_part(box: Box, region: Box) -> bool:
    """Whether `box` is a piece of what is in `region`, above, below or small, and nobody who walks beside it."""
    shared = min(box.right, region.right) - max(box.left, region.left)
    return shared > 0.5 * box.width or box.area < _PIECE * region.area


def _at_edge(box: Box) -> bool:
    return min(box.left, box.top, 1 - box.right, 1 - box.bottom) < _EDGE
