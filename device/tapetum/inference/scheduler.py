"""Which part of which frame is worth asking a model about.

A frame is not asked about; a track is, while the answer could change something: at once when it is new, soon and ever
less often while it has no name, at intervals that double once it has one. Tracks that lie together share a question,
and now and then the whole frame is looked at for what motion never showed. A budget bounds it all.
`docs/design/scheduling.md` has the figures behind the numbers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from tapetum.inference.crops import CONTEXT, around, nearest, scale, shaped
from tapetum.scene import Box, Frame, State, Track
from tapetum.settings import Positive, Seconds, Settings

_PATIENCE = 1.5  # times as long is waited after each answer that left a track without a name
_SETTLED = 2.0  # times as long after each that confirmed it
_STEPS = 40  # by which an interval grows: more are beyond every longest
_SOON = 0.5  # of its interval: a track that has waited so long joins the question about a neighbour
_SHOWN = 0.2  # of a crop's height or width: what is smaller in it is not shown well enough to count as asked about
_WITHIN = 0.9  # of a track's box within a crop that shows it
_FRAME = Box(0.0, 0.0, 1.0, 1.0)


class Reason(StrEnum):
    """Why a question is asked."""

    NEW = "new"  # nothing is known of it yet
    NAMING = "naming"  # the next answer may name it, and raise an alert
    DOUBT = "doubt"  # it has a name, and much speaks for another
    RECHECK = "recheck"  # its name is settled, and grows stale
    STILL = "still"  # the same of what has come to rest
    LOOK = "look"  # the whole frame, for what motion does not show


_WEIGHT = {
    Reason.NEW: 4.0, Reason.NAMING: 4.0, Reason.DOUBT: 2.0, Reason.RECHECK: 1.0, Reason.STILL: 1.0, Reason.LOOK: 1.0
}  # fmt: skip
"""How many times as urgent: what can raise an alert goes before what only keeps one right."""


class Standing(StrEnum):
    """What the answers about a track have come to."""

    UNKNOWN = "unknown"
    LEANING = "leaning"  # one name leads, and is not believed yet
    NAMED = "named"  # believed, and much speaks for another
    SETTLED = "settled"


class Scheduling(Settings, frozen=True):
    """When a model is asked, and about how much of the frame."""

    context: Annotated[float, Meta(ge=0, le=2)] = CONTEXT  # of a track's size that its crop shows on each side of it
    retry_s: Seconds = 0.4  # before a track without a label is asked about again, half as long again each time
    recheck_s: Seconds = 8.0  # the same for one that has a label, doubled each time
    longest_s: Seconds = 60.0  # between two questions about one track, at most
    spread: Annotated[float, Meta(ge=1, le=8)] = 2.0  # times as wide may a crop be that shows several: 1 joins fewer
    look_s: Annotated[float, Meta(ge=0, le=86400)] = 30.0  # between two looks at the whole frame; 0: none
    look_for: tuple[str, ...] = ("person",)  # what such a look may find that motion did not; empty: everything
    per_s: Positive = 5.0  # questions a second, at most

    def start(self) -> "Scheduler":
        """Return a scheduler that has asked nothing yet."""
        return Scheduler(self)


@dataclass(frozen=True, slots=True)
class Question:
    """What is in `box` of the frame? tracks: those that an answer is about, the most urgent first."""

    box: Box
    tracks: tuple[int, ...]
    reason: Reason


@dataclass(slots=True)
class _Asked:
    """How often a track was asked about, and when last; settled and unsettled: the questions since it is so.

    leaned: whether it was asked about since an answer has spoken for a name; from then on unsettled counts anew.
    """

    at_ns: int
    settled: int = 0
    unsettled: int = 0
    leaned: bool = False

    def again(self, standing: Standing, t_ns: int) -> "_Asked":
        """Return what it is after one more question, at `t_ns`."""
        if standing is Standing.SETTLED:
            return _Asked(t_ns, self.settled + 1, 0, leaned=True)
        begins = self.begins_to_lean(standing)
        return _Asked(t_ns, 0, 1 if begins else self.unsettled + 1, leaned=self.leaned or begins)

    def begins_to_lean(self, standing: Standing) -> bool:
        """Whether the answer to the last question is the first that has spoken for a name."""
        return standing is Standing.LEANING and not self.leaned


@dataclass(frozen=True, slots=True)
class _Due:
    """A track, and since how many of its intervals it waits."""

    track: Track
    reason: Reason
    waited: float

    @property
    def urgency(self) -> float:
        return self.waited * _WEIGHT[self.reason]


class Scheduler:
    """The running scheduler of one camera."""

    def __init__(self, settings: Scheduling) -> None:
        self._settings = settings
        self._history: dict[int, _Asked] = {}
        self._looked_ns: int | None = None
        self._filled_ns: int | None = None
        self._tokens = self._burst = max(1.0, settings.per_s)
        self.asked: Counter[Reason] = Counter()
        self.over_budget = 0

    def question(
        self,
        frame: Frame,
        tracks: Sequence[Track],
        standings: Mapping[int, Standing],
        size: tuple[int, int],
        *,
        alone: bool = False,
    ) -> Question | None:
        """Return what to ask about `frame`, None where nothing is due or the budget is spent.

        standings: of every track; size: (width, height) of the model's input, pixels. alone: about one track, since the
        model does not say where in a crop a thing is; nor is there a look at the whole frame.
        """
        self._fill(frame.t_ns)
        self._history = {track.id: self._history[track.id] for track in tracks if track.id in self._history}
        there = [track for track in tracks if track.state in (State.CONFIRMED, State.STILL)]
        waiting = [self._waiting(track, standings[track.id], frame.t_ns) for track in there]
        waiting.sort(key=lambda one: -one.urgency)
        first = next((one for one in waiting if one.waited >= 1), None)
        looks = not alone and self._looks(first, frame.t_ns)
        if first is None and not looks:
            return None
        if self._tokens < 1:
            self.over_budget += 1
            return None
        if first is None or looks:
            return Question(
                _FRAME, tuple(one.track.id for one in waiting if _shows(_FRAME, one.track.box)), Reason.LOOK
            )
        if alone:
            box = around(first.track.box, self._settings.context, frame.size, size)
            return Question(box, (first.track.id,), first.reason)
        box = self._crop(first, waiting, frame, size)
        shown = tuple(one.track.id for one in waiting if one is first or _shows(box, one.track.box))
        return Question(box, shown, first.reason)

    def take(self, question: Question, standings: Mapping[int, Standing], t_ns: int) -> None:
        """Count `question` as asked at `t_ns`."""
        self._tokens -= 1
        self.asked[question.reason] += 1
        if question.reason is Reason.LOOK:
            self._looked_ns = t_ns
        for track in question.tracks:
            self._history[track] = self._history.get(track, _Asked(t_ns)).again(standings[track], t_ns)

    def _fill(self, t_ns: int) -> None:
        """Let the budget grow by what has gone by."""
        if self._filled_ns is not None:
            grown = self._tokens + (t_ns - self._filled_ns) / 1e9 * self._settings.per_s
            self._tokens = min(self._burst, max(self._tokens, grown))
        self._filled_ns = t_ns

    def _looks(self, first: _Due | None, t_ns: int) -> bool:
        """Whether to look at the whole frame, rather than at `first`; at the start at once: all is background then."""
        if not self._settings.look_s:
            return False
        if self._looked_ns is None:
            return first is None
        waited = (t_ns - self._looked_ns) / 1e9 / self._settings.look_s
        return waited >= 1 and (first is None or waited * _WEIGHT[Reason.LOOK] > first.urgency)

    def _waiting(self, track: Track, standing: Standing, t_ns: int) -> _Due:
        asked = self._history.get(track.id)
        if asked is None:
            return _Due(track, Reason.NEW, 1.0)
        reason = _reason(track, standing)
        return _Due(track, reason, (t_ns - asked.at_ns) / 1e9 / self._interval_s(asked, standing))

    def _interval_s(self, asked: _Asked, standing: Standing) -> float:
        """Return how long a track waits for its next question."""
        settings = self._settings
        if standing is Standing.SETTLED and asked.settled:
            wanted_s = settings.recheck_s * _SETTLED ** min(asked.settled - 1, _STEPS)
        else:
            unsettled = 0 if asked.begins_to_lean(standing) else asked.unsettled
            wanted_s = settings.retry_s * _PATIENCE ** min(max(0, unsettled - 1), _STEPS)
        return min(settings.longest_s, wanted_s)

    def _crop(self, first: _Due, waiting: Sequence[_Due], frame: Frame, size: tuple[int, int]) -> Box:
        """Return the crop around `first` and those of its neighbours that fit into it and have waited a while."""
        own = first.track.box.grown(self._settings.context)
        most = self._settings.spread * nearest(own, frame.size, size)
        members, area = [first.track.box], own
        for one in waiting:
            wider = area.united(one.track.box.grown(self._settings.context))
            boxes = [*members, one.track.box]
            crop = shaped(wider, frame.size, size)
            fits = scale(wider, frame.size, size) <= most and all(_shows(crop, box) for box in boxes)
            if one is not first and one.waited >= _SOON and fits:
                members, area = boxes, wider
        return shaped(area, frame.size, size)


def _reason(track: Track, standing: Standing) -> Reason:
    if standing is Standing.SETTLED:
        return Reason.STILL if track.state is State.STILL else Reason.RECHECK
    return {Standing.UNKNOWN: Reason.NEW, Standing.LEANING: Reason.NAMING}.get(standing, Reason.DOUBT)


def _shows(crop: Box, box: Box) -> bool:
    """Whether `crop` shows what is in `box` whole, and large enough."""
    large = max(box.width / crop.width, box.height / crop.height) >= _SHOWN
    return large and crop.overlap(box) >= _WITHIN * box.area
