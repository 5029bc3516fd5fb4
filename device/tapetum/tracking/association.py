"""Which region is whose, and what a region that two share is to each of them.

Those believed choose first, the doubtful get what is left, as in Y. Zhang et al., "ByteTrack", ECCV 2022. A region that
covers another believed thing too, which got none, is that of both: it tells where they are together and not how large
either is. Loose parts of a thing, heads and legs, are taken along with its region.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tapetum.scene import Box, hull
from tapetum.tracking.assign import assign, overlaps
from tapetum.tracking.predict import Edges, edges

_PART = 0.6  # of a region's area inside a thing's box: it is a part of the thing
_PART_REACH = 0.15  # of its size, by which a thing's box is widened to look for its parts
_PIECE = 0.3  # of the region's area: a loose part smaller than this is no thing of its own
_SHARED = 0.5  # of a thing's predicted box under one region with another's: they are one region now


@dataclass(frozen=True, slots=True)
class Match:
    """What a thing was given. region: as motion shows it; box: with its loose parts; shared: with another thing."""

    region: Box
    box: Box
    shared: bool


def matched(
    rows: Sequence[int], predicted: Edges, left: list[Box], limit: float, others: Sequence[int]
) -> dict[int, Match]:
    """Give the things `rows` their regions, taking them out of `left`; return what each got.

    predicted: where all things are expected; others: the rows of things that a region may turn out to be shared with.
    """
    if not rows or not left:
        return {}
    offered = edges(left)
    at, columns = assign(predicted[rows], offered, limit)
    taken = {rows[one]: left[column] for one, column in zip(at.tolist(), columns.tolist(), strict=True)}
    used = set(columns.tolist())
    left[:] = [box for column, box in enumerate(left) if column not in used]
    missed = predicted[[row for row in others if row not in taken]]
    covered = _covers(offered[columns], missed)
    return {
        row: _match(region, one, predicted[row], left)
        for (row, region), one in zip(taken.items(), covered, strict=True)
    }


def _covers(regions: Edges, things: Edges) -> list[bool]:
    """Return for each of `regions` whether most of one of `things` lies in it."""
    if not len(things):
        return [False] * len(regions)
    sides = things[:, 2:] - things[:, :2]
    covered = overlaps(regions, things) > _SHARED * sides[:, 0] * sides[:, 1]
    return [bool(one.any()) for one in covered]


def _match(region: Box, shared: bool, predicted: Edges, left: list[Box]) -> Match:
    if shared or not left:
        return Match(region, region, shared)
    reach = Box(*predicted.tolist()).united(region).grown(_PART_REACH)
    parts = [box for box in left if box.overlap(reach) > _PART * box.area and _is_part(box, region)]
    left[:] = [box for box in left if box not in parts]
    return Match(region, hull([region, *parts]), shared=False)


def _is_part(box: Box, region: Box) -> bool:
    """Whether `box` is a piece of what is in `region`, above, below or small, and nobody who walks beside it."""
    shared = min(box.right, region.right) - max(box.left, region.left)
    return shared > 0.5 * box.width or box.area < _PIECE * region.area
