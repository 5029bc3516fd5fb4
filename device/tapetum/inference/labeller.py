"""What a model's answers make of the tracks.

A question shows one track or several (`scheduler` decides which); its answer comes some frames later and is counted for
the tracks that it fits, where they were when it was asked, so labels grow older under load and frames never slower.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.contract import Input
from tapetum.inference.model import Answer, Crop, Model
from tapetum.inference.preprocess import Preprocessor
from tapetum.inference.scheduler import Question, Reason, Scheduler, Scheduling
from tapetum.inference.votes import Votes
from tapetum.scene import Box, Detection, Findings, Frame, Label, Track
from tapetum.settings import Fraction, Positive, Settings

_FITS = 0.5  # of the smaller of a detection's and a track's box inside the other: less, and it is something else
_INSIDE = 0.6  # of a track's box inside a detection's: it may be a part of what that shows
_ENTERING = 0.6  # what an answer counts about a thing at the frame's edge: half a thing looks like something else
_EDGE = 0.05  # of the frame: a box nearer to its edge may be half a thing
_APART = 0.1  # of a detection's box under a track's: more, and motion has not missed it
_CUT = 0.005  # of the frame: a box nearer to the edge of the crop is of something that may go on beyond it
MOTION = Label("motion", 1.0)
"""What a track is held to be where no model can be asked."""


class Labelling(Settings, frozen=True):
    """When a model is believed."""

    min_score: Fraction = 0.4  # of a detection that counts as a vote: lower names more, and more of it wrongly
    evidence: Positive = 0.9  # sum of the scores from which a track has a label: about two votes

    def start(self, scheduling: Scheduling, model: Model, enhancer: "Enhancer") -> "Labeller":
        """Return a labeller that asks `model` when `scheduling` says so, about crops made judgeable by `enhancer`."""
        return Labeller(self, scheduling, model, enhancer)


class Enhancer(Protocol):
    """Makes a crop, (h, w, channels) uint8, RGB or gray, judgeable."""

    def enhance(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return it as a model should see it."""
        ...


