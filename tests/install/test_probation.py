"""What is worse than before, and what is chance."""

import pytest

from tapetum.install.probation import Log, Pace, Tally, worse
from tapetum.install.settings import Trials

USUAL = Pace(span_s=600, captured=6000, analysed=6000, alerts=40)


def on_trial(**changed: float) -> Pace:
    return Pace(**{"span_s": 600, "captured": 6000, "analysed": 6000, "alerts": 40} | changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        (USUAL, on_trial(), ""),
        (USUAL, on_trial(analysed=4900), ""),
        (USUAL, on_trial(analysed=4700), "78% of the pictures are analysed, and were 100% before"),
        (USUAL, on_trial(captured=3000, analysed=3000), ""),  # a camera that gives fewer at night
        (on_trial(analysed=3000), on_trial(analysed=2500), ""),  # it was no better before
        (USUAL, on_trial(span_s=1, captured=90, analysed=10, alerts=0), ""),  # too few pictures to tell
        (USUAL, on_trial(alerts=4), ""),
        (USUAL, on_trial(alerts=3), "3 alerts in 600 s; before, 40.0 would have been expected"),
        (USUAL, on_trial(span_s=120, alerts=0), ""),  # 8 are expected: that none comes may be chance
        (USUAL, on_trial(span_s=180, alerts=0), "0 alerts in 180 s; before, 12.0 would have been expected"),
        (USUAL, on_trial(alerts=410), ""),
        (USUAL, on_trial(alerts=411), "411 alerts in 600 s; before, 40.0 would have been expected"),
        (on_trial(alerts=0), on_trial(alerts=10), ""),
        (on_trial(alerts=0), on_trial(alerts=11), "11 alerts in 600 s; before, 0.0 would have been expected"),
        (on_trial(span_s=60, alerts=0), on_trial(span_s=121, alerts=99), ""),  # a minute tells nothing of two
        (on_trial(span_s=59, alerts=0), on_trial(span_s=90, alerts=99), ""),  # it may have been a lull
        (USUAL, on_trial(span_s=59, alerts=99), ""),  # it may be a burst
        (USUAL, on_trial(span_s=60, alerts=51), "51 alerts in 60 s; before, 4.0 would have been expected"),
        (None, on_trial(alerts=999), ""),
        (USUAL, None, ""),
    ],
)
def test_what_is_worse_than_before_is_told_and_what_may_be_chance_is_not(
    before: Pace | None, now: Pace | None, reason: str
):
    assert worse(before, now, Trials()) == reason


def test_the_settings_say_how_wide_the_band_is():
    assert worse(USUAL, on_trial(analysed=5900), Trials(frames=1.0))
    assert worse(USUAL, on_trial(alerts=30), Trials(fewest_alerts=1.0))
    assert worse(USUAL, on_trial(alerts=51), Trials(most_alerts=1.0))
    assert not worse(USUAL, on_trial(alerts=3), Trials(fewest_alerts=0.0))


def test_the_log_tells_of_its_time_and_of_no_more():
    log = Log(span_s=10)
    assert log.pace() is None
    for second in range(31):
        log.add(Tally(float(second), 10 * second, 9 * second, second // 10))
    assert log.pace() == Pace(10.0, 100, 90, 1)


def test_after_a_start_the_first_while_is_not_counted():
    log = Log(span_s=10, after_start=True)
    for second in range(6):
        log.add(Tally(float(second), 10 * second, 10 * second, 20))  # all that is there is new at once
    assert log.pace() == Pace(4.0, 40, 40, 0)


def test_a_log_stays_small_however_often_it_is_told():
    log = Log(span_s=600)
    for step in range(20_000):
        log.add(Tally(step / 10, step, step, 0))
    pace = log.pace()
    assert pace is not None
    assert 590 < pace.span_s < 610
    assert len(log._tallies) < 250


def test_a_camera_that_counts_anew_begins_the_log_anew():
    log = Log(span_s=10)
    log.add(Tally(0.0, 500, 500, 3))
    log.add(Tally(1.0, 5, 5, 3))
    assert log.pace() is None
    log.add(Tally(2.0, 15, 14, 4))
    assert log.pace() == Pace(1.0, 10, 9, 1)
