"""What a model saw in a frame that is past, brought to what is tracked now.

Its boxes are assigned to where the tracks were when that frame was taken, at the cost by which regions are: they come
first, as boxes of a high score do in Y. Zhang et al., "ByteTrack", ECCV 2022, and regions and followers' boxes, which
nobody has judged, are for what they leave open. By how much a track was off then it is taken to be off now.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapetum.scene import Findings
from tapetum.tracking.assign import areas, assign, overlaps
from tapetum.tracking.predict import Edges, edges

_FITS = 0.65  # cost of the worst pair accepted: a model's boxes are good
_REMEMBERED = 64  # frames: an answer to an older question is passed over
_WITHIN = 0.6  # of a box that nobody fits, within a track that is known to be another's: two were taken for one
_APART = 0.3  # of the smaller of two boxes under the other: more, and they show the same


@dataclass(frozen=True, slots=True)
class Amended:
    """What findings come to, as things were then.

    rows: of tracks; was: where they were held to be, boxes: where they were seen; clear: which of them were wrong where
    they differ: no region of their own showed them, and no other track is near enough to be meant, or they were held
    to be two. split: what was taken for a part of one of the tracks, `of`: which of `rows`, by its place there.
    """

    rows: list[int]
    was: Edges
    boxes: Edges
    clear: NDArray[np.bool_]
    split: Edges
    of: list[int]


class History:
    """Where all tracks were in the last frames."""

    def __init__(self) -> None:
        self._frames: deque[tuple[int, NDArray[np.intp], Edges, NDArray[np.bool_]]] = deque(maxlen=_REMEMBERED)

    def add(self, t_ns: int, ids: Sequence[int], boxes: Edges, sure: Sequence[bool]) -> None:
        """Remember that the tracks `ids` were in `boxes` at `t_ns`; sure: by regions of their own."""
        self._frames.append((t_ns, np.array(ids, np.intp), boxes, np.array(sure, np.bool_)))

    def compared(self, findings: Findings, ids: Sequence[int]) -> Amended | None:
        """Return what `findings` tell of the tracks `ids`; None where nothing is remembered of that frame."""
        past = next((one for one in self._frames if one[0] == findings.t_ns), None)
        if past is None or not findings.boxes:
            return None
        there = [row for row, one in enumerate(ids) if one in past[1]]
        then = np.searchsorted(past[1], [ids[row] for row in there])
        was = past[2][then]
        found = edges(findings.boxes)
        at, columns = assign(was, found, _FITS)
        split, of = _split(was[at], found, columns.tolist())
        clear = ~past[3][then][at] & (_shown(was, found[columns]) == 1)
        clear[of] = True
        return Amended([there[row] for row in at], was[at], found[columns], clear, found[split], of)


def _shown(was: Edges, found: Edges) -> NDArray[np.intp]:
    """Return for each of `found` how many tracks it may show."""
    own, tracks = areas(found[:, :2], found[:, 2:]), areas(was[:, :2], was[:, 2:])
    return np.asarray((overlaps(found, was) > _APART * np.minimum(own[:, None], tracks[None])).sum(axis=1))


def _split(was: Edges, found: Edges, known: list[int]) -> tuple[list[int], list[int]]:
    """Return which of `found` nobody fits, though they lie in a track that another fits, and in which of `was`.

    known: which of those found fits each of `was`.
    """
    own, inner = areas(found[:, :2], found[:, 2:]), overlaps(found, was)
    alike = overlaps(found, found) > _APART * np.minimum(own[:, None], own[None])
    chosen, of = list[int](), list[int]()
    for one in range(len(found)):
        if one in known or any(alike[one, other] for other in [*known, *chosen]):
            continue
        within = [row for row in range(len(was)) if inner[one, row] > _WITHIN * own[one]]
        if within:
            chosen.append(one)
            of.append(within[0])
    return chosen, of