class Labeller:
    """The running labeller of one camera."""

    def __init__(self, settings: Labelling, scheduling: Scheduling, model: Model, enhancer: Enhancer) -> None:
        self._settings = settings
        self._scheduling = scheduling
        self._model = model
        self._enhancer = enhancer
        self.scheduler: Scheduler = scheduling.start()
        self._votes: dict[int, Votes] = {}
        self._question = Question(Box(0, 0, 1, 1), (), Reason.LOOK)  # the one asked last
        self._boxes: dict[int, Box] = {}  # of all tracks when it was asked
        self._asked_ns = 0
        self._prepared: tuple[Input, Preprocessor] | None = None
        self.refused = 0
        self.confirmed: frozenset[int] = frozenset()
        self.unmoved: tuple[Box, ...] = ()
        self.findings: tuple[Findings, ...] = ()

    @property
    def asked(self) -> int:
        """How many questions the model took."""
        return self.scheduler.asked.total()

    def label(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Label]:
        """Take in the answers that have come, ask what is most urgent, return the labels known, by track.

        `confirmed` then holds the tracks that an answer has just shown to be what they are held to be, `unmoved` where
        one has just shown something that is no track, `findings` what each has shown. While no model can be asked, what
        is known stays, and all else is motion.
        """
        asks = self._model.input is not None
        self._votes = {track.id: self._votes.get(track.id) or Votes(self._settings.evidence) for track in tracks}
        answers = self._model.collect()
        self.confirmed = frozenset().union(*(self._count(answer) for answer in answers))
        self.unmoved = tuple(box for answer in answers for box in self._unmoved(answer, tracks))
        self.findings = tuple(self._findings(answer) for answer in answers)
        if asks:
            self._ask(frame, tracks)
        labels = {track: label for track, votes in self._votes.items() if (label := votes.label)}
        return labels if asks else {track.id: MOTION for track in tracks} | labels

    def _count(self, answer: Answer) -> set[int]:
        """Count for each track the best detection that fits it; return the tracks whose label that confirms."""
        best: dict[int, Detection] = {}
        for detection in sorted(answer.detections, key=lambda detection: -detection.score):
            track = self._shown(answer, detection, best) if detection.score >= self._settings.min_score else None
            if track is not None:
                best[track] = detection
        for track, detection in best.items():
            weight = _ENTERING if _at_edge(self._boxes[track]) else 1.0
            self._votes[track].add(detection, answer.model, weight)
        return {track for track, detection in best.items() if self._votes[track].leading() == detection.label}

    def _shown(self, answer: Answer, detection: Detection, taken: Container[int]) -> int | None:
        """Return the track, not `taken`, that `detection` shows: the one asked about where the model says no place."""
        if answer.places:
            return self._fitting(detection, taken)
        there = answer.track in self._votes and answer.track in self._boxes
        return answer.track if there and answer.track not in taken else None

    def _fitting(self, detection: Detection, taken: Container[int]) -> int | None:
        """Return the track that `detection` shows, if it shows one that is still there and not `taken`.

        A track known as just that goes before one that fits better: what stretches out an arm is still one.
        """
        boxes = {track: box for track, box in self._boxes.items() if track in self._votes and track not in taken}
        fitting = {track: box for track, box in boxes.items() if _fit(box, detection.box) >= _FITS}
        known = [track for track, box in fitting.items() if self._is_known(track, box, detection)]
        return max(known or fitting, key=lambda track: fitting[track].iou(detection.box), default=None)

    def _is_known(self, track: int, box: Box, detection: Detection) -> bool:
        """Whether `track` is held to be what `detection` says, and lies in its box."""
        label = self._votes[track].label
        inside = box.overlap(detection.box) >= _INSIDE * box.area
        return inside and label is not None and label.name == detection.label

    def _unmoved(self, answer: Answer, tracks: Sequence[Track]) -> list[Box]:
        """Return where the answer to a look at the whole frame shows something that no track is or was."""
        if self._question.reason is not Reason.LOOK or not answer.places:
            return []
        known = [*self._boxes.values(), *(track.box for track in tracks)]
        found: list[Box] = []
        for box in self._looked_for(answer):
            if not any(box.overlap(other) > _APART * min(other.area, box.area) for other in [*known, *found]):
                found.append(box)
        return found

    def _findings(self, answer: Answer) -> Findings:
        """Return what an answer has shown of what is looked for, the best first, and what it should have shown."""
        area, found = self._question.box, self._looked_for(answer)
        whole = tuple(box for box in found if answer.places and _is_whole(box, area))
        shown = {track: self._boxes[track] for track in self._question.tracks if track in self._boxes}
        missing = (track for track, own in shown.items() if not any(_fit(own, box) >= _FITS for box in found))
        return Findings(self._asked_ns, whole, frozenset(missing))

    def _looked_for(self, answer: Answer) -> list[Box]:
        wanted = self._scheduling.look_for
        found = sorted(answer.detections, key=lambda detection: -detection.score)
        return [
            one.box for one in found if one.score >= self._settings.min_score and (not wanted or one.label in wanted)
        ]

    def _ask(self, frame: Frame, tracks: Sequence[Track]) -> None:
        picture = self._model.input
        standings = {track: votes.standing for track, votes in self._votes.items()}
        if picture is None:
            return
        alone = not self._model.places
        question = self.scheduler.question(frame, tracks, standings, picture.size, alone=alone)
        if question is None:
            return
        pixels, box = self._preprocessor(picture).crop(frame, question.box)
        track = question.tracks[0] if question.tracks else 0
        if not self._model.offer([Crop(track, box, self._enhancer.enhance(pixels))]):
            self.refused += 1
            return
        self.scheduler.take(question, standings, frame.t_ns)
        self._question = question
        self._boxes = {track.id: track.box for track in tracks}
        self._asked_ns = frame.t_ns

    def _preprocessor(self, picture: Input) -> Preprocessor:
        """Return what makes pictures for the model that runs now: another may have taken over."""
        if self._prepared is None or self._prepared[0] != picture:
            self._prepared = picture, Preprocessor(picture)
        return self._prepared[1]


def _at_edge(box: Box) -> bool:
    return min(box.left, box.top, 1 - box.right, 1 - box.bottom) < _EDGE


def _is_whole(box: Box, area: Box) -> bool:
    """Whether what is in `box` does not go on beyond `area`, unless the frame ends there too."""
    edges = ((box.left, area.left, 0.0), (box.top, area.top, 0.0))
    ends = ((-box.right, -area.right, -1.0), (-box.bottom, -area.bottom, -1.0))
    return all(edge > end + _CUT or end <= frame for edge, end, frame in [*edges, *ends])


def _fit(track: Box, detection: Box) -> float:
    smaller = min(track.area, detection.area)
    return track.overlap(detection) / smaller if smaller > 0 else 0.0
