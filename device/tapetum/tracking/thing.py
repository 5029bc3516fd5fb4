"""One thing while it is being followed: the changing record behind a `Track`."""

from collections import deque
from dataclasses import dataclass, field
from itertools import count

from tapetum.scene import Box, Frame, Plane, State, Track
from tapetum.tracking.choice import Choice, Hold, Purse
from tapetum.tracking.follower import Followed
from tapetum.tracking.nuisance import LOOKS, Look, Nuisance

_RECENT = 5  # frames over which being seen is counted before a thing is believed
_LEARN_EVERY = 5  # frames seen alone as a region between two lessons for the follower
_STILL_S = 2.0  # at rest for this long, it is still
_REST = 0.25  # of its own size: moving less than this from where it was is being at rest


@dataclass(slots=True)
class Thing:
    """What is known of one thing; `seen` and `region_ns` tell by what, and when last. box: where it is held to be."""

    id: int
    box: Box
    first_box: Box
    first_ns: int
    last_ns: int
    region_ns: int  # last seen as a region of its own or with others
    anchor: Box  # where it has been at rest since anchor_ns
    anchor_ns: int
    hits: int = 1
    ended: bool = False  # it has turned out to be another
    shared: bool = False  # whether its region then was another's too
    confirmed: bool = False
    adopted: bool = False  # never seen as a region: a part of the background, for all that motion knows
    seen: bool = True
    verified_ns: int = 0  # last time somebody who knows (a model) said that it is there
    found: int = 0  # how often one who knows has seen it in this place
    missing: int = 0  # how often one has looked since, and not seen it
    covered_ns: int = 0  # since when it lies within an older thing; 0: it does not
    recent: deque[bool] = field(default_factory=lambda: deque([True], _RECENT))
    hold: Hold | None = None
    crowded: bool = False  # whether another is near
    way: deque[Box] = field(default_factory=lambda: deque(maxlen=LOOKS + 1))  # its regions, while it is not believed
    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=LOOKS))  # how it looked in them
    nuisance: Nuisance | None = None  # why it is not believed, if for no other reason
    doubts: int = 0  # looks at which it must still look like somebody, since it did not

    @classmethod
    def begin(cls, ids: "count[int]", box: Box, t_ns: int) -> "Thing":
        """Return a thing first seen in `box` at `t_ns`."""
        thing = cls(next(ids), box, box, t_ns, t_ns, t_ns, box, t_ns)
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

    @classmethod
    def split_off(cls, ids: "count[int]", box: Box, frame: Frame, hold: Hold) -> "Thing":
        """Return a thing in `box` of `frame` that somebody who knows has told from another that was taken for both."""
        thing = cls.begin(ids, box, frame.t_ns)
        thing.confirmed, thing.verified_ns, thing.hold = True, frame.t_ns, hold
        return thing

    def hit(self, box: Box, t_ns: int) -> None:
        """Count it as seen at `t_ns`, and held to be in `box`."""
        self.box = box
        self.hits += 1
        self.last_ns = t_ns
        self.seen = True
        self.recent.append(True)
        if _moved(self.anchor, box):
            self.anchor, self.anchor_ns = box, t_ns

    def learn(self, frame: Frame, mask: Plane, choice: Choice, purse: Purse) -> None:
        """Take it to be alone in its box, `mask` its pixels: what holds it learns from that now and then."""
        self.adopted = False
        if not self.confirmed:
            return
        if self.hold is None:
            self.hold = Hold(choice, frame, self.box, mask)
        elif self.hits % _LEARN_EVERY == 0:
            self.hold.learn(frame, self.box, mask)
        else:
            return
        self.hold.prepare(frame, self.box, self.crowded, purse)

    def follow(self, frame: Frame, near: Box, purse: Purse, last_ns: int) -> Followed | None:
        """Look for it around `near` by its pixels; None when nothing holds it yet or it is not found."""
        return None if self.hold is None else self.hold.find(frame, near, last_ns, self.crowded, purse)

    def judge(self, found: bool, missing: bool) -> None:
        """Count what one who knows has seen of it, or looked for and not seen."""
        self.found += found
        self.missing = 0 if found else self.missing + missing

    @property
    def refuted(self) -> bool:
        """Whether it has been taken for something by mistake: only one who knows has ever seen it, and does no more."""
        return self.adopted and self.missing > min(1, self.found)

    def shift(self, x: float, y: float) -> None:
        """Take all that is known of its places to have moved by (x, y), since the camera did."""
        self.box, self.anchor, self.first_box = (one.shifted(x, y) for one in (self.box, self.anchor, self.first_box))
        self.way = deque((one.shifted(x, y) for one in self.way), self.way.maxlen)

    def miss(self) -> None:
        """Count it as not seen in this frame."""
        self.seen = False
        self.recent.append(False)

    def state(self, t_ns: int) -> State:
        """Return how much it is believed at `t_ns`."""
        if not self.confirmed:
            return State.TENTATIVE
        if not self.seen:
            return State.LOST
        return State.STILL if t_ns - self.anchor_ns > _STILL_S * 1e9 else State.CONFIRMED

    def track(self, t_ns: int) -> Track:
        """Return what others may know of it."""
        box, nuisance = self.box.clipped(), self.nuisance or ""
        return Track(self.id, box, self.first_ns, self.last_ns, self.hits, self.state(t_ns), nuisance)


def _moved(was: Box, now: Box) -> bool:
    (x, y), (old_x, old_y) = now.centre, was.centre
    return abs(x - old_x) > _REST * was.width or abs(y - old_y) > _REST * was.height
