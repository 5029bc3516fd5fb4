"""Which follower holds a thing, and when.

What a region of its own shows needs none. CamShift keeps what stands still or is not shown for a moment: it costs next
to nothing, but of two that pass each other in like colours it may go on with the wrong one. A correlation filter knows
the shape as well and seldom does, for five times the time; so it is started where somebody comes near, and asked only
while one region shows both. What the followers of a frame take together is bounded: beyond it, CamShift holds them all.
"""

from typing import Annotated

from msgspec import Meta

from tapetum.scene import Box, Frame, Plane
from tapetum.settings import Settings
from tapetum.tracking.camshift import CamShift, CamShiftFollower
from tapetum.tracking.correlation import Correlation
from tapetum.tracking.follower import Followed, PixelFollower
from tapetum.tracking.methods import Follower, cost_of

_ASTRAY = 0.3  # IoU with the thing's own region, below which a follower is started anew


class Automatic(Settings, tag="automatic", tag_field="algorithm", frozen=True):
    """CamShift for what stands and for what is not shown, correlation through crossings."""


Choice = Automatic | Follower
"""How things are followed: by what suits the moment, or each of them always by the one that is named."""
Budget = Annotated[float, Meta(ge=0, le=10_000)]
"""Updates of CamShift, for as many of which there is time in a frame."""


class Purse:
    """What the followers of a frame may take together."""

    def __init__(self, budget: float) -> None:
        self._budget = self._left = budget

    def fill(self) -> None:
        """Begin a frame."""
        self._left = self._budget

    def pays(self, method: Follower) -> bool:
        """Take what an update by `method` costs; False where that is no longer there."""
        cost = cost_of(method)
        if self._left < cost:
            return False
        self._left -= cost
        return True


class Hold:
    """What holds one thing by its pixels: CamShift, and beside it another where one was chosen."""

    def __init__(self, choice: Choice, frame: Frame, box: Box, mask: Plane) -> None:
        self._choice = choice
        own = choice if isinstance(choice, CamShift) else CamShift()
        self._plain: CamShiftFollower = own.start(frame, box, mask)
        self._other: PixelFollower | None = None
        self._other_ns = 0  # when it was asked last

    def learn(self, frame: Frame, box: Box, mask: Plane) -> None:
        """Take the thing to be in `box`, `mask` its pixels."""
        self._plain.learn(frame, box, mask)

    def prepare(self, frame: Frame, box: Box, crossing: bool, purse: Purse) -> None:
        """Let another follower know the thing in `box`, alone in its region, if it may be needed soon."""
        method = self._wanted(crossing)
        if method is None or not purse.pays(method):
            return
        found = self._other.update(frame, box) if self._other else None
        if found is None or not found.visible or found.box.iou(box) < _ASTRAY:
            self._other = method.start(frame, box)
        self._other_ns = frame.t_ns

    def find(self, frame: Frame, near: Box, last_ns: int, crossing: bool, purse: Purse) -> Followed | None:
        """Return where the thing is, expected `near`; None where it is not found. last_ns: when the last frame was."""
        method = self._wanted(crossing)
        if method and self._other and purse.pays(method):
            found = self._other.update(frame, None if self._other_ns == last_ns else near)
            self._other_ns = frame.t_ns
            if found.visible:
                return found
        found = self._plain.update(frame, near)
        return found if found.visible else None

    def knows(self, frame: Frame, box: Box) -> bool:
        """Whether the thing looks like what is in `box`."""
        found = self._plain.update(frame, box)
        return found.visible and found.box.iou(box) > _ASTRAY

    def _wanted(self, crossing: bool) -> Follower | None:
        """Return the method beside CamShift that is right; crossing: while another thing is near."""
        if isinstance(self._choice, Automatic):
            return _THROUGH_CROSSINGS if crossing else None
        return None if isinstance(self._choice, CamShift) else self._choice


_THROUGH_CROSSINGS = Correlation(cells=14, resize=False)  # what two share tells no size
