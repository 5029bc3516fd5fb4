"""Which accelerator is to be tried now: the first of the chain that does not rest after a failure.

The last one is the refuge: it is tried again at once, and rests only after `GIVE_UP` failures without an answer
between them. Any other rests after each failure, twice as long as the time before, until it has served for a while.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tapetum.inference.state import AcceleratorState

GIVE_UP = 5
PAUSE_S = 60.0  # of the last, when it is given up
FIRST_REST_S, LONGEST_REST_S = 5.0, 300.0  # of the others; an unplugged stick is found again within five minutes
PROVEN_S = 60.0  # of service, and earlier failures are forgotten


@dataclass(slots=True)
class _Link:
    name: str
    failures: int = 0
    rested_s: float = float("-inf")  # when its rest ends
    since_s: float | None = None  # when it began to serve; None: it never did
    reason: str = ""
    unusable: bool = False
    tried: bool = False  # at this moment, beside another


class Chain:
    """What is known of each accelerator; they are called by their places in the chain."""

    def __init__(self, names: Sequence[str], now_s: Callable[[], float] = time.monotonic) -> None:
        self._links = [_Link(name) for name in names]
        self._now_s = now_s

    def name(self, place: int) -> str:
        """Return what it is called."""
        return self._links[place].name

    def usable(self, before: int | None = None) -> list[int]:
        """Return those that can be tried now, best first; `before`: only those better than this one."""
        now_s = self._now_s()
        links = enumerate(self._links[:before])
        return [place for place, link in links if not (link.unusable or link.tried) and link.rested_s <= now_s]

    def wait_s(self, before: int | None = None) -> float | None:
        """Return the seconds until one can be tried; None where none ever can, or all of them are better than that."""
        links = [link for link in self._links[:before] if not (link.unusable or link.tried)]
        return max(0.0, min(link.rested_s for link in links) - self._now_s()) if links else None

    def trying(self, place: int, tried: bool) -> None:
        """Keep it from being tried twice at a time."""
        self._links[place].tried = tried

    def serves(self, place: int) -> None:
        """Note that it has begun to serve."""
        self._links[place].since_s = self._now_s()

    def answered(self, place: int) -> None:
        """Note an answer: the last one's failures are forgotten at once, those of another when it is proven."""
        link = self._links[place]
        if self._is_last(place) or self._now_s() - (link.since_s or 0.0) >= PROVEN_S:
            link.failures, link.reason = 0, ""

    def failed(self, place: int, reason: str, hopeless: bool = False) -> None:
        """Note a failure; hopeless: it will fail whenever it is tried with this model, unless it served once."""
        link = self._links[place]
        link.failures += 1
        link.reason = reason
        link.unusable = hopeless and link.since_s is None
        if not self._is_last(place):
            link.rested_s = self._now_s() + min(FIRST_REST_S * 2 ** (link.failures - 1), LONGEST_REST_S)
        elif link.failures >= GIVE_UP:
            link.failures = 0
            link.rested_s = self._now_s() + PAUSE_S

    def states(self, serving: int | None) -> Mapping[str, AcceleratorState]:
        """Return what health tells; `serving`: the one in use."""
        return {link.name: self._state(place, link, serving) for place, link in enumerate(self._links)}

    def _state(self, place: int, link: _Link, serving: int | None) -> AcceleratorState:
        if place == serving:
            return AcceleratorState("in use", "", link.failures)
        if link.unusable:
            return AcceleratorState("unusable", link.reason, link.failures)
        resting = link.tried or link.rested_s > self._now_s()
        return AcceleratorState("resting" if resting else "ready", link.reason, link.failures)

    def _is_last(self, place: int) -> bool:
        return place == len(self._links) - 1
