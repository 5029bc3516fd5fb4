"""Who is which region: the assignment of least cost, each to one, none that fits too badly."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.scene import Box
from tapetum.tracking import assign as assignment
from tapetum.tracking.predict import edges


def assign(tracks: list[Box], regions: list[Box], limit: float, extra: list[float] | None = None) -> dict[int, int]:
    """Return which region each track gets."""
    more = None if extra is None else np.array(extra)
    rows, columns = assignment.assign(edges(tracks), edges(regions), limit, more)
    return dict(zip(rows.tolist(), columns.tolist(), strict=True))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Boxes of sizes that things have, near enough to each other to compete."""
    left, top = draw(st.floats(0, 0.5)), draw(st.floats(0, 0.5))
    return Box(left, top, left + draw(st.floats(0.05, 0.4)), top + draw(st.floats(0.05, 0.4)))


def _cost(box: Box, region: Box) -> float:
    """Return what a pair costs that is weighed; 1 for one that is not."""
    shared, smaller = box.overlap(region), min(box.area, region.area)
    if shared <= 0 or smaller < 0.1 * max(box.area, region.area):
        return 1.0
    return 1 - (box.iou(region) + shared / smaller) / 2


@given(st.lists(boxes(), min_size=1, max_size=5), st.lists(boxes(), min_size=1, max_size=5))
def test_costs_are_those_of_each_pair_by_itself(tracks: list[Box], regions: list[Box]) -> None:
    rows, columns = assignment._touching(edges(tracks), edges(regions))
    found = assignment.costs(edges(tracks), edges(regions), rows, columns)
    pairs = list(zip(rows.tolist(), columns.tolist(), strict=True))
    wanted = [_cost(tracks[row], regions[column]) for row, column in pairs]
    assert np.minimum(found, 1).tolist() == pytest.approx(wanted)
    left_out = set(itertools.product(range(len(tracks)), range(len(regions)))) - set(pairs)
    assert all(tracks[row].overlap(regions[column]) == 0 for row, column in left_out)


def test_what_has_no_area_is_nobody_s() -> None:
    nothing, box = Box(0.5, 0.5, 0.5, 0.7), Box(0.4, 0.4, 0.6, 0.6)
    assert assign([nothing], [box], 0.85) == {}
    assert assign([box], [nothing], 0.85) == {}


def total(pairs: dict[int, int], tracks: list[Box], regions: list[Box], limit: float) -> float:
    """Return what an assignment costs: its pairs, and `limit` for each that it leaves out."""
    cost = sum(_cost(tracks[track], regions[region]) for track, region in pairs.items())
    return cost + limit * (min(len(tracks), len(regions)) - len(pairs))


def cheapest(tracks: list[Box], regions: list[Box], limit: float) -> float:
    """Return the least that any assignment costs, by trying all."""
    places = [*range(len(regions)), *[None] * len(tracks)]
    return min(
        total({track: region for track, region in enumerate(choice) if region is not None}, tracks, regions, limit)
        for choice in set(itertools.permutations(places, len(tracks)))
    )


@given(st.lists(boxes(), max_size=3), st.lists(boxes(), max_size=4), st.floats(0.05, 0.95))
def test_no_assignment_costs_less(tracks: list[Box], regions: list[Box], limit: float) -> None:
    pairs = assign(tracks, regions, limit)
    assert total(pairs, tracks, regions, limit) == pytest.approx(cheapest(tracks, regions, limit), abs=1e-9)


@given(st.lists(boxes(), max_size=6), st.lists(boxes(), max_size=6), st.floats(0.05, 0.95))
def test_each_has_one_region_at_most_and_each_region_one_at_most(
    tracks: list[Box], regions: list[Box], limit: float
) -> None:
    pairs = assign(tracks, regions, limit)
    assert set(pairs) <= set(range(len(tracks)))
    assert set(pairs.values()) <= set(range(len(regions)))
    assert len(set(pairs.values())) == len(pairs)
    for track, region in pairs.items():
        assert _cost(tracks[track], regions[region]) <= limit
        assert tracks[track].overlap(regions[region]) > 0


@given(boxes(), boxes())
def test_a_cost_is_between_0_and_1_and_the_same_both_ways(one: Box, other: Box) -> None:
    assert 0 <= _cost(one, other) <= 1
    assert _cost(one, other) == pytest.approx(_cost(other, one))
    assert _cost(one, one) == pytest.approx(0)


def test_what_shares_nothing_or_is_a_crumb_of_the_other_is_as_far_as_can_be() -> None:
    whole = Box(0.2, 0.2, 0.6, 0.6)
    assert _cost(whole, Box(0.7, 0.2, 0.9, 0.6)) == 1
    assert _cost(whole, Box(0.3, 0.3, 0.35, 0.35)) == 1


def test_a_part_of_a_body_fits_better_than_half_a_neighbour() -> None:
    body = Box(0.4, 0.2, 0.5, 0.8)
    assert _cost(body, Box(0.4, 0.2, 0.5, 0.5)) < _cost(body, Box(0.45, 0.2, 0.55, 0.8))


def test_two_who_could_both_have_the_nearer_region_both_get_one() -> None:
    tracks = [Box(0.10, 0.2, 0.20, 0.6), Box(0.14, 0.2, 0.24, 0.6)]
    regions = [Box(0.13, 0.2, 0.23, 0.6), Box(0.17, 0.2, 0.27, 0.6)]
    assert assign(tracks, regions, 0.85) == {0: 0, 1: 1}


def test_of_two_that_fit_alike_the_trusted_one_is_taken() -> None:
    track, regions = Box(0.4, 0.2, 0.5, 0.8), [Box(0.41, 0.2, 0.51, 0.8), Box(0.39, 0.2, 0.49, 0.8)]
    assert assign([track], regions, 0.85, [0.2, 0.0]) == {0: 1}
    assert assign([track], regions, 0.85, [0.0, 0.2]) == {0: 0}


def test_nobody_or_nothing_gives_no_pairs() -> None:
    assert assign([], [Box(0, 0, 1, 1)], 0.85) == {}
    assert assign([Box(0, 0, 1, 1)], [], 0.85) == {}
