"""From changed pixels to boxes: nothing plain is lost, nothing faint alone is found, parts come together."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.motion.regions import Rect, boxes, joined, outlines, upright
from tapetum.scene import Plane

SHAPE = (60, 80)


def mask(*rects: Rect) -> Plane:
    """Return a mask of SHAPE, 255 in `rects`."""
    plane = np.zeros(SHAPE, np.uint8)
    for left, top, right, bottom in rects:
        plane[top:bottom, left:right] = 255
    return plane


@st.composite
def rects(draw: st.DrawFn, least: int = 1) -> Rect:
    """Rectangles within SHAPE, at least `least` pixels each way."""
    left, top = draw(st.integers(0, SHAPE[1] - least)), draw(st.integers(0, SHAPE[0] - least))
    return left, top, draw(st.integers(left + least, SHAPE[1])), draw(st.integers(top + least, SHAPE[0]))


def apart(one: Rect, other: Rect, gap_x: int, gap_y: int) -> bool:
    """Whether at least `gap_x` columns or `gap_y` rows lie between them."""
    across = max(one[0], other[0]) - min(one[2], other[2])
    down = max(one[1], other[1]) - min(one[3], other[3])
    return across >= gap_x or down >= gap_y


def holds(outer: Rect, inner: Rect) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]


@given(rects(least=2))
def test_what_is_plain_is_outlined_exactly(rect: Rect) -> None:
    plane = mask(rect)
    assert outlines(plane, plane, min_pixels=4) == [rect]


def test_what_is_faint_counts_only_where_it_hangs_together_with_what_is_plain() -> None:
    weak = mask((10, 10, 20, 30), (40, 10, 50, 30))
    strong = mask((14, 28, 16, 30))
    assert outlines(weak, strong, min_pixels=4) == [(10, 10, 20, 30)]
    assert outlines(weak, mask(), min_pixels=4) == []


def test_what_fills_too_few_pixels_is_nothing_however_wide_it_is() -> None:
    ring = mask((10, 10, 30, 30))
    ring[11:29, 11:29] = 0
    assert outlines(ring, ring, min_pixels=100) == []
    assert outlines(ring, ring, min_pixels=76) == [(10, 10, 30, 30)]


@given(st.lists(rects(), max_size=6), st.integers(1, 50))
def test_every_outline_holds_enough_changed_pixels_some_of_them_plain(parts: list[Rect], least: int) -> None:
    weak = mask(*parts)
    strong = np.where(np.arange(SHAPE[1])[None] % 7 == 0, weak, 0).astype(np.uint8)
    for left, top, right, bottom in outlines(weak, strong, least):
        inside = (slice(top, bottom), slice(left, right))
        assert np.count_nonzero(weak[inside]) >= least
        assert strong[inside].any()
        assert all(edge.any() for edge in (weak[top], weak[bottom - 1], weak[:, left], weak[:, right - 1]))


@given(st.lists(rects(), max_size=8), st.integers(1, 6), st.integers(1, 12))
def test_parts_near_each_other_are_in_one_whole_and_none_is_lost(parts: list[Rect], gap_x: int, gap_y: int) -> None:
    whole = joined(parts, gap_x, gap_y)
    homes = [[one for one in whole if holds(one, part)] for part in parts]
    assert all(homes)
    for one, its in zip(parts, homes, strict=True):
        for other, others in zip(parts, homes, strict=True):
            assert apart(one, other, gap_x, gap_y) or any(home in others for home in its)


@given(st.lists(rects(), max_size=6), st.permutations(range(6)))
def test_the_order_of_the_parts_does_not_matter(parts: list[Rect], order: list[int]) -> None:
    shuffled = [parts[index] for index in order if index < len(parts)]
    assert sorted(joined(parts, 2, 4)) == sorted(joined(shuffled, 2, 4))


def test_head_and_legs_are_one_and_two_who_walk_abreast_are_two() -> None:
    head, legs, neighbour = (10, 10, 20, 18), (9, 22, 21, 40), (26, 12, 36, 40)
    assert sorted(joined([head, neighbour, legs], gap_x=2, gap_y=6)) == [(9, 10, 21, 40), neighbour]


def test_parts_that_only_a_third_brings_together_become_one() -> None:
    assert joined([(0, 0, 10, 10), (0, 20, 10, 30), (0, 12, 10, 18)], gap_x=1, gap_y=3) == [(0, 0, 10, 30)]


def test_joining_nothing_gives_nothing() -> None:
    assert joined([], 1, 1) == []
    assert boxes([], SHAPE) == ()


@given(st.lists(rects(), max_size=8))
def test_boxes_are_fractions_of_the_picture_the_largest_first(parts: list[Rect]) -> None:
    found = boxes(parts, SHAPE)
    assert [box.area for box in found] == sorted((box.area for box in found), reverse=True)
    pixels = sorted(tuple(round(edge) for edge in box.pixels(SHAPE)) for box in found)
    assert pixels == sorted(parts)
    assert all(box.clipped() == box for box in found)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_a_mask_of_a_pixel_s_width_is_outlined_too(shape: tuple[int, int]) -> None:
    plane = np.full(shape, 255, np.uint8)
    assert outlines(plane, plane, min_pixels=1) == [(0, 0, shape[1], shape[0])]


# Who stands there, by the heights of the columns.

WHOLE = (0, 0, SHAPE[1], SHAPE[0])


def standing(*rects: Rect, differs: int = 100) -> tuple[Plane, Plane]:
    """Return a mask and by how much it differs: `rects`, far away in a large picture, by `differs` luma steps."""
    plane = np.pad(mask(*rects), ((0, 9 * SHAPE[0]), (0, 9 * SHAPE[1])))
    return plane, (plane // 255 * differs).astype(np.uint8)


def test_one_who_stands_alone_is_cut_out_tightly() -> None:
    assert upright(*standing((20, 10, 35, 50)), WHOLE) == [(20, 10, 35, 50)]


def test_two_who_stand_side_by_side_with_their_shadows_joined_are_two() -> None:
    found = upright(*standing((10, 10, 22, 50), (22, 46, 40, 50), (40, 12, 52, 50)), WHOLE)
    assert sorted(found) == [(10, 10, 22, 50), (40, 12, 52, 50)]


def test_one_with_an_arm_stretched_out_is_one() -> None:
    body, arm = (20, 10, 35, 50), (35, 18, 45, 24)
    (found,) = upright(*standing(body, arm), WHOLE)
    assert holds(found, body)


def test_a_car_of_which_only_the_outline_differs_is_one() -> None:
    plane, residual = standing((10, 20, 70, 50))
    plane[24:46, 14:66] = residual[24:46, 14:66] = 0
    assert upright(plane, residual, (10, 20, 70, 50)) == [(10, 20, 70, 50)]


def test_a_faint_shadow_beside_someone_is_cut_off() -> None:
    plane, residual = standing((20, 10, 35, 50), (35, 40, 60, 50))
    residual[40:50, 35:60] = 10
    assert upright(plane, residual, WHOLE) == [(20, 10, 35, 50)]


@given(st.lists(rects(), min_size=1, max_size=6), st.integers(1, 255))
def test_whoever_stands_there_stands_within_the_region_and_beside_the_others(parts: list[Rect], differs: int) -> None:
    plane, residual = standing(*parts, differs=differs)
    found = sorted(upright(plane, residual, WHOLE))
    assert found
    assert all(
        left < right and top < bottom and plane[top:bottom, left:right].any() for left, top, right, bottom in found
    )
    assert all(one[2] <= other[0] for one, other in itertools.pairwise(found))
