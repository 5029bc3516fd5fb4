"""What joining boxes costs, and what the whole stage of tracking does, as ratios in one run."""

import pytest

from tapetum.bench import association

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def found():
    return association.run(60, 300)


def test_every_box_is_counted_to_its_track(found):
    assert all(row["known"] > 0.99 for row in found["association"])


def test_sixty_boxes_are_joined_in_a_tenth_of_what_the_stage_may_take(found):
    """A fifteenth of ByteTrack's time is for `scripts/bench peers association` to show: trackers is not installed."""
    assert found["association"][0]["tracker"] == "tapetum"
    assert found["association"][0]["of_mog2"] <= 0.06  # 0.035 to 0.048 were measured


def test_the_stage_takes_less_than_four_tenths_of_mog2(found):
    (stage,) = found["stage"]
    assert stage["tracks"] == pytest.approx(5, abs=0.5)
    assert stage["of_mog2"] <= 0.4  # 0.24 to 0.28 were measured
    assert stage["mean_of_mog2"] <= 0.8  # of a crowd that never parts; 0.45 to 0.53
