"""The values that pass between the stages are frozen, and a box cuts nothing out of a picture that is not in it."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum import scene
from tapetum.scene import (
    Box,
    Colour,
    Condition,
    Detection,
    Findings,
    Frame,
    Kind,
    Label,
    Motion,
    Sighting,
    State,
    Track,
    hull,
)

edges = st.floats(-3, 4)
shapes = st.tuples(st.integers(1, 300), st.integers(1, 300))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Boxes in, around and outside the frame, thin and empty ones too."""
    (left, right), (top, bottom) = sorted((draw(edges), draw(edges))), sorted((draw(edges), draw(edges)))
    return Box(left, top, right, bottom)


def near(one: Box, other: Box) -> bool:
    """Whether they are the same but for rounding."""
    return dataclasses.astuple(one) == pytest.approx(dataclasses.astuple(other), abs=1e-9)


@given(boxes(), boxes())
def test_overlap_over_union_is_the_same_both_ways_and_between_0_and_1(one: Box, other: Box) -> None:
    assert one.iou(other) == other.iou(one)
    assert 0 <= one.iou(other) <= 1


@given(boxes())
def test_a_box_is_exactly_like_itself_and_an_empty_one_like_nothing(box: Box) -> None:
    assert box.iou(box) == (1 if box.area > 0 else 0)


def test_half_of_a_box_beside_it_shares_a_third() -> None:
    assert Box(0.0, 0.0, 0.2, 0.2).iou(Box(0.1, 0.0, 0.3, 0.2)) == pytest.approx(1 / 3)
    assert Box(0.0, 0.0, 0.2, 0.2).iou(Box(0.2, 0.0, 0.4, 0.2)) == 0  # an edge in common is nothing in common
    assert Box(0.0, 0.0, 0.2, 0.2).overlap(Box(0.1, 0.1, 0.9, 0.9)) == pytest.approx(0.01)


@given(boxes(), boxes())
def test_what_is_shared_is_no_larger_than_either(one: Box, other: Box) -> None:
    assert one.overlap(other) <= min(one.area, other.area)


@given(boxes())
def test_a_clipped_box_lies_in_the_frame_and_clipping_it_again_changes_nothing(box: Box) -> None:
    clip = box.clipped()
    assert 0 <= clip.left <= clip.right <= 1
    assert 0 <= clip.top <= clip.bottom <= 1
    assert clip.clipped() == clip
    assert clip.area == pytest.approx(box.overlap(Box(0, 0, 1, 1)), abs=1e-12)


@given(boxes(), shapes)
def test_a_box_always_cuts_at_least_one_pixel_out_and_only_pixels_of_the_picture(
    box: Box, shape: tuple[int, int]
) -> None:
    picture = np.zeros(shape, np.uint8)
    rows, columns = box.slices(picture)
    assert 0 <= rows.start < rows.stop <= shape[0]
    assert 0 <= columns.start < columns.stop <= shape[1]
    assert picture[rows, columns].shape == (rows.stop - rows.start, columns.stop - columns.start)


def test_a_box_of_whole_pixels_cuts_out_exactly_those() -> None:
    for side in range(1, 150):
        picture = np.zeros((side, side), np.uint8)
        for edge in range(side):
            cut = Box.of_pixels(edge, 0, side, edge + 1, picture.shape).slices(picture)
            assert cut == (slice(0, edge + 1), slice(edge, side))


@given(boxes(), shapes)
def test_a_box_comes_back_from_pixels_as_it_was(box: Box, shape: tuple[int, int]) -> None:
    assert near(Box.of_pixels(*box.pixels(shape), shape), box)


def test_pixels_are_counted_from_the_left_and_from_the_top() -> None:
    assert Box(0.25, 0.5, 0.5, 1.0).pixels((100, 200, 3)) == (50, 50, 100, 100)
    assert Box.of_pixels(50, 50, 100, 100, (100, 200)) == Box(0.25, 0.5, 0.5, 1.0)
    assert Box(0.25, 0.5, 0.5, 1.0).slices(np.zeros((100, 200, 3))) == (slice(50, 100), slice(50, 100))


