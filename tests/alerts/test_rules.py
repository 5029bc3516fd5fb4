"""Which sightings are let out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.alerts.rules import Rules
from tapetum.alerts.stamp import SequenceStamper
from tapetum.clock import SystemClock
from tapetum.scene import Box, Frame, Kind, Label, State, Track

PERSON = Label("person", 0.8, "m@1")
GRAY = np.zeros((2, 2), np.uint8)


def frame(time_s):
    return Frame("hall", 1, int(time_s * 1e9), GRAY, GRAY, GRAY, GRAY)


def track(number=1, state=State.CONFIRMED):
    return Track(number, Box(0.1, 0.1, 0.2, 0.2), 0, 0, 5, state)


def gate(**settings):
    return Rules(**settings).start(SequenceStamper(SystemClock(), 1))


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


def test_a_low_score_is_kept_in_until_it_is_higher():
    running = gate(min_score=0.7)
    assert running.sightings([track()], {1: Label("person", 0.69)}, frame(0)) == []
    assert running.sightings([track()], {1: Label("person", 0.71)}, frame(1))


def test_a_correction_of_the_label_is_told_at_once():
    running = gate(update_s=100.0)
    running.sightings([track()], {1: Label("cake", 0.6)}, frame(0))
    told = running.sightings([track()], {1: PERSON}, frame(0.1))
    assert [(one.kind, one.label) for one in told] == [(Kind.UPDATED, "person")]


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


def test_what_is_under_way_ends_when_nobody_looks_any_more():
    running = gate()
    running.sightings([track(1), track(2)], {1: PERSON, 2: PERSON}, frame(0))
    assert kinds(running.close(5)) == [Kind.ENDED, Kind.ENDED]
    assert running.close(6) == []


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["person", "dog", None])), max_size=5), max_size=30)
)
def test_whatever_tracks_do_each_start_has_one_end_and_numbers_have_no_gap(moments):
    running, told = gate(update_s=0.3), []
    for number, moment in enumerate(moments):
        tracks = [track(known) for known in sorted({known for known, _ in moment})]
        labels = {known: Label(name, 0.9) for known, name in moment if name}
        told += running.sightings(tracks, labels, frame(0.1 * number))
    told += running.close(10**12)
    assert [one.seq for one in told] == list(range(1, len(told) + 1))
    for number in range(1, 6):
        life = "".join(one.kind[0] for one in told if one.track == number)
        assert life.replace("u", "") == "se" * (len(life.replace("u", "")) // 2)
        assert not life.startswith("u")
        assert "eu" not in life
