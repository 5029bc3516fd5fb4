"""All contenders through the same pictures, one thread, timed by the CPU time of the process.

They take turns of a few frames each, in an order that moves on, so that what else the machine does falls on all alike
and each works with warm caches, as one that runs alone does. What is done to all masks alike is not timed.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from tapetum.bench.motion.contenders import Contender
from tapetum.bench.motion.score import Counts, counted
from tapetum.bench.motion.sequence import Picture
from tapetum.bench.steady import one_thread, uncollected
from tapetum.scene import Plane

_TURN = 32  # frames
SETTLE = 50  # frames until every method has its background: left out of the times

Shown = TypeVar("Shown")

Masks = dict[str, list[Plane]]
"""By the contender's name: its masks of a turn, settled, 0 or 255."""


@dataclass(slots=True)
class Record:
    """What a contender did, frame by frame: CPU seconds, whether there was a region, counts where it was judged."""

    costs_s: list[float] = field(default_factory=list)
    moves: list[bool] = field(default_factory=list)
    counts: list[Counts | None] = field(default_factory=list)

    def median_ms(self, settle: int = SETTLE) -> float:
        """Return the median of the CPU time of a frame, the first `settle` left out where there are more.

        Nor is the first of each turn counted: it brings back into the caches what another's turn has driven out.
        """
        return 1e3 * statistics.median(self._settled(settle))

    def p99_ms(self, settle: int = SETTLE) -> float:
        """Return the 99th percentile of the same."""
        return 1e3 * float(np.percentile(self._settled(settle), 99))

    def _settled(self, settle: int) -> list[float]:
        late = [cost for number, cost in enumerate(self.costs_s) if number >= settle and number % _TURN]
        return late or self.costs_s

    @property
    def motion_share(self) -> float:
        """The share of the frames in which something moved, 0..1."""
        return sum(self.moves) / max(1, len(self.moves))


def run(
    pictures: Iterable[Picture],
    contenders: Sequence[Contender],
    after: Callable[[list[Picture], Masks], None] = lambda *_: None,
) -> dict[str, Record]:
    """Return the record of each contender by its name; `after` is called with each turn's pictures and masks."""
    records = {one.name: Record() for one in contenders}
    with one_thread(), uncollected():
        for number, turn in enumerate(turns(pictures)):
            first = number % len(contenders)
            in_turn = [*contenders[first:], *contenders[:first]]
            masks = {one.name: _take(one, turn, records[one.name]) for one in in_turn}
            after(turn, {name: masks[name] for name in records})
    return records


def _take(one: Contender, turn: Sequence[Picture], record: Record) -> list[Plane]:
    masks = []
    for picture in turn:
        start_s = time.process_time()
        found = one.find(picture.luma)
        record.costs_s.append(time.process_time() - start_s)
        answer = found.settled()
        masks.append(answer.mask)
        record.moves.append(bool(answer.moves))
        record.counts.append(None if picture.truth is None else counted(answer.mask, picture.truth))
    return masks


def turns(pictures: Iterable[Shown]) -> Iterator[list[Shown]]:
    """Yield `pictures` in lists of 32, the last one shorter."""
    turn: list[Shown] = []
    for picture in pictures:
        turn.append(picture)
        if len(turn) == _TURN:
            yield turn
            turn = []
    if turn:
        yield turn
