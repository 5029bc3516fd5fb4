"""Whether the device does as well with a new model as it did before: counts over time, and what is worse in them.

Alerts come as they come: that ten more or ten fewer begin in a time is chance (three standard deviations of a Poisson
count of ten), and no model's fault. They come in bursts too, and most of all when a daemon has just started and all it
sees is new: so a first while is not counted then, and a short one tells nothing.
"""

from collections import deque
from dataclasses import dataclass

from tapetum.install.settings import Trials

_CHANCE = 10  # alerts
_WHILE = 0.1  # of the time on trial: a minute of ten
_FEWEST = 100  # pictures: a share of less says little
_KEPT = 200  # tallies


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts since the daemon's start, at a time. captured, analysed: pictures of all cameras; alerts: that began."""

    at_s: float
    captured: int
    analysed: int
    alerts: int


@dataclass(frozen=True, slots=True)
class Pace:
    """What was counted in a time."""

    span_s: float
    captured: int
    analysed: int
    alerts: int

    @property
    def share(self) -> float:
        """The share of the pictures that came that was analysed: 1 where none was dropped."""
        return min(1.0, self.analysed / self.captured) if self.captured else 1.0


class Log:
    """The tallies of the last while."""

    def __init__(self, span_s: float, after_start: bool = False) -> None:
        """Remember those of the last `span_s` seconds; after a start, not of the first while."""
        self._span_s = span_s
        self._unheard_s = _WHILE * span_s if after_start else 0.0
        self._begun_s: float | None = None
        self._tallies: deque[Tally] = deque()

    def add(self, tally: Tally) -> None:
        """Take one more, in the order of time; where a camera counts anew, what was before it is forgotten."""
        kept = self._tallies
        if self._begun_s is None:
            self._begun_s = tally.at_s
        if tally.at_s - self._begun_s < self._unheard_s:
            return
        if kept and (tally.captured < kept[-1].captured or tally.analysed < kept[-1].analysed):
            kept.clear()
        if len(kept) > 1 and tally.at_s - kept[-2].at_s < self._span_s / _KEPT:
            kept.pop()  # the newest is always there, those before it lie apart
        kept.append(tally)
        while len(kept) > 1 and tally.at_s - kept[1].at_s >= self._span_s:
            kept.popleft()

    def pace(self) -> Pace | None:
        """Return what was counted in it; None before there is a time between two."""
        if len(self._tallies) < 2:
            return None
        first, last = self._tallies[0], self._tallies[-1]
        return Pace(
            last.at_s - first.at_s,
            last.captured - first.captured,
            last.analysed - first.analysed,
            last.alerts - first.alerts,
        )


def worse(before: Pace | None, now: Pace | None, settings: Trials) -> str:
    """Return what is worse than `before`, in words; "" where nothing is, or too little was counted to tell."""
    if before is None or now is None:
        return ""
    if min(before.captured, now.captured) >= _FEWEST and now.share < settings.frames * before.share:
        return f"{now.share:.0%} of the pictures are analysed, and were {before.share:.0%} before"
    if now.span_s > 2 * before.span_s or min(now.span_s, before.span_s) < _WHILE * settings.trial_s:
        return ""
    expected = before.alerts / before.span_s * now.span_s
    told = f"{now.alerts} alerts in {now.span_s:.0f} s; before, {expected:.1f} would have been expected"
    many = now.alerts > settings.most_alerts * expected + _CHANCE
    few = min(expected, before.alerts) >= _CHANCE and now.alerts < settings.fewest_alerts * expected
    return told if many or few else ""
