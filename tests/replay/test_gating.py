"""The model is asked seldom, and next to nothing is missed by it."""

from typing import Any

import msgspec
import pytest

from tapetum import data as shipped
from tapetum.bench import gating
from tapetum.errors import ConfigError
from tapetum_trainer.degrade import dark_clip
from tests.replay.clips import SHIPPED, detector, people_clip


@pytest.fixture(scope="module")
def people(data) -> dict[str, Any]:
    return gating.run(people_clip(data), people_clip(data), detector(data))


@pytest.fixture(scope="module")
def street(data) -> dict[str, Any]:
    clip = data / "video" / "vtest.avi"
    return gating.run(clip, clip, detector(data))


def test_nine_of_ten_questions_are_saved_where_people_come_one_by_one(people):
    assert people["fewer"] >= 0.9  # 0.978 was measured
    assert people["missed"] <= 1  # of 6; none was


def test_four_of_five_questions_are_saved_on_a_busy_street(street):
    assert street["fewer"] >= 0.8  # 0.877 was measured
    assert street["missed"] <= 1  # of 82; none was


def test_every_question_has_its_reason(people, street):
    for found in (people, street):
        assert sum(row["asked"] for row in found["reasons"]) == found["asked"]
        assert {row["reason"] for row in found["reasons"]} >= {"new", "naming", "look"}


def test_with_the_detector_that_comes_along_as_little_is_asked_and_nobody_is_missed(data):
    found = gating.run(people_clip(data), people_clip(data), SHIPPED)
    assert found["fewer"] >= 0.9  # 0.974 was measured
    assert {row["label"]: row["missed"] for row in found["labels"]}["person"] == 0  # of 8


@pytest.mark.long
def test_with_the_detector_that_comes_along_little_is_asked_on_a_busy_street_and_nobody_is_missed(data):
    """Judged by whom SSD, asked about every frame, finds: what ours finds in whole frames is less sure."""
    clip = data / "video" / "vtest.avi"
    found = gating.run(clip, clip, SHIPPED, detector(data))
    assert found["fewer"] >= 0.88
    assert found["labels"] == [{"label": "person", "tracks": 82, "missed": 0}]


def test_a_judge_that_knows_other_things_alone_is_told(data, tmp_path):
    (tmp_path / "labels.txt").write_text("".join(f"thing {number}\n" for number in range(90)))
    judge = msgspec.structs.replace(detector(data), labels=str(tmp_path / "labels.txt"))
    with pytest.raises(ConfigError, match=r"--judge: .*thing \d+.* is none of what the model tells: person"):
        gating.run(shipped.clip(), shipped.clip(), SHIPPED, judge)


@pytest.mark.long
@pytest.mark.parametrize("codec", ["raw", "h264"])
def test_in_the_dark_as_little_is_asked_and_who_was_seen_by_day_is_found(codec: str, data, tmp_path):
    dark_clip(people_clip(data), tmp_path / "dark.mkv", 0.04, codec)
    found = gating.run(tmp_path / "dark.mkv", people_clip(data), detector(data))
    assert found["fewer"] >= 0.9
    assert found["missed"] <= 1
