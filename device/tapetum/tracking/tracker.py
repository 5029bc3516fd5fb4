"""Regions, one frame after another, become tracks that keep their identity.

Each thing is predicted, the regions are assigned to the predictions at the least total cost (those believed first,
as in Y. Zhang et al., "ByteTrack", ECCV 2022: the doubtful get what is left), and what no region explains is looked
for by its colours. So a thing keeps its name while it stands still, while its region is one with another's, and in
frames in which nothing moves.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta

from tapetum.scene import Box, Findings, Frame, Motion, Track
from tapetum.settings import Seconds, Settings
from tapetum.tracking.assign import areas, overlaps
from tapetum.tracking.association import Match, matched
from tapetum.tracking.belief import came, is_urgent
from tapetum.tracking.choice import Automatic, Budget, Choice, Hold, Purse
from tapetum.tracking.findings import History
from tapetum.tracking.follower import inside
from tapetum.tracking.nuisance import LOOKS, Nuisance, Nuisances, enough, judged, look, straightness
from tapetum.tracking.predict import SIZE, Edges, Predictors, edges
from tapetum.tracking.recall import recalled
from tapetum.tracking.thing import Thing
from tapetum.zones import Zone

_EDGE = 0.01  # of the frame: a box nearer to its edge may be leaving
_NEAR = 0.4  # of its size around a thing's box: another that reaches into that is near
_COVERED = 0.8  # of a younger thing's box within an older one's
_COMPARED = 2  # things: one alone is near nobody
_COVERED_S = 1.5  # for so long, and they are one thing
_CHANGED = 0.02  # of a followed box that differs from the background, where that is known
_HELD = 0.1  # of its size, by which a box is widened under which the background is not learned


class Tracking(Settings, frozen=True):
    """How things are followed."""

    follower: Choice = Automatic()
    budget: Budget = 40.0  # updates of CamShift that the followers of a frame may take: less crosses by colours alone
    hits: Annotated[int, Meta(ge=1, le=5)] = 3  # of five frames: fewer believes sooner, and believes flicker
    travel: Annotated[float, Meta(ge=0, le=1)] = 0.02  # of the frame that a thing must move or grow to be believed
    large: Annotated[float, Meta(gt=0, le=1)] = 0.2  # of the frame: what covers so much is believed at the second sight
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
        self._things: list[Thing] = []  # in the order in which they came
        self._predictors = Predictors()  # a row for each of them
        self._history = History()
        self._zones: tuple[Zone, ...] = ()
        self._heeded: tuple[Findings, ...] = ()
        self._ids = count(1)
        self._purse = Purse(settings.budget)
        self._t_ns = self._last_ns = 0
        self._motion = Motion(np.zeros((1, 1), np.uint8), ())
        self.rejected: Counter[Nuisance] = Counter()  # how many things were taken for nobody, and why

    def held(self) -> list[Box]:
        """Return the boxes under which the background must not be learned: believed things that are there."""
        limit_ns = self._settings.still_s * 1e9
        return [
            thing.box.grown(_HELD)
            for thing in self._things
            if thing.confirmed and self._t_ns - max(thing.anchor_ns, thing.verified_ns) < limit_ns
        ]

    def mark(self, zones: Sequence[Zone]) -> None:
        """Believe at once what stands in those of `zones` that are marked for it."""
        self._zones = tuple(zones)

    def verify(self, ids: Iterable[int], t_ns: int) -> None:
        """Take the things `ids` for present: somebody who knows has seen them."""
        wanted = set(ids)
        for thing in self._things:
            if thing.id in wanted:
                thing.verified_ns = t_ns

    def adopt(self, boxes: Iterable[Box], t_ns: int) -> None:
        """Begin a track in each of `boxes`, where somebody who knows has seen something that never moved."""
        self._begin([Thing.adopted_at(self._ids, box, t_ns) for box in boxes])

    def heed(self, findings: Iterable[Findings]) -> None:
        """Let the next update take in what a model has seen in frames that are past."""
        self._heeded = (*self._heeded, *findings)

    def update(self, motion: Motion, frame: Frame) -> tuple[Track, ...]:
        """Return all tracks as they stand in `frame`, in which there was `motion`."""
        self._last_ns, self._t_ns = self._t_ns, frame.t_ns
        t_ns, self._motion = frame.t_ns, motion
        self._purse.fill()
        left = list(motion.regions)

        # The camera may have moved.
        if motion.drift != (0.0, 0.0):
            self._predictors.shift(*motion.drift)
            for thing in self._things:
                thing.shift(*motion.drift)

        # What a model has seen since comes before all else.
        for findings in self._heeded:
            self._amend(findings, frame)
        self._heeded = ()

        if not self._things and not left:
            return ()

        # Those believed choose first, the doubtful get what is left.
        predicted = self._predictors.predicted(t_ns)
        believed = [row for row, thing in enumerate(self._things) if thing.confirmed]
        doubtful = [row for row, thing in enumerate(self._things) if not thing.confirmed]
        matches = matched(believed, predicted, left, self._settings.match, believed)
        matches |= matched(doubtful, predicted, left, self._settings.match, ())

        # What no region explains is looked for by its colours.
        self._take(matches, predicted, frame)

        # Who was lost may have come out again as what has just begun.
        for lost, young in recalled(self._things, frame):
            self._go_on(lost, young, t_ns)

        # What is left begins something new, and what has been away too long is gone.
        self._begin([Thing.begin(self._ids, box, t_ns) for box in left])
        self._compare(t_ns)
        self._let_go(t_ns)
        sure = [thing.region_ns == t_ns and not thing.shared for thing in self._things]
        self._history.add(t_ns, [thing.id for thing in self._things], self._predictors.boxes, sure)
        return tuple(thing.track(t_ns) for thing in self._things)

    def _go_on(self, lost: int, young: int, t_ns: int) -> None:
        """Let who was lost go on as what is now in the row `young`, which ends."""
        known, new = self._things[lost], self._things[young]
        self._predictors.take_over(lost, young)
        known.hit(new.box, t_ns)
        known.region_ns, new.ended = t_ns, True

    def _amend(self, findings: Findings, frame: Frame) -> None:
        """Correct where things are, begin what was taken for a part of another, let go of what is not there at all."""
        amended = self._history.compared(findings, [thing.id for thing in self._things])
        for row, thing in enumerate(self._things):
            thing.judge(amended is not None and row in amended.rows, thing.id in findings.missing)
        if amended:
            rows = np.array(amended.rows, np.intp)[amended.clear]
            self._predictors.amend(rows, amended.was[amended.clear], amended.boxes[amended.clear])
            self._hold_anew([amended.rows[one] for one in amended.of], frame)
            came = (self._predictors.boxes[amended.rows] - amended.boxes)[amended.of]
            parts = [box for one in (amended.split + came).tolist() if (box := Box(*one)).clipped().area > 0]
            choice, mask = self._settings.follower, self._motion.mask
            self._begin([Thing.split_off(self._ids, box, frame, Hold(choice, frame, box, mask)) for box in parts])

    def _hold_anew(self, rows: Iterable[int], frame: Frame) -> None:
        """Let what holds `rows` forget what it knew of them: it was another's too."""
        boxes = self._predictors.boxes.tolist()
        for row in rows:
            thing = self._things[row]
            thing.box = inside(Box(*boxes[row]))
            thing.hold = Hold(self._settings.follower, frame, thing.box, self._motion.mask)

    def _take(self, matches: Mapping[int, Match], predicted: Edges, frame: Frame) -> None:
        """Let each thing be where its match, or else its follower, shows it."""
        seen: dict[int, tuple[Box, float]] = {}
        for row, thing in enumerate(self._things):
            match, expected = matches.get(row), Box(*predicted[row].tolist())
            if match and not match.shared:
                seen[row] = match.box, SIZE
            elif match:
                found = thing.follow(frame, expected, self._purse, self._last_ns)
                seen[row] = found.box if found else expected, 0.0
            elif box := self._looked_for(thing, expected, frame):
                seen[row] = box, 0.0
        if seen:
            growth = np.array([grows for _, grows in seen.values()])
            self._predictors.correct(list(seen), edges([box for box, _ in seen.values()]), frame.t_ns, growth)
        if missed := [row for row in range(len(self._things)) if row not in seen]:
            self._predictors.rest(missed)
        boxes = self._predictors.boxes.tolist()
        for row, thing in enumerate(self._things):
            if row in seen:
                thing.hit(Box(*boxes[row]), frame.t_ns)
            else:
                thing.miss()
            if match := matches.get(row):
                self._learn(thing, match, frame)

    def _learn(self, thing: Thing, match: Match, frame: Frame) -> None:
        thing.region_ns, thing.shared = frame.t_ns, match.shared
        if not match.shared:
            thing.learn(frame, self._motion.mask, self._settings.follower, self._purse)
        if not thing.confirmed:
            self._believe(thing, match.region, frame)

    def _believe(self, thing: Thing, region: Box, frame: Frame) -> None:
        """Take `thing` for real once it is there, unless it looks like nobody."""
        limits = self._settings.nuisances
        thing.way.append(region)
        if limits.enabled and (seen := look(region, frame, self._motion)):
            thing.looks.append(seen)
        urgent = is_urgent(region, self._settings.large, self._zones)
        if not urgent and not self._is_there(thing):
            return
        straight = straightness(thing.way, frame.luma.shape)
        if thing.looks and (reason := judged(thing.looks, straight, limits)):
            if not thing.nuisance:
                self.rejected[reason] += 1
            thing.nuisance, thing.doubts = reason, LOOKS
        elif thing.doubts:  # what once looked like nobody must look like somebody for longer
            thing.doubts -= 1
        elif urgent or not thing.looks or enough(thing.looks, straight, limits):
            thing.nuisance, thing.confirmed = None, True

    def _is_there(self, thing: Thing) -> bool:
        hits, travel = self._settings.hits, self._settings.travel
        return sum(thing.recent) >= hits and came(thing.first_box, thing.way, thing.box, hits, travel)

    def _looked_for(self, thing: Thing, expected: Box, frame: Frame) -> Box | None:
        """Return where `thing`, that no region shows, is all the same; None where nobody knows."""
        if thing.adopted and frame.t_ns - thing.verified_ns < self._settings.still_s * 1e9:
            return thing.first_box
        if frame.t_ns - thing.region_ns >= self._settings.hold_s * 1e9:
            return None
        found = thing.follow(frame, expected, self._purse, self._last_ns)
        return None if found is None or self._is_absent(found.box) else found.box

    def _is_absent(self, box: Box) -> bool:
        """Whether the background itself is seen where a follower believes its thing to be."""
        inside = self._motion.mask[box.slices(self._motion.mask)]
        return self._motion.complete and cv2.countNonZero(inside) < _CHANGED * inside.size

    def _begin(self, things: list[Thing]) -> None:
        if things:
            self._things += things
            self._predictors.add(edges([thing.box for thing in things]), self._t_ns)

    def _compare(self, t_ns: int) -> None:
        """Tell who is near whom; let go of a younger thing that lies within an older for long: they were one."""
        if len(self._things) < _COMPARED:
            for thing in self._things:
                thing.crowded, thing.covered_ns = False, 0
            return
        boxes = self._predictors.boxes
        believed = [row for row, thing in enumerate(self._things) if thing.confirmed]
        reach = _NEAR * (boxes[:, 2:] - boxes[:, :2])
        near = overlaps(np.hstack([boxes[:, :2] - reach, boxes[:, 2:] + reach]), boxes[believed]) > 0
        for row, others in enumerate(near.sum(axis=1).tolist()):
            self._things[row].crowded = others > self._things[row].confirmed
        covered = overlaps(boxes, boxes[believed]) > _COVERED * areas(boxes[:, :2], boxes[:, 2:])[:, None]
        older = np.array(believed) < np.arange(len(boxes))[:, None]
        for thing, is_covered in zip(self._things, np.any(covered & older, axis=1), strict=True):
            if not is_covered:
                thing.covered_ns = 0
            elif thing.covered_ns == 0:
                thing.covered_ns = t_ns

    def _let_go(self, t_ns: int) -> None:
        stay = [row for row, thing in enumerate(self._things) if not self._gone(thing, t_ns)]
        if len(stay) < len(self._things):
            self._things = [self._things[row] for row in stay]
            self._predictors.keep(stay)

    def _gone(self, thing: Thing, t_ns: int) -> bool:
        if thing.ended or thing.refuted or (thing.covered_ns and t_ns - thing.covered_ns > _COVERED_S * 1e9):
            return True
        if not thing.confirmed:
            return not any(list(thing.recent)[-2:])
        patience_s = self._settings.leaving_s if _at_edge(thing.box) else self._settings.lost_s
        return t_ns - thing.last_ns > patience_s * 1e9


def _at_edge(box: Box) -> bool:
    return min(box.left, box.top, 1 - box.right, 1 - box.bottom) < _EDGE
