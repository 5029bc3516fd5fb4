"""Which sightings are let out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.alerts.rules import Rules
from tapetum.alerts.stamp import SequenceStamper
from tapetum.clock import SystemClock
from tapetum.scene import Box, Frame, Kind, Label, State, Track
from tapetum.zones import Zone

PERSON = Label("person", 0.8, "m@1")
GRAY = np.zeros((2, 2), np.uint8)


def frame(time_s):
    return Frame("hall", 1, int(time_s * 1e9), GRAY, GRAY, GRAY, GRAY)


def track(number=1, state=State.CONFIRMED):
    return Track(number, Box(0.1, 0.1, 0.2, 0.2), 0, 0, 5, state)


def gate(drawn=(), **settings):
    return Rules(**settings).start(SequenceStamper(SystemClock(), 1), drawn)


def kinds(told):
    return [sighting.kind for sighting in told]


def test_a_track_with_a_label_starts_goes_on_and_ends():
    running = gate(update_s=5.0)
    assert kinds(running.sightings([track()], {1: PERSON}, frame(0))) == [Kind.STARTED]
    assert kinds(running.sightings([track()], {1: PERSON}, frame(4.9))) == []
    assert kinds(running.sightings([track()], {1: PERSON}, frame(5.0))) == [Kind.UPDATED]
    assert kinds(running.sightings([], {}, frame(6))) == [Kind.ENDED]
    assert kinds(running.sightings([], {}, frame(7))) == []


def test_a_track_without_a_label_is_not_told():
    assert gate().sightings([track()], {}, frame(0)) == []


@pytest.mark.parametrize("state", [State.TENTATIVE, State.LOST])
def test_a_track_that_is_not_believed_is_not_told(state):
    assert gate().sightings([track(state=state)], {1: PERSON}, frame(0)) == []


def test_other_labels_are_kept_in():
    assert gate(labels=("dog",)).sightings([track()], {1: PERSON}, frame(0)) == []
    assert gate(labels=("dog", "person")).sightings([track()], {1: PERSON}, frame(0))


def test_only_what_comes_into_a_zone_that_is_named_starts_and_is_told_to_its_end_wherever_it_goes():
    far = Zone(name="far", points=((0.5, 0), (1, 0), (1, 1), (0.5, 1)))
    near = Zone(name="near", points=((0, 0), (0.12, 0), (0.12, 1), (0, 1)))
    running = gate([near, far], zones=("far",))
    there = replace(track(), box=Box(0.6, 0.1, 0.7, 0.2))
    assert kinds(running.sightings([track()], {1: PERSON}, frame(0))) == []
    assert kinds(running.sightings([there], {1: PERSON}, frame(1))) == [Kind.STARTED]
    assert kinds(running.sightings([track()], {1: PERSON}, frame(9))) == [Kind.UPDATED]
    assert kinds(running.sightings([], {}, frame(10))) == [Kind.ENDED]


def test_zones_that_no_rule_names_keep_nothing_in():
    far = Zone(name="far", points=((0.5, 0), (1, 0), (1, 1), (0.5, 1)))
    assert gate([far]).sightings([track()], {1: PERSON}, frame(0))


def test_a_low_score_is_kept_in_until_it_is_higher():
    running = gate(min_score=0.7)
    assert running.sightings([track()], {1: Label("person", 0.69)}, frame(0)) == []
    assert running.sightings([track()], {1: Label("person", 0.71)}, frame(1))


def test_a_correction_of_the_label_is_told_at_once():
    running = gate(update_s=100.0)
    running.sightings([track()], {1: Label("cake", 0.6)}, frame(0))
    told = running.sightings([track()], {1: PERSON}, frame(0.1))
    assert [(one.kind, one.label) for one in told] == [(Kind.UPDATED, "person")]


def test_a_correction_waits_until_its_score_would_let_it_out():
    running = gate(min_score=0.5, update_s=1.0)
    running.sightings([track()], {1: PERSON}, frame(0))
    doubted = {1: Label("dog", 0.49)}
    assert running.sightings([track()], doubted, frame(0.5)) == []
    (goes_on,) = running.sightings([track()], doubted, frame(1.0))
    assert (goes_on.kind, goes_on.label, goes_on.score, goes_on.model) == (Kind.UPDATED, "person", 0.8, "m@1")
    (corrected,) = running.sightings([track()], {1: Label("dog", 0.5)}, frame(1.1))
    assert (corrected.kind, corrected.label, corrected.score) == (Kind.UPDATED, "dog", 0.5)


def test_who_heard_of_a_person_hears_that_it_was_a_dog_though_dogs_are_kept_in():
    running = gate(labels=("person",))
    running.sightings([track()], {1: PERSON}, frame(0))
    dog = {1: Label("dog", 0.9), 2: Label("dog", 0.9)}
    (corrected,) = running.sightings([track(1), track(2)], dog, frame(0.1))
    assert (corrected.kind, corrected.track, corrected.label) == (Kind.UPDATED, 1, "dog")
    (end,) = running.sightings([], {}, frame(1))
    assert (end.kind, end.label) == (Kind.ENDED, "dog")


def test_what_has_started_is_told_to_its_end_with_the_score_that_it_has():
    running = gate(min_score=0.7, update_s=1.0)
    running.sightings([track()], {1: PERSON}, frame(0))
    (goes_on,) = running.sightings([track()], {1: Label("person", 0.4)}, frame(1))
    assert (goes_on.kind, goes_on.score) == (Kind.UPDATED, 0.4)
    assert kinds(running.sightings([], {}, frame(2))) == [Kind.ENDED]


def test_a_sighting_keeps_its_label_while_the_model_is_away():
    running = gate(update_s=1.0)
    running.sightings([track()], {1: PERSON}, frame(0))
    assert running.sightings([track()], {}, frame(2))[0].label == "person"


def test_a_cool_down_keeps_the_next_of_the_same_label_in_for_its_whole_life():
    running = gate(cooldown_s=10.0)
    assert running.sightings([track(1)], {1: PERSON}, frame(0))
    labels = {1: PERSON, 2: PERSON, 3: Label("dog", 0.9)}
    assert kinds(running.sightings([track(1), track(2)], labels, frame(5))) == [Kind.UPDATED]
    told = running.sightings([track(1), track(2), track(3)], labels, frame(11))
    assert {(one.track, one.kind) for one in told} == {(1, Kind.UPDATED), (3, Kind.STARTED)}


def test_after_a_cool_down_the_next_of_the_label_starts():
    running = gate(cooldown_s=10.0)
    running.sightings([track(1)], {1: PERSON}, frame(0))
    assert running.sightings([track(1), track(2)], {1: PERSON, 2: PERSON}, frame(9.9))[1:] == []
    assert kinds(running.sightings([track(3)], {3: PERSON}, frame(10.0)))[0] is Kind.STARTED


def test_one_who_is_kept_in_as_a_cat_is_let_out_when_it_is_a_person():
    running = gate(cooldown_s=100.0)
    running.sightings([track(1)], {1: Label("cat", 0.9)}, frame(0))
    tracks = [track(1), track(2)]
    assert running.sightings(tracks, {1: Label("cat", 0.9), 2: Label("cat", 0.9)}, frame(1)) == []
    told = running.sightings(tracks, {1: Label("cat", 0.9), 2: PERSON}, frame(2))
    assert [(one.kind, one.track, one.label) for one in told] == [(Kind.STARTED, 2, "person")]


def test_an_end_says_what_was_known_last():
    running = gate(update_s=100.0)
    running.sightings([track()], {1: PERSON}, frame(0))
    moved = Track(1, Box(0.5, 0.5, 0.6, 0.6), 0, 0, 9, State.STILL)
    running.sightings([moved], {1: Label("person", 0.123456789, "m@2")}, frame(1))
    (end,) = running.sightings([], {}, frame(2))
    assert (end.kind, end.box, end.score, end.model) == (Kind.ENDED, moved.box, 0.1235, "m@2")


def test_what_is_under_way_ends_when_nobody_looks_any_more():
    running = gate()
    running.sightings([track(1), track(2)], {1: PERSON, 2: PERSON}, frame(0))
    assert kinds(running.close(5)) == [Kind.ENDED, Kind.ENDED]
    assert running.close(6) == []


LIVES = st.lists(
    st.lists(
        st.tuples(
            st.integers(1, 5),
            st.sampled_from(["person", "dog", None]),
            st.sampled_from([0.3, 0.6, 0.9]),
            st.sampled_from(State),
        ),
        max_size=5,
        unique_by=lambda seen: seen[0],
    ),
    max_size=40,
)


@given(LIVES, st.sampled_from([0.0, 0.5]), st.booleans())
def test_whatever_tracks_do_each_start_has_one_end_and_numbers_have_no_gap(moments, cooldown_s, closed):
    running, told = gate(update_s=0.3, cooldown_s=cooldown_s), []
    for number, moment in enumerate(moments):
        tracks = [track(known, state) for known, _, _, state in moment]
        labels = {known: Label(name, score) for known, name, score, _ in moment if name}
        told += [(0.1 * number, one) for one in running.sightings(tracks, labels, frame(0.1 * number))]
    last = running.close(10**12) if closed else running.sightings([], {}, frame(1000))
    told += [(1000.0, one) for one in last]
    assert [one.seq for _, one in told] == list(range(1, len(told) + 1))
    for number in range(1, 6):
        check_life([(time_s, one) for time_s, one in told if one.track == number])


def check_life(told):
    """Started, any number of updates, ended, and so on; updates come slowly but for those that rename."""
    before = None
    for time_s, one in told:
        if before is None or before[1].kind is Kind.ENDED:
            assert one.kind is Kind.STARTED
        else:
            assert one.kind is not Kind.STARTED
            if one.kind is Kind.UPDATED and one.label == before[1].label:
                assert time_s - before[0] > 0.3 - 1e-6
        before = time_s, one
    assert before is None or before[1].kind is Kind.ENDED


@given(LIVES)
def test_only_what_the_rules_want_starts(moments):
    running = gate(labels=("person",), min_score=0.5, cooldown_s=0.25)
    started_s = -1.0
    for number, moment in enumerate(moments):
        tracks = [track(known, state) for known, _, _, state in moment]
        labels = {known: Label(name, score) for known, name, score, _ in moment if name}
        states = {known: state for known, _, _, state in moment}
        for one in running.sightings(tracks, labels, frame(0.1 * number)):
            if one.kind is Kind.STARTED:
                assert (one.label, one.score >= 0.5) == ("person", True)
                assert states[one.track] in (State.CONFIRMED, State.STILL)
                assert 0.1 * number - started_s > 0.25 - 1e-6
                started_s = 0.1 * number
