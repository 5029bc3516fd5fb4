"""What a detector is taught is what the device reads out of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapetum.scene import Box
from tapetum_trainer.said import decoded
from tapetum_trainer.targets import RADIUS, Targets, Truth, targets

GRID = 32


def box(centre: tuple[float, float], size: tuple[float, float]) -> list[float]:
    (x, y), (width, height) = centre, size
    return [max(0, x - width / 2), max(0, y - height / 2), min(1, x + width / 2), min(1, y + height / 2)]


def truth(*boxes: list[float], **others: object) -> Truth:
    classes = np.zeros(len(boxes), np.int32)
    given = {"classes": classes, "ignored": np.zeros(len(boxes), bool)} | others
    return Truth(np.array(boxes, np.float32).reshape(-1, 4), **given)  # type: ignore[arg-type]


def painted(one: Truth, classes: int = 2) -> Targets:
    return targets([one], (GRID, GRID), classes)


CENTRES = st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9))
LENGTHS = st.tuples(st.floats(0.05, 0.9), st.floats(0.05, 0.9))


@settings(max_examples=100, deadline=None)
@given(CENTRES, LENGTHS, st.integers(0, 1))
def test_the_device_reads_the_box_that_was_painted(centre: tuple[float, float], size: tuple[float, float], kind: int):
    wanted = box(centre, size)
    found = painted(truth(wanted, classes=np.array([kind], np.int32)))
    rows = decoded([found.heatmap, found.size, found.offset], 0.99)
    assert rows.shape == (1, 6)
    assert rows[0, 0] == kind
    assert rows[0, 2:].tolist() == pytest.approx(wanted, abs=2e-3)


def test_each_of_several_boxes_is_read():
    boxes = [box((0.2, 0.3), (0.2, 0.3)), box((0.7, 0.3), (0.1, 0.1)), box((0.5, 0.8), (0.6, 0.3))]
    found = painted(truth(*boxes))
    rows = decoded([found.heatmap, found.size, found.offset], 0.99)
    assert sorted(rows[:, 2:].round(3).tolist()) == sorted(np.array(boxes, np.float32).round(3).tolist())


def test_of_two_boxes_with_one_centre_the_smaller_has_the_cell():
    found = painted(truth(box((0.5, 0.5), (0.6, 0.6)), box((0.5, 0.5), (0.1, 0.2))))
    (row,) = decoded([found.heatmap, found.size, found.offset], 0.99)
    assert row[2:].tolist() == pytest.approx(box((0.5, 0.5), (0.1, 0.2)), abs=2e-3)


def test_a_shift_within_the_radius_leaves_an_overlap_of_seven_tenths():
    width, height = 0.3, 0.2
    for angle in np.linspace(0, np.pi / 2, 10):
        x, y = RADIUS * width * np.cos(angle), RADIUS * height * np.sin(angle)
        assert Box(0.2, 0.2, 0.5, 0.4).iou(Box(0.2 + x, 0.2 + y, 0.5 + x, 0.4 + y)) >= 0.699


def test_where_something_is_ignored_nothing_is_wanted_or_punished():
    whole = box((0.5, 0.5), (0.25, 0.25))
    found = painted(truth(whole, ignored=np.array([True])))
    inside = (slice(None), slice(13, 19), slice(13, 19))
    assert found.positive.sum() == found.mask.sum() == 0
    assert (found.negative[(*inside, 0)] == 0).all()
    assert (found.negative[..., 1] == 1).all()
    assert found.negative[0, 2, 2, 0] == 1


def test_what_is_ignored_of_no_known_class_is_ignored_in_all():
    found = painted(truth(box((0.5, 0.5), (0.25, 0.25)), ignored=np.array([True]), classes=np.array([-1], np.int32)))
    assert (found.negative[0, 16, 16] == 0).all()


def test_a_class_that_nobody_looked_for_is_not_punished_but_where_it_is_seen():
    found = painted(truth(box((0.5, 0.5), (0.6, 0.6)), known=np.array([False, True])))
    assert found.negative[0, 2, 2].tolist() == [0, 1]
    assert found.positive[0, 16, 16].tolist() == [1, 0]
    assert found.negative[0, 16, 17, 0] == 1


def test_a_guess_counts_as_much_as_it_is_sure():
    found = painted(truth(box((0.5, 0.5), (0.2, 0.2)), scores=np.array([0.6], np.float32)))
    assert found.positive.max() == pytest.approx(0.6)
    assert found.mask.max() == pytest.approx(0.6)
    assert found.heatmap.max() == 1


def test_what_is_smaller_than_half_a_cell_is_ignored():
    found = painted(truth(box((0.5, 0.5), (0.3 / GRID, 0.3 / GRID))))
    assert found.positive.sum() == 0
    assert found.negative[0, 16, 16, 0] == 0


@pytest.mark.parametrize("boxes", [[], [[0.2, 0.2, 0.2, 0.4]], [[-0.5, -0.5, -0.1, -0.1]]])
def test_a_picture_with_nothing_in_it_teaches_that(boxes: list[list[float]]):
    found = painted(truth(*boxes))
    assert found.positive.sum() == found.heatmap.sum() == 0
    assert found.negative.min() == 1


@settings(max_examples=60, deadline=None)
@given(CENTRES, LENGTHS, st.sampled_from([(24, 32), (32, 24), (12, 40)]))
def test_the_device_reads_it_of_an_input_of_another_shape(
    centre: tuple[float, float], size: tuple[float, float], grid: tuple[int, int]
):
    wanted = box(centre, size)
    found = targets([truth(wanted)], grid, 2)
    rows = decoded([found.heatmap, found.size, found.offset], 0.99)
    assert rows.shape == (1, 6)
    assert rows[0, 2:].tolist() == pytest.approx(wanted, abs=2e-3)


def test_the_overlap_that_is_learned_is_that_of_the_boxes_in_any_shape():
    """Of boxes at their own cell's corner, as the device would read them."""
    from tapetum_trainer.losses import losses

    grid, one, other = (24, 32), box((0.51, 0.51), (0.3, 0.2)), box((0.52, 0.53), (0.25, 0.2))
    wanted, said = (targets([truth(each)], grid, 1) for each in (one, other))
    mask = np.zeros_like(wanted.mask)
    mask[0, 12, 16] = 1  # where both have their centre
    found = losses({**wanted._asdict(), "mask": mask}, said._asdict())
    assert 1 - float(found["overlap"]) == pytest.approx(_generalized(one, other), abs=2e-3)


def _generalized(one: list[float], other: list[float]) -> float:
    hull = [*np.minimum(one[:2], other[:2]), *np.maximum(one[2:], other[2:])]
    area, iou = float((hull[2] - hull[0]) * (hull[3] - hull[1])), Box(*one).iou(Box(*other))
    sizes = sum((edges[2] - edges[0]) * (edges[3] - edges[1]) for edges in (one, other))
    union = sizes / (1 + iou)
    return iou - (area - union) / area
