"""Six people pass one after another: each is one alert, by day and by night."""

import pytest

from tapetum.bench import alarm
from tapetum_trainer.degrade import dark_clip
from tests.replay.clips import PEOPLE, SHIPPED, detector, people_clip

SOON_S, GONE_S = 1.5, 2.0  # from coming into view to `started`, from leaving it to `ended`
LIGHT = 0.04


@pytest.fixture(scope="module", params=["SSD MobileNet", "shipped"])
def by_day(request, data):
    return alarm.run(people_clip(data), PEOPLE, SHIPPED if request.param == "shipped" else detector(data))


@pytest.fixture(
    scope="module",
    params=[
        ("h264", "SSD MobileNet"),
        ("raw", "SSD MobileNet"),
        ("h264", "shipped"),
        pytest.param(("raw", "shipped"), marks=pytest.mark.long),
    ],
    ids=" ".join,
)
def by_night(request, data, tmp_path_factory):
    codec, model = request.param
    clip = tmp_path_factory.mktemp("night") / "night.mkv"
    dark_clip(people_clip(data), clip, LIGHT, codec)
    yield alarm.run(clip, PEOPLE, SHIPPED if model == "shipped" else detector(data))
    clip.unlink()


def test_each_person_is_one_alert_that_says_person(by_day):
    assert [(person["alerts"], person["label"]) for person in by_day["people"]] == [(1, "person")] * 6


def test_an_alert_starts_soon_after_its_person_comes_into_view(by_day):
    assert max(person["start_delay_s"] for person in by_day["people"]) <= SOON_S


def test_an_alert_ends_soon_after_its_person_has_left(by_day):
    assert max(person["end_delay_s"] for person in by_day["people"]) <= GONE_S


def test_no_alert_starts_while_the_room_is_empty(by_day):
    assert by_day["false_alerts"] == 0


def test_the_model_is_asked_for_few_of_the_frames(by_day):
    assert by_day["asked_share"] <= 0.05  # a quarter is the promise; 0.022 was measured


def test_each_person_is_followed_in_the_dark(by_night):
    assert all(person["alerts"] >= 1 for person in by_night["people"])


def test_at_least_five_of_six_are_called_a_person_in_the_dark(by_night):
    assert sum(person["label"] == "person" for person in by_night["people"]) >= 5


def test_the_dark_alone_starts_no_alert(by_night):
    assert by_night["false_alerts"] == 0
