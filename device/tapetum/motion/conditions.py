"""What is true of the whole picture: a light was switched, the camera moved, is shaken, covered, frozen, sees infrared.

None of it is motion. A part is a moment (`light`, `moved`, `infrared`, `changed`) and is held for two seconds, so that
it is heard; a part lasts (`shaken`, `covered`, `frozen`) until it is over, with a second's patience at both ends. What
says more goes first: of a covered camera nobody wants to hear that it moved.

All times are those at which the frames were taken. It costs a few samples of each picture; where nothing is displaced,
the search for by how much is spared.
"""

from dataclasses import replace

from tapetum.motion.signs import Repeats, colour, structure
from tapetum.motion.steadiness import Pose, Steadiness
from tapetum.scene import Condition, Frame, Motion
from tapetum.settings import Fraction, Seconds, Settings

_SECOND_NS = 1_000_000_000
_TOLD_NS = 2 * _SECOND_NS  # for which a moment is held
_EXAMINED_NS = _SECOND_NS // 5  # between two looks at structure and colour, which have time
_NAMED_NS = _SECOND_NS // 2  # in which a change of light may turn out to be the infrared filter's
_NOTHING, _SOMETHING = 0.03, 0.06  # structure: below the first there is nothing, above the second something
_GRAY, _COLOURED = 0.03, 0.1  # of the picture: less is in faint colour, and it is gray; more in plain, and it is not
_SWITCHED_NS = 2 * _SECOND_NS  # from one to the other: a filter is faster, dusk is slower


class Conditions(Settings, frozen=True):
    """From when on a condition is told."""

    moved: Fraction = 0.01  # of the picture's width, by which a view must have shifted: less is learned and not told
    covered_s: Seconds = 2.0  # without anything to be seen
    frozen_s: Seconds = 10.0  # of the same picture: longer than a camera's encoder is silent when nothing happens

    def start(self) -> "ConditionWatch":
        """Return a watch that has seen nothing yet."""
        return ConditionWatch(self)


class ConditionWatch:
    """The running watch of one camera: `look` at each frame, then `judge` the motion that was found in it."""

    def __init__(self, settings: Conditions) -> None:
        self._steadiness = Steadiness(settings.moved)
        self._covered = Lasting(settings.covered_s, 1.0)
        self._frozen = Lasting(settings.frozen_s, 0.0)
        self._repeats = Repeats()
        self._filter = _Filter()
        self._examined_ns: int | None = None
        self._nothing = False  # to be seen in the last picture
        self._moment, self._until_ns = Condition.CLEAR, 0
        self._lit_ns: int | None = None  # since when the light waits for its name
        self._t_ns = 0
        self._drift = (0.0, 0.0)  # of the scene in the last frame, fractions of the frame

    def look(self, frame: Frame) -> bool:
        """Take in `frame`; return whether the background must be learned anew: what differs from it is no thing."""
        self._t_ns, self._drift = frame.t_ns, (0.0, 0.0)
        t_ns = frame.t_ns
        same = self._repeats.same(frame.luma)
        self._frozen.take(same, t_ns)
        due = self._is_due(t_ns)
        if due:  # though it be the same: no look may have fallen on its first
            self._nothing = structure(frame.luma) < (_SOMETHING if self._covered.on else _NOTHING)
        self._covered.take(self._nothing, t_ns)
        if same or self._nothing:
            return False
        switched = due and self._is_switched(frame)
        pose = self._steadiness.look(frame.luma, t_ns)
        height, width = frame.luma.shape
        self._drift = self._steadiness.drift[0] / width, self._steadiness.drift[1] / height
        if pose is Pose.MOVED and not self._told(Condition.INFRARED):
            self._tell(Condition.MOVED)
        return switched or pose is Pose.JOLTED

    def _is_due(self, t_ns: int) -> bool:
        """Whether it is time for what need not be looked at in each picture."""
        if self._examined_ns is not None and 0 <= t_ns - self._examined_ns < _EXAMINED_NS:
            return False
        self._examined_ns = t_ns
        return True

    def _is_switched(self, frame: Frame) -> bool:
        """Return whether the infrared filter was, and tell of it."""
        switched = self._filter.switched(frame, frame.t_ns)
        if switched:
            self._lit_ns = None
            self._tell(Condition.INFRARED)
        return switched

    def judge(self, motion: Motion) -> Motion:
        """Return `motion` with what is true of the frame that was looked at last."""
        if motion.condition is Condition.CHANGED:
            self._wonder()
        if self._lit_ns is not None and self._t_ns - self._lit_ns >= _NAMED_NS:
            self._lit_ns = None
            if not self._covered.begun:
                self._tell(Condition.LIGHT)
        return replace(motion, condition=self._now(), drift=self._drift)

    def _wonder(self) -> None:
        """Find out what the whole picture changed by: the view that holds is in another light."""
        if self._covered.begun or self._covered.on:
            return
        if self._steadiness.holds:
            if not self._told(Condition.INFRARED, Condition.LIGHT) and self._lit_ns is None:
                self._lit_ns = self._t_ns
        elif not self._steadiness.away:
            self._tell(Condition.CHANGED)

    def _told(self, *moments: Condition) -> bool:
        """Whether one of `moments` is told now, and with it what else it does to the picture."""
        return self._moment in moments and self._t_ns < self._until_ns

    def _tell(self, moment: Condition) -> None:
        self._moment, self._until_ns = moment, self._t_ns + _TOLD_NS

    def _now(self) -> Condition:
        if self._covered.on:
            return Condition.COVERED
        if self._frozen.on:
            return Condition.FROZEN
        if self._steadiness.shaken:
            return Condition.SHAKEN
        return self._moment if self._t_ns < self._until_ns else Condition.CLEAR


class Lasting:
    """Something that is so when it has been for long enough, and is not so any more when it has not been."""

    def __init__(self, after_s: float, over_s: float) -> None:
        """Begin `after_s` seconds of it, end `over_s` seconds without."""
        self.on = False
        self._after_ns, self._over_ns = int(after_s * 1e9), int(over_s * 1e9)
        self._since_ns: int | None = None

    @property
    def begun(self) -> bool:
        """Whether it is so, or will be if it lasts."""
        return self.on or self._since_ns is not None

    def take(self, now: bool, t_ns: int) -> None:
        """Take in whether it is so at `t_ns`."""
        if now is self.on:
            self._since_ns = None
            return
        self._since_ns = t_ns if self._since_ns is None else self._since_ns
        if t_ns - self._since_ns >= (self._over_ns if self.on else self._after_ns):
            self.on, self._since_ns = now, None


class _Filter:
    """The infrared filter, which takes all colour with it."""

    def __init__(self) -> None:
        self._coloured: bool | None = None
        self._sure_ns = 0  # when the picture last was plainly what it is held to be

    def switched(self, frame: Frame, t_ns: int) -> bool:
        """Return whether colour has just come or gone, and not by and by."""
        faintly, plainly = colour(frame.u, frame.v)
        if faintly >= _GRAY and plainly <= _COLOURED:
            return False
        before, self._coloured = self._coloured, plainly > _COLOURED
        since_ns, self._sure_ns = t_ns - self._sure_ns, t_ns
        return before is not None and before is not self._coloured and since_ns <= _SWITCHED_NS
