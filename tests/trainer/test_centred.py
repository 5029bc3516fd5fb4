"""Half is where the recipe's rule cuts, for every class."""

from typing import Any

import numpy as np
import pytest

from tapetum_trainer.centred import centre, stretched
from tapetum_trainer.evaluate.matches import Matches
from tapetum_trainer.networks.detector import detector
from tapetum_trainer.scaling import real
from tapetum_trainer.thresholds import ENOUGH, BestF1, FalsePositives, Rule
from tests.trainer.learnable import ARCHITECTURE, picture


def answers(right: float, wrong: float, count: int) -> Matches:
    """So many right answers of one score, as many wrong ones of a lower one, of as many things."""
    scores = np.array([right] * count + [wrong] * count, np.float32)
    return Matches(scores, np.arange(2 * count) < count, count, 10)


@pytest.mark.parametrize(
    ("rule", "middles"),
    [(BestF1(), (0.2, 0.3)), (FalsePositives(rate=10), (0.1, 0.15))],
    ids=["best F1", "false positives"],
)
def test_the_score_at_which_the_rule_cuts_becomes_a_half(rule: Rule, middles: tuple[float, float]):
    network: Any = detector(ARCHITECTURE, 2)
    pixels = real(picture(5)[0])[None]
    before = np.asarray(network(pixels)["heatmap"])
    found = centre(network, [answers(0.3, 0.1, ENOUGH), answers(0.45, 0.15, ENOUGH)], rule)
    assert found.middles == pytest.approx(middles, abs=0.001)
    after = np.asarray(network(pixels)["heatmap"])
    odds = np.array(middles) / (1 - np.array(middles))
    assert after / (1 - after) == pytest.approx((before / (1 - before) / odds) ** found.stretch, rel=0.05)


def test_a_class_of_few_things_is_cut_as_all_together():
    network: Any = detector(ARCHITECTURE, 2)
    many, few = answers(0.3, 0.1, 10 * ENOUGH), answers(0.9, 0.8, 2)
    moved = centre(network, [many, few], BestF1())
    assert moved.middles.tolist() == pytest.approx([0.2, 0.2])


@pytest.mark.parametrize("slope", [0.8, 1.0, 2.5])
def test_scores_are_stretched_until_they_tell_how_often_an_answer_is_right(slope: float):
    random = np.random.default_rng(1)
    logits = random.normal(-0.5, 1, 20_000)
    hits = random.random(20_000) < 1 / (1 + np.exp(-slope * logits - 0.3))
    assert stretched(logits, hits) == pytest.approx(slope, rel=0.05)


def test_of_few_answers_no_stretch_is_told_and_of_none_that_err_a_bounded_one():
    logits = np.repeat([1.0, -1.0], 200)
    assert stretched(logits, logits > 0) == 4.0
    assert stretched(logits[190:210], logits[190:210] > 0) == 1.0


def test_what_has_learned_nothing_stays_as_it_is():
    network: Any = detector(ARCHITECTURE, 2)
    pixels = real(picture(5)[0])[None]
    before = np.asarray(network(pixels)["heatmap"])
    nothing = [answers(0.02, 0.01, ENOUGH // 4)] * 2
    assert centre(network, nothing, BestF1()).middles.tolist() == [0.5, 0.5]
    assert np.array_equal(np.asarray(network(pixels)["heatmap"]), before)
