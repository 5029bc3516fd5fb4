"""Detectors with post-processing: boxes, classes, scores and a count come out."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.inference.decode import Ssd, recognise
from tapetum.inference.tensors import Tensor, TensorSpec

TF1 = ([(1, 10, 4), (1, 10), (1, 10), (1,)], ["TFLite_Detection_PostProcess" + end for end in ("", ":1", ":2", ":3")])
TF2 = ([(1, 10), (1, 10, 4), (1,), (1, 10)], [f"StatefulPartitionedCall:{number}" for number in (1, 3, 0, 2)])
HUB = (TF1[0], [f"StatefulPartitionedCall:{number}" for number in (31, 32, 33, 34)])
SIGNED = ([(1, 25), (1, 25, 4), (1,), (1, 25)], ["output_2", "output_3", "output_0", "output_1"])
Row = tuple[float, ...]  # class, score, top, left, bottom, right

NUMBERS = st.floats(width=32) | st.floats(-0.5, 1.5, width=32)
ROWS = st.lists(st.tuples(st.integers(-1, 90).map(float) | NUMBERS, *[NUMBERS] * 5), max_size=12)


PICTURE = TensorSpec("picture", (1, 300, 300, 3), "uint8")
FIRST = Ssd(boxes=0, classes=1, scores=2)


def specs(shapes: Sequence[tuple[int, ...]], names: Sequence[str]) -> list[TensorSpec]:
    return [TensorSpec(name, shape, "float32") for shape, name in zip(shapes, names, strict=True)]


def outputs(rows: Sequence[Row], order: str) -> list[Tensor]:
    """Return the tensors that hold `rows`; order: "b" boxes, "c" classes, "s" scores, "n" how many."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    kinds = {"b": table[None, :, 2:], "c": table[None, :, 0], "s": table[None, :, 1], "n": [float(len(table))]}
    arrays = [np.asarray(kinds[kind], np.float32) for kind in order]
    return [Tensor(TensorSpec("", array.shape, "float32"), array) for array in arrays]


def expected(rows: Sequence[Row], min_score: float) -> list[list[float]]:
    """Return what `Ssd.decode` must, one row after another."""
    found = []
    for kind, score, top, left, bottom, right in np.array(rows, np.float32).reshape(-1, 6).tolist():
        if not all(map(math.isfinite, (kind, score, top, left, bottom, right))):
            continue
        box = [min(1.0, max(0.0, edge)) for edge in (left, top, right, bottom)]
        if kind >= 0 and score >= np.float32(min_score) and box[2] > box[0] and box[3] > box[1]:
            found.append([kind, min(1.0, score), *box])
    return sorted(found, key=lambda row: -row[1])


@given(ROWS, st.sampled_from(["bcsn", "sbnc"]), st.sampled_from([0.0, 0.25, 0.5]))
def test_both_orders_of_outputs_give_the_same_detections(rows: list[Row], order: str, min_score: float):
    decoder = Ssd(boxes=order.index("b"), classes=order.index("c"), scores=order.index("s"))
    assert decoder.decode(outputs(rows, order), min_score).tolist() == expected(rows, min_score)


def test_the_best_come_first():
    rows = [(float(kind), score, 0.1, 0.1, 0.4, 0.4) for kind, score in enumerate((0.5, 0.75, 0.25, 0.75))]
    assert FIRST.decode(outputs(rows, "bcsn"), 0.3)[:, 0].tolist() == [1, 3, 0]


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_left_out_and_nothing_else(place: int, number: float):
    good = (7.0, 0.75, 0.25, 0.25, 0.5, 0.5)
    bad = (*good[:place], number, *good[place + 1 :])
    found = FIRST.decode(outputs([bad, good, bad], "bcsn"), 0.3)
    assert found.tolist() == [[7.0, 0.75, 0.25, 0.25, 0.5, 0.5]]


@pytest.mark.parametrize(
    "box",
    [(0.5, 0.1, 0.5, 0.4), (0.1, 0.4, 0.5, 0.1), (1.1, 0.1, 1.4, 0.4), (-0.4, 0.1, -0.1, 0.4), (0.0, 0.0, 0.0, 0.0)],
    ids=["no height", "turned", "below", "above", "nothing"],
)
def test_a_box_with_nothing_in_it_is_left_out(box: Row):
    assert not len(FIRST.decode(outputs([(0.0, 0.9, *box)], "bcsn"), 0.3))


def test_a_box_over_the_edge_is_cut_to_the_input():
    found = FIRST.decode(outputs([(0.0, 0.5, -0.5, 0.25, 1.5, 2.0)], "bcsn"), 0.3)
    assert found.tolist() == [[0, 0.5, 0.25, 0, 1, 1]]


def test_no_detections_are_none():
    assert FIRST.decode(outputs([], "bcsn"), 0.3).shape == (0, 6)


@pytest.mark.parametrize(
    ("model", "order"),
    [(TF1, "bcsn"), (TF2, "sbnc"), (HUB, "bcsn"), (SIGNED, "cbns")],
    ids=["TensorFlow 1", "TensorFlow 2", "EfficientDet-Lite of TensorFlow Hub", "a signature in another order"],
)
def test_the_order_is_told_from_the_outputs(model: tuple[list[tuple[int, ...]], list[str]], order: str):
    assert recognise([PICTURE], specs(*model)) == Ssd(
        boxes=order.index("b"), classes=order.index("c"), scores=order.index("s")
    )


def test_a_name_that_says_score_is_believed():
    names = ["boxes", "scores", "classes", "count"]
    assert recognise([PICTURE], specs(TF1[0], names)) == Ssd(boxes=0, classes=2, scores=1)


def test_classes_that_count_the_background_are_counted_without_it():
    rows = [(float(kind), 0.9 - kind / 10, 0.1, 0.1, 0.4, 0.4) for kind in (0, 1, 2)]
    decoder = Ssd(boxes=0, classes=1, scores=2, first_class=1)
    assert decoder.decode(outputs(rows, "bcsn"), 0.3)[:, 0].tolist() == [0, 1]


def test_a_detector_of_one_thing_is_told_too():
    assert recognise([PICTURE], specs([(1, 1, 4), (1, 1), (1, 1), (1,)], TF1[1])) == FIRST
