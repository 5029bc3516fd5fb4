"""One thing while it is being followed: the changing record behind a `Track`."""

from collections import deque
from dataclasses import dataclass, field
from itertools import count

from tapetum.scene import Box, Frame, Plane, State, Track
from tapetum.tracking.camshift import CamShift, CamShiftFollower
from tapetum.tracking.follower import Followed
from tapetum.tracking.nuisance import LOOKS, Look, Nuisance
from tapetum.tracking.predict import Predictor

_RECENT = 5  # frames over which being seen is counted before a thing is believed
_LEARN_EVERY = 5  # frames seen alone as a region between two lessons for the follower
_STILL_S = 2.0  # at rest for this long, it is still
_REST = 0.25  # of its own size: moving less than this from where it was is being at rest


@dataclass(slots=True)
class Thing:
    """What is known of one thing; `seen` and `region_ns` tell by what, and when last."""

    id: int
    predictor: Predictor
    first_box: Box
    first_ns: int
    last_ns: int
    region_ns: int  # last seen as a region of its own or with others
    anchor: Box  # where it has been at rest since anchor_ns
    anchor_ns: int
    hits: int = 1
    confirmed: bool = False
    adopted: bool = False  # never seen as a region: a part of the background, for all that motion knows
    seen: bool = True
    verified_ns: int = 0  # last time somebody who knows (a model) said that it is there
    covered_ns: int = 0  # since when it lies within an older thing; 0: it does not
    recent: deque[bool] = field(default_factory=lambda: deque([True], _RECENT))
    follower: CamShiftFollower | None = None
    way: deque[Box] = field(default_factory=lambda: deque(maxlen=LOOKS + 1))  # its regions, while it is not believed
    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=LOOKS))  # how it looked in them
    nuisance: Nuisance | None = None  # why it is not believed, if for no other reason
    doubts: int = 0  # looks at which it must still look like somebody, since it did not

    @classmethod
    def begin(cls, ids: "count[int]", box: Box, t_ns: int) -> "Thing":
        """Return a thing first seen in `box` at `t_ns`."""
        thing = cls(next(ids), Predictor(box, t_ns), box, t_ns, t_ns, t_ns, box, t_ns)
        thing.way.append(box)
        return thing

    @classmethod
    def adopted_at(cls, ids: "count[int]", box: Box, t_ns: int) -> "Thing":
        """Return a thing at rest in `box`, that motion has never shown and somebody who knows has seen."""
        thing = cls.begin(ids, box, t_ns)
        thing.confirmed = thing.adopted = True
        thing.verified_ns = t_ns
        thing.anchor_ns = t_ns - int(_STILL_S * 1e9)
        return thing

    def hit(self, box: Box, t_ns: int, resize: bool) -> None:
        """Count it as seen in `box`; `resize`: the box is its own alone."""
        self.predictor.correct(box, t_ns, resize)
        self.hits += 1
        self.last_ns = t_ns
        self.seen = True
        self.recent.append(True)
        if _moved(self.anchor, self.predictor.box):
            self.anchor, self.anchor_ns = self.predictor.box, t_ns

    def hit_region(self, box: Box, frame: Frame, mask: Plane, method: CamShift) -> None:
        """Count it as seen as a region of its own, `mask` its pixels: the follower learns from that now and then."""
        self.hit(box, frame.t_ns, resize=True)
        self.region_ns = frame.t_ns
        self.adopted = False
        if not self.confirmed:
            return
        if self.follower is None:
            self.follower = method.start(frame, self.predictor.box, mask)
        elif self.hits % _LEARN_EVERY == 0:
            self.follower.learn(frame, self.predictor.box, mask)

    def follow(self, frame: Frame) -> Followed | None:
        """Look for it by its colours; None when it has no follower yet or is not found."""
        if self.follower is None:
            return None
        found = self.follower.update(frame, self.predictor.predicted(frame.t_ns))
        return found if found.visible else None

    def miss(self) -> None:
        """Count it as not seen in this frame."""
        self.seen = False
        self.recent.append(False)
        self.predictor.rest()

    def is_there(self, hits: int, travel: float) -> bool:
        """Whether it was seen `hits` times of five, and has come or grown by `travel` of the frame."""
        near, now = self.first_box, self.predictor.box
        edges = ((near.left, now.left), (near.top, now.top), (near.right, now.right), (near.bottom, now.bottom))
        return sum(self.recent) >= hits and max(abs(a - b) for a, b in edges) >= travel

    def state(self, t_ns: int) -> State:
        """Return how much it is believed at `t_ns`."""
        if not self.confirmed:
            return State.TENTATIVE
        if not self.seen:
            return State.LOST
        return State.STILL if t_ns - self.anchor_ns > _STILL_S * 1e9 else State.CONFIRMED

    def track(self, t_ns: int) -> Track:
        """Return what others may know of it."""
        box, nuisance = self.predictor.box.clipped(), self.nuisance or ""
        return Track(self.id, box, self.first_ns, self.last_ns, self.hits, self.state(t_ns), nuisance)


def _moved(was: Box, now: Box) -> bool:
    (x, y), (old_x, old_y) = now.centre, was.centre
    return abs(x - old_x) > _REST * was.width or abs(y - old_y) > _REST * was.height
