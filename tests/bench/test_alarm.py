"""The judge of alerts: what is told is held against who is seen when."""

from dataclasses import replace

import pytest

from tapetum.bench.alarm import Person, judged, read
from tapetum.errors import ConfigError
from tapetum.scene import Box, Kind, Sighting
from tests.replay.clips import PEOPLE

ONE = Person(visible=(5.0, 20.0), in_view=(6.0, 19.0))
STARTED = Sighting(
    id="",
    seq=1,
    camera="c",
    kind=Kind.STARTED,
    track=1,
    label="cake",
    score=0.6,
    box=Box(0, 0, 1, 1),
    at="",
    clock="",
    model="",
)
ENDED = replace(STARTED, kind=Kind.ENDED, label="person")


def test_an_alert_is_judged_by_when_it_came_and_went_and_what_it_was_called_in_the_end():
    found = judged([(6.5, STARTED), (20.2, ENDED)], [ONE])["people"][0]
    assert (found["alerts"], found["label"]) == (1, "person")
    assert (found["start_delay_s"], found["end_delay_s"]) == (0.5, 1.2)


def test_a_second_alert_for_one_person_is_counted():
    again = replace(STARTED, track=2)
    assert judged([(6.5, STARTED), (9.0, again)], [ONE])["people"][0]["alerts"] == 2


def test_what_starts_while_nobody_is_seen_is_a_false_alert():
    found = judged([(1.0, STARTED)], [ONE])
    assert (found["false_alerts"], found["people"][0]["alerts"]) == (1, 0)


def test_who_is_not_told_of_has_no_alert_and_no_delays():
    assert judged([], [ONE])["people"][0]["start_delay_s"] is None


def test_the_truth_of_six_people_is_read_in_seconds():
    people = read(PEOPLE)
    assert len(people) == 6
    assert people[0].in_view == (6.6, 19.4)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"fps": 10, "people": [{"visible": [1]}]}', '{"fps": 0, "people": [{"visible": [1, 2]}]}']
)
def test_a_truth_that_is_none_is_refused_by_name(tmp_path, text):
    truth = tmp_path / "truth.json"
    truth.write_text(text)
    with pytest.raises(ConfigError, match=r"--truth .*truth\.json"):
        read(truth)


def test_a_truth_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.json: No such file"):
        read(tmp_path / "none.json")
