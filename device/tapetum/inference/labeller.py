"""Which tracks a model is asked about, and what its answers make of them.

A frame is not asked about; a track is, while the answer could change something: soon and often while it is new or
doubtful, then at intervals that double. Answers come in some frames later and are counted for the track they fit, so
labels grow older under load and frames never slower.
"""

from collections.abc import Container, Mapping, Sequence
from operator import itemgetter
from typing import Annotated, Protocol

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.inference.model import Answer, Crop, Model
from tapetum.inference.preprocess import crop
from tapetum.inference.votes import Votes
from tapetum.scene import Box, Detection, Frame, Label, State, Track
from tapetum.settings import Fraction, Positive, Seconds, Settings

_FITS = 0.5  # of the smaller of a detection's and a track's box inside the other: less, and it is something else
_INSIDE = 0.6  # of a track's box inside a detection's: it may be a part of what that shows
_NEAREST = 0.5  # of the model's input side: the smallest crop, enlarged twice; a smaller one shows nothing more
_ENTERING = 0.6  # what an answer counts about a thing at the frame's edge: half a thing looks like something else
_EDGE = 0.05  # of the frame: a box nearer to its edge may be half a thing
_PATIENCE = 1.25  # times as long is waited after each answer that told nothing
MOTION = Label("motion", 1.0)
"""What a track is held to be where no model can be asked."""


class Labelling(Settings, frozen=True):
    """How often a model is asked, and when it is believed."""

    min_score: Fraction = 0.4  # of a detection that counts as a vote: lower names more, and more of it wrongly
    evidence: Positive = 0.9  # sum of the scores from which a track has a label: about two votes
    context: Annotated[float, Meta(ge=0, le=2)] = 0.15  # of a track's size that its crop shows on each side of it
    retry_s: Seconds = 0.2  # before a track without a label is asked about again, a quarter longer each time
    recheck_s: Seconds = 2.0  # the same for one that has a label, doubled each time
    longest_s: Seconds = 60.0  # between two questions about one track, at most

    def start(self, model: Model, enhancer: "Enhancer") -> "Labeller":
        """Return a labeller that asks `model` about crops made judgeable by `enhancer`."""
        return Labeller(self, model, enhancer)


class Enhancer(Protocol):
    """Makes a crop, (h, w, 3) RGB uint8, judgeable."""

    def enhance(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return it as a model should see it."""
        ...


class Labeller:
    """The running labeller of one camera."""

    def __init__(self, settings: Labelling, model: Model, enhancer: Enhancer) -> None:
        self._settings = settings
        self._model = model
        self._enhancer = enhancer
        self._votes: dict[int, Votes] = {}
        self._boxes: dict[int, Box] = {}  # of all tracks when the question under way was asked
        self.asked = 0
        self.refused = 0
        self.confirmed: frozenset[int] = frozenset()

    def label(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Label]:
        """Take in the answers that have come, ask about the most urgent track, return the labels known, by track.

        `confirmed` then holds the tracks that an answer has just shown to be what they are held to be. While no model
        can be asked, what is known stays, and all else is motion.
        """
        asks = self._model.input_size is not None
        self._votes = {track.id: self._votes.get(track.id) or Votes(self._settings.evidence) for track in tracks}
        self.confirmed = frozenset().union(*(self._count(answer) for answer in self._model.collect()))
        if asks:
            self._ask(frame, tracks)
        labels = {track: label for track, votes in self._votes.items() if (label := votes.label)}
        return labels if asks else {track.id: MOTION for track in tracks} | labels

    def _count(self, answer: Answer) -> set[int]:
        """Count for each track the best detection that fits it; return the tracks whose label that confirms."""
        best: dict[int, Detection] = {}
        for detection in sorted(answer.detections, key=lambda detection: -detection.score):
            track = self._fitting(detection, best) if detection.score >= self._settings.min_score else None
            if track is not None:
                best[track] = detection
        for track, detection in best.items():
            weight = _ENTERING if _at_edge(self._boxes[track]) else 1.0
            self._votes[track].add(detection, answer.model, weight)
        return {track for track, detection in best.items() if self._votes[track].leading() == detection.label}

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

    def _ask(self, frame: Frame, tracks: Sequence[Track]) -> None:
        there = [track for track in tracks if track.state in (State.CONFIRMED, State.STILL)]
        due = [(urgency, track) for track in there if (urgency := self._urgency(track, frame)) >= 1]
        size = self._model.input_size
        if not due or size is None:
            return
        _, track = max(due, key=itemgetter(0))
        box = _shaped(track.box.grown(self._settings.context), frame.size, size)
        pixels = self._enhancer.enhance(crop(frame, box, size))
        if not self._model.offer([Crop(track.id, box, pixels)]):
            self.refused += 1
            return
        self.asked += 1
        self._boxes = {track.id: track.box for track in tracks}
        self._votes[track.id].ask(frame.t_ns)

    def _urgency(self, track: Track, frame: Frame) -> float:
        """Return how long ago it was asked about, in the interval that is due to it."""
        votes, settings = self._votes[track.id], self._settings
        if not votes.asked:
            return float("inf")
        if votes.rechecked and votes.settled:
            interval_s = settings.recheck_s * 2.0 ** min(votes.rechecked - 1, 20)
        else:
            interval_s = settings.retry_s * _PATIENCE ** min(max(0, votes.doubted - 1), 40)
        return (frame.t_ns - votes.asked_ns) / 1e9 / min(settings.longest_s, interval_s)


def _at_edge(box: Box) -> bool:
    return min(box.left, box.top, 1 - box.right, 1 - box.bottom) < _EDGE


def _fit(track: Box, detection: Box) -> float:
    smaller = min(track.area, detection.area)
    return track.overlap(detection) / smaller if smaller > 0 else 0.0


def _shaped(box: Box, size: tuple[int, int], wanted: tuple[int, int]) -> Box:
    """Return the smallest crop around `box` with the shape of the model's input, moved and cut to lie in the frame.

    `size`: (width, height) of the frame, `wanted` of the model's input, pixels.
    """
    scale = max(box.width * size[0] / wanted[0], box.height * size[1] / wanted[1], _NEAREST)
    width, height = min(1.0, scale * wanted[0] / size[0]), min(1.0, scale * wanted[1] / size[1])
    x, y = box.centre
    left = min(max(0.0, x - width / 2), 1 - width)
    top = min(max(0.0, y - height / 2), 1 - height)
    return Box(left, top, left + width, top + height)
