"""Two models on the same pictures."""

import numpy as np
import pytest

from tapetum_trainer.compare import Comparison, average_precision, compared, text
from tapetum_trainer.evaluate import scored
from tests.trainer.labelled import Made, One, perfect, rows, street
from tests.trainer.test_evaluate import noisy

FEW = Comparison(draws=200)


def test_a_model_and_itself_differ_by_nothing():
    pictures = street(12)
    found = compared(("a", "a"), (noisy(pictures), noisy(pictures)), pictures, FEW)
    assert {(one.ap50, one.low, one.high) for one in found.differences} == {(0, 0, 0)}
    assert not any(one.certain for one in found.differences)
    assert "not told apart" in text(found)


def test_a_perfect_model_is_better_than_one_that_finds_half():
    pictures = street(20)
    half = [one[::2] for one in perfect(pictures)]
    found = compared(("half", "whole"), (half, perfect(pictures)), pictures, FEW)
    whole = found.differences[0]
    assert whole.label == "all"
    assert whole.certain
    assert 0.3 < whole.low < whole.ap50 < whole.high < 0.7
    assert "B is better" in text(found)
    back = compared(("whole", "half"), (perfect(pictures), half), pictures, FEW).differences[0]
    assert (back.ap50, back.low, back.high) == pytest.approx((-whole.ap50, -whole.high, -whole.low))


def test_the_difference_is_that_of_the_figures():
    pictures = street(15, seed=3)
    pair = noisy(pictures), noisy(pictures, seed=2)
    found = compared(("a", "b"), pair, pictures, FEW)
    first, second = (scored(one, pictures) for one in pair)
    assert found.differences[0].ap50 == pytest.approx(second.ap50 - first.ap50, abs=2e-6)
    for one, before, after in zip(found.differences[1:], first.classes, second.classes, strict=True):
        assert (one.label, one.ap50) == (before.label, pytest.approx(after.ap50 - before.ap50, abs=2e-6))


def test_conditions_and_cameras_are_told_side_by_side():
    pictures = street(6)
    for index, one in enumerate(pictures.ones):
        one.group = "yard" if index < 3 else "road"
    blind = [rows() if index < 3 else one for index, one in enumerate(perfect(pictures))]
    night = {"night": (perfect(pictures), [rows() for _ in range(6)])}
    found = compared(("a", "b"), (perfect(pictures), blind), pictures, FEW, night)
    assert [line.split() for line in text(found).splitlines()[-7:]] == [
        ["condition", "things", "A", "B", "B", "-", "A"],
        ["as", "it", "is", "24", "1.000", "0.500", "-0.500"],
        ["night", "24", "1.000", "0.000", "-1.000"],
        [],
        ["camera", "things", "A", "B", "B", "-", "A"],
        ["road", "12", "1.000", "1.000", "+0.000"],
        ["yard", "12", "1.000", "0.000", "-1.000"],
    ]
    assert "condition" not in text(compared(("a", "b"), (blind, blind), pictures, FEW))


def test_an_answer_that_is_drawn_twice_counts_as_two():
    hits = np.array([True, False, True])
    once = average_precision(np.repeat(hits, 2), np.ones((1, 6), np.int64), np.array([4]))
    assert average_precision(hits, np.full((1, 3), 2), np.array([4])) == pytest.approx(once)
    assert np.isnan(average_precision(hits, np.ones((1, 3), np.int64), np.array([0]))).all()


def test_one_lucky_picture_of_few_tells_nothing():
    """B finds what A misses in one picture of eight, and the other way round in another."""
    pictures = Made(("person",), [One([(0, 0.1, 0.1, 0.5, 0.5)]) for _ in range(8)])
    one, two = perfect(pictures), perfect(pictures)
    one[0], two[1] = rows(), rows()
    two[2] = rows((0, 0.95, 0.6, 0.6, 0.9, 0.9), *two[2])
    assert not compared(("a", "b"), (one, two), pictures, FEW).differences[0].certain


def test_pictures_of_one_clip_are_drawn_together():
    """Of two clips, one model knows one each: how many pictures they have makes it no surer."""
    things = [One([(0, 0.1, 0.1, 0.5, 0.5)], group="yard" if index < 60 else "road") for index in range(100)]
    pictures = Made(("person",), things)
    one, two = perfect(pictures), perfect(pictures)
    one[:60], two[60:] = [rows()] * 60, [rows()] * 40
    assert not compared(("a", "b"), (one, two), pictures, FEW).differences[0].certain
    for thing in things:
        thing.group = ""
    assert compared(("a", "b"), (one, two), pictures, FEW).differences[0].certain


def test_the_same_seed_gives_the_same_interval():
    pictures = street(15)
    pair = noisy(pictures), noisy(pictures, seed=2)
    assert compared(("a", "b"), pair, pictures, FEW) == compared(("a", "b"), pair, pictures, FEW)
    other = compared(("a", "b"), pair, pictures, Comparison(draws=200, seed=2))
    assert other.differences != compared(("a", "b"), pair, pictures, FEW).differences
