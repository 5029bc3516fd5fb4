"""Of several boxes around one thing the best stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.inference.decode.rows import Suppressing
from tapetum.inference.tensors import Floats
from tests.inference.decode.examples import greedy, same

SIXTEENTHS = st.integers(0, 16).map(lambda number: number / 16)
ROWS = st.lists(st.tuples(st.integers(0, 2), SIXTEENTHS, *[SIXTEENTHS] * 4), max_size=25)
IOUS = st.sampled_from([0.0, 0.25, 0.45, 0.5, 1.0])


def rows_of(numbers: list[tuple[float, ...]]) -> Floats:
    """Return the rows with their edges in order."""
    rows = np.array(numbers, np.float32).reshape(-1, 6)
    rows[:, [2, 4]], rows[:, [3, 5]] = np.sort(rows[:, [2, 4]]), np.sort(rows[:, [3, 5]])
    return rows


@given(ROWS, IOUS)
def test_all_at_once_is_the_same_as_one_after_another(numbers: list[tuple[float, ...]], iou: float):
    rows = rows_of(numbers)
    assert Suppressing(iou=iou).suppressed(rows).tolist() == greedy(rows.tolist(), iou)


@given(ROWS, IOUS)
def test_blended_boxes_are_means_by_score(numbers: list[tuple[float, ...]], iou: float):
    rows = rows_of([(kind, max(score, 1 / 16), *edges) for kind, score, *edges in numbers])
    assert same(Suppressing(iou=iou).blended(rows), greedy(rows.tolist(), iou, blend=True))


def test_what_takes_another_away_may_be_taken_away_itself_and_then_that_one_stays():
    chain = rows_of([(0, 0.9 - step / 10, step / 10, 0, step / 10 + 0.2, 1) for step in range(5)])
    assert Suppressing(iou=0.3).suppressed(chain)[:, 1].tolist() == pytest.approx([0.9, 0.7, 0.5])


def test_things_of_two_classes_in_one_place_are_two():
    rows = rows_of([(0, 0.9, 0, 0, 1, 1), (1, 0.8, 0, 0, 1, 1), (0, 0.7, 0, 0, 1, 1)])
    assert Suppressing().suppressed(rows)[:, 0].tolist() == [0, 1]


def test_no_more_are_given_than_are_asked_for():
    rows = rows_of([(0, 0.5, step / 16, 0, step / 16 + 0.01, 1) for step in range(16)])
    assert len(Suppressing(most=3).suppressed(rows)) == len(Suppressing(most=3).blended(rows)) == 3


def test_of_thousands_the_best_are_compared():
    random = np.random.default_rng(1)
    corner = random.random((5000, 2)) * 0.9
    rows = np.concatenate([np.zeros((5000, 1)), random.random((5000, 1)), corner, corner + 0.002], axis=1)
    found = Suppressing(iou=1.0, most=5000).suppressed(rows.astype(np.float32))
    assert found[:, 1].tolist() == np.sort(rows[:, 1].astype(np.float32))[::-1][:1024].tolist()
