"""What a track is held to be, after many answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.inference.scheduler import Standing
from tapetum.inference.votes import Votes
from tapetum.scene import Box, Detection

BOX = Box(0, 0, 1, 1)
SCORES = st.floats(0.4, 1.0)


def votes_of(*told: tuple[str, float], weight: float = 1.0, enough: float = 0.9) -> Votes:
    votes = Votes(enough)
    for label, score in told:
        votes.add(Detection(label, score, BOX), "model@1", weight)
    return votes


def test_without_an_answer_there_is_no_label():
    assert Votes(0.1).leading() is None
    assert Votes(0.1).label is None


def test_one_answer_is_not_enough_and_two_are():
    assert votes_of(("person", 0.6)).label is None
    label = votes_of(("person", 0.6), ("person", 0.6)).label
    assert label is not None
    assert (label.name, label.model) == ("person", "model@1")


def test_an_answer_of_which_the_model_is_sure_may_be_enough():
    assert votes_of(("person", 0.95)).label is not None


def test_the_score_is_the_mean_score_of_the_votes_weighted_by_themselves():
    label = votes_of(("person", 0.6), ("person", 0.8)).label
    assert label is not None
    assert label.score == pytest.approx((0.8 * 0.6**2 + 0.8**2) / (0.8 * 0.6 + 0.8))


def test_a_contradiction_lowers_the_score():
    agreed = votes_of(*[("person", 0.8)] * 4).label
    disputed = votes_of(("person", 0.8), ("dog", 0.5), ("person", 0.8), ("person", 0.8)).label
    assert agreed is not None
    assert disputed is not None
    assert disputed.name == "person"
    assert agreed.score == pytest.approx(0.8)
    assert disputed.score < agreed.score


def test_what_was_half_seen_at_first_is_outvoted_soon():
    votes = votes_of(*[("suitcase", 0.6)] * 3)
    for _ in range(2):
        votes.add(Detection("person", 0.8, BOX), "model@1")
    assert votes.leading() == "person"


def test_a_single_wrong_answer_changes_no_settled_label():
    label = votes_of(*[("person", 0.7)] * 6, ("dog", 0.9)).label
    assert label is not None
    assert label.name == "person"


def test_a_label_is_kept_while_what_leads_is_a_part_of_what_was_said():
    votes = votes_of(*[("person", 0.6)] * 4)
    for other in ("dog", "cat", "cow", "dog", "cat", "cow", "dog"):
        votes.add(Detection(other, 0.9, BOX), "model@1")
    label = votes.label
    assert votes.leading() == "dog"
    assert label is not None
    assert (label.name, label.score < 0.2) == ("person", True)
    assert votes.standing is Standing.NAMED


def test_a_label_changes_when_another_is_as_clear_as_a_settled_one():
    votes, shares = votes_of(*[("person", 0.8)] * 10), []
    while votes.label is not None and votes.label.name == "person" and len(shares) < 20:
        votes.add(Detection("dog", 0.8, BOX), "model@1")
        shares.append(1 - 0.8 ** len(shares) * 0.8)
    assert shares[-1] >= 0.7 > shares[-2] > 0.5
    assert votes.standing is Standing.SETTLED


def test_a_label_stays_though_what_speaks_for_it_fades_below_what_makes_one():
    votes = votes_of(("person", 0.95))
    votes.add(Detection("dog", 0.7, BOX), "model@1", weight=0.6)
    label = votes.label
    assert label is not None
    assert label.name == "person"


@given(st.lists(st.tuples(st.sampled_from(["person", "dog", "car"]), SCORES), max_size=40))
def test_whatever_is_said_a_correction_is_settled(told: list[tuple[str, float]]):
    votes, before = Votes(0.9), None
    for label, score in told:
        votes.add(Detection(label, score, BOX), "model@1")
        name = votes.label.name if votes.label else None
        assert name is not None or before is None
        assert votes.standing is Standing.SETTLED or before in (None, name)
        before = name


def test_an_answer_of_less_weight_counts_less():
    votes = votes_of(("suitcase", 0.7), weight=0.6)
    votes.add(Detection("person", 0.5, BOX), "model@1")
    assert votes.leading() == "person"


@given(st.lists(st.tuples(st.sampled_from(["person", "dog", "car"]), SCORES), min_size=1, max_size=40))
def test_a_score_is_a_probability_no_higher_than_the_best_answer(told: list[tuple[str, float]]):
    label = votes_of(*told, enough=0.1).label
    assert label is not None
    assert 0 < label.score <= max(score for name, score in told if name == label.name) + 1e-9


@given(st.lists(st.tuples(st.sampled_from(["person", "dog"]), SCORES), max_size=40))
def test_ten_answers_alike_decide_whatever_was_before(before: list[tuple[str, float]]):
    label = votes_of(*before, *[("car", 0.6)] * 10).label
    assert label is not None
    assert label.name == "car"


def test_without_an_answer_nothing_is_known():
    assert Votes(0.9).standing is Standing.UNKNOWN


def test_a_single_answer_leans():
    assert votes_of(("person", 0.8)).standing is Standing.LEANING


def test_a_label_in_doubt_is_not_settled():
    assert votes_of(*[("person", 0.8), ("dog", 0.8)] * 4).standing is Standing.NAMED
    assert votes_of(*[("person", 0.8)] * 4).standing is Standing.SETTLED


def test_a_name_is_told_with_the_model_that_has_said_it_last():
    votes = Votes(0.9)
    for model in ("old@1", "old@2"):
        votes.add(Detection("person", 0.8, Box(0, 0, 1, 1)), model)
    votes.add(Detection("cat", 0.1, Box(0, 0, 1, 1)), "new@1")
    assert votes.label is not None
    assert (votes.label.name, votes.label.model) == ("person", "old@2")