@given(boxes(), st.floats(0, 3))
def test_a_grown_box_has_the_same_centre_and_grows_on_each_side(box: Box, share: float) -> None:
    grown = box.grown(share)
    assert grown.centre == pytest.approx(box.centre, abs=1e-9)
    assert (grown.width, grown.height) == pytest.approx((box.width * (1 + 2 * share), box.height * (1 + 2 * share)))
    assert grown.left <= box.left
    assert grown.bottom >= box.bottom


@given(boxes(), boxes(), boxes())
def test_united_boxes_hold_both_and_the_order_does_not_matter(one: Box, other: Box, third: Box) -> None:
    both = one.united(other)
    assert both == other.united(one)
    assert (both.overlap(one), both.overlap(other)) == (one.area, other.area)
    assert hull([one, other, third]) == both.united(third) == one.united(other.united(third))
    assert hull([one]) == one


@given(boxes())
def test_the_centre_lies_in_the_middle_and_the_area_is_never_negative(box: Box) -> None:
    x, y = box.centre
    assert box.left <= x <= box.right
    assert box.top <= y <= box.bottom
    assert box.area == box.width * box.height


def test_a_box_turned_inside_out_has_no_area() -> None:
    turned = Box(0.6, 0.6, 0.4, 0.4)
    assert turned.area == 0
    assert turned.iou(Box(0, 0, 1, 1)) == 0


def _values() -> list[object]:
    plane = np.zeros((4, 6), np.uint8)
    box = Box(0.1, 0.1, 0.2, 0.3)
    return [
        box,
        Colour(),
        Frame("front", 1, 0, plane, plane, plane, plane),
        Motion(plane, (box,)),
        Detection("person", 0.5, box),
        Findings(1, (box,)),
        Track(1, box, 0, 0, 1, State.TENTATIVE),
        Label("person", 0.5),
        Sighting("id", 1, "front", Kind.STARTED, 1, "person", 0.5, box, "2026-01-01T00:00:00Z", "synced", "m@1"),
    ]


@pytest.mark.parametrize("value", _values(), ids=lambda value: type(value).__name__)
def test_a_value_cannot_be_changed_nor_given_something_new(value: object) -> None:
    for name in [field.name for field in dataclasses.fields(value)] + ["surprise"]:  # type: ignore[arg-type]
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError, AttributeError)):
            setattr(value, name, 1)
    assert not hasattr(value, "__dict__")


def test_every_value_of_the_scene_is_among_those_tested() -> None:
    declared = {one for one in vars(scene).values() if isinstance(one, type) and dataclasses.is_dataclass(one)}
    assert declared == {type(value) for value in _values()}


def test_a_frame_knows_its_size_as_width_and_height() -> None:
    plane = np.zeros((270, 480), np.uint8)
    assert Frame("front", 1, 0, plane, plane, plane, plane).size == (480, 270)


def test_motion_is_clear_and_incomplete_unless_said_otherwise() -> None:
    motion = Motion(np.zeros((1, 1), np.uint8), ())
    assert motion.condition is Condition.CLEAR
    assert not motion.complete


def test_states_kinds_and_conditions_are_the_words_of_the_events() -> None:
    assert {str(state) for state in State} == {"tentative", "confirmed", "still", "lost"}
    assert {str(kind) for kind in Kind} == {"started", "updated", "ended"}
    assert {str(condition) for condition in Condition} == {
        "opening",
        "clear",
        "changed",
        "light",
        "moved",
        "infrared",
        "shaken",
        "covered",
        "frozen",
        "lost",
    }


def test_a_box_of_nonsense_numbers_still_cuts_inside_the_picture() -> None:
    picture = np.zeros((10, 20), np.uint8)
    for odd in (math.nan, math.inf, -math.inf):
        rows, columns = Box(odd, odd, odd, odd).slices(picture)
        assert picture[rows, columns].size >= 1
