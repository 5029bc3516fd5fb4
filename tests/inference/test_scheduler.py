"""What is asked, when, and about how much of the frame."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.inference.crops import shaped
from tapetum.inference.scheduler import Question, Reason, Scheduler, Scheduling, Standing
from tapetum.scene import Box, Frame, State, Track

HERE, THERE, BESIDE = Box(0.1, 0.2, 0.3, 0.6), Box(0.75, 0.3, 0.95, 0.7), Box(0.32, 0.2, 0.42, 0.6)
WHOLE = Box(0.0, 0.0, 1.0, 1.0)
FPS = 10.0
SIZE = (30, 30)  # of the model's input
NO_LOOKS = Scheduling(look_s=0)


def frame(t_s: float) -> Frame:
    y, chroma = np.zeros((120, 160), np.uint8), np.zeros((60, 80), np.uint8)
    return Frame("camera", 1, round(t_s * 1e9), y, chroma, chroma, y)


def track(number: int = 1, box: Box = HERE, state: State = State.CONFIRMED) -> Track:
    return Track(number, box, 0, 0, 5, state)


class Day:
    """A scheduler that sees ten frames a second, each question taken at once."""

    def __init__(self, settings: Scheduling = NO_LOOKS) -> None:
        self.scheduler: Scheduler = settings.start()
        self.asked: list[tuple[float, Question]] = []
        self.now_s = 0.0

    def see(self, *tracks: Track, standings: Mapping[int, Standing] | None = None, takes: bool = True) -> None:
        known = {one.id: (standings or {}).get(one.id, Standing.UNKNOWN) for one in tracks}
        question = self.scheduler.question(frame(self.now_s), tracks, known, SIZE)
        if question and takes:
            self.scheduler.take(question, known, round(self.now_s * 1e9))
            self.asked.append((self.now_s, question))
        self.now_s = round(self.now_s + 1 / FPS, 3)

    def see_for(self, seconds: float, *tracks: Track, standing: Standing = Standing.UNKNOWN) -> None:
        for _ in range(round(seconds * FPS)):
            self.see(*tracks, standings={one.id: standing for one in tracks})

    @property
    def questions(self) -> list[Question]:
        return [question for _, question in self.asked]

    @property
    def reasons(self) -> list[Reason]:
        return [question.reason for question in self.questions]

    @property
    def waits_s(self) -> list[float]:
        return [round(after - before, 3) for (before, _), (after, _) in pairwise(self.asked)]


# When.


def test_a_track_without_a_name_is_asked_about_less_and_less():
    day = Day()
    day.see_for(600, track())
    assert day.waits_s[:4] == [0.4, 0.7, 0.9, 1.4]  # half as long again each time, at the next frame
    assert day.waits_s[-1] == NO_LOOKS.longest_s
    assert len(day.asked) < 25


def test_a_track_of_which_an_answer_says_something_at_last_is_asked_about_soon_again():
    day = Day()
    day.see_for(10, track())
    slow = len(day.waits_s)
    day.see(track(), standings={1: Standing.LEANING})
    day.see_for(60, track(), standing=Standing.LEANING)
    assert day.waits_s[slow - 1] > 3
    assert day.waits_s[slow + 1 : slow + 4] == [0.4, 0.7, 0.9]  # and less and less again


def test_a_settled_track_is_asked_about_at_intervals_that_double():
    day = Day()
    day.see_for(300, track(), standing=Standing.SETTLED)
    assert day.waits_s == [8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0]


def test_a_settled_track_that_comes_into_doubt_is_asked_about_soon_again():
    day = Day()
    day.see_for(30, track(), standing=Standing.SETTLED)
    before = len(day.asked)
    day.see_for(3, track(), standing=Standing.NAMED)
    assert day.reasons[before:] == [Reason.DOUBT] * 4
    day.see_for(20, track(), standing=Standing.SETTLED)
    assert day.waits_s[-1] == 8.0  # settled again, it begins anew


@pytest.mark.parametrize("state", [State.TENTATIVE, State.LOST])
def test_what_is_not_believed_or_not_seen_is_not_asked_about(state: State):
    day = Day()
    day.see_for(5, track(state=state))
    assert day.asked == []


@pytest.mark.parametrize(
    ("standing", "state", "reason"),
    [
        (Standing.UNKNOWN, State.CONFIRMED, Reason.NEW),
        (Standing.LEANING, State.CONFIRMED, Reason.NAMING),
        (Standing.NAMED, State.CONFIRMED, Reason.DOUBT),
        (Standing.SETTLED, State.CONFIRMED, Reason.RECHECK),
        (Standing.SETTLED, State.STILL, Reason.STILL),
        (Standing.UNKNOWN, State.STILL, Reason.NEW),
    ],
)
def test_each_question_has_its_reason(standing: Standing, state: State, reason: Reason):
    day = Day()
    day.see(track())
    day.now_s = 10.0
    day.see(track(state=state), standings={1: standing})
    assert day.reasons == [Reason.NEW, reason]
    assert day.scheduler.asked == {Reason.NEW: 1} | {reason: day.reasons.count(reason)}


def test_what_may_raise_an_alert_goes_before_what_only_keeps_a_name_right():
    day = Day()
    day.see(track(1), standings={1: Standing.SETTLED})
    day.now_s = 30.0  # its recheck is due three times over
    day.see(track(1), track(2, THERE), standings={1: Standing.SETTLED})
    assert day.questions[-1].tracks == (2,)
    day.see(track(1), track(2, THERE), standings={1: Standing.SETTLED, 2: Standing.LEANING})
    assert day.questions[-1].tracks == (1,)


def test_a_recheck_that_waited_for_long_goes_before_a_new_track():
    day = Day()
    day.see(track(1), standings={1: Standing.SETTLED})
    day.now_s = 40.0
    day.see(track(1), track(2, THERE), standings={1: Standing.SETTLED})
    assert day.questions[-1].tracks == (1,)


def test_a_question_that_was_not_taken_is_asked_in_the_next_frame():
    day = Day()
    day.see(track(), takes=False)
    assert day.asked == []
    day.see(track())
    assert day.reasons == [Reason.NEW]


def test_a_track_that_vanished_is_forgotten():
    day = Day()
    day.see(track())
    day.see()
    day.see(track())
    assert day.reasons == [Reason.NEW, Reason.NEW]


# How much.


def test_a_crop_shows_the_track_and_has_the_shape_of_the_models_input():
    day = Day()
    day.see(track())
    box = day.questions[0].box
    assert box.overlap(HERE) == pytest.approx(HERE.area)
    assert box.width * 160 == pytest.approx(box.height * 120)
    assert WHOLE.overlap(box) == pytest.approx(box.area)


def test_the_crop_of_a_small_thing_is_enlarged_twice_at_most():
    box = shaped(Box(0.5, 0.5, 0.51, 0.51), (160, 120), SIZE)
    assert (box.width * 160, box.height * 120) == pytest.approx((15, 15))


def test_the_crop_of_a_thing_as_large_as_the_frame_is_the_frame():
    assert shaped(WHOLE, (160, 120), SIZE) == WHOLE


def test_neighbours_share_a_question():
    day = Day()
    day.see(track(1), track(2, BESIDE))
    assert set(day.questions[0].tracks) == {1, 2}
    day.see(track(1), track(2, BESIDE))
    assert len(day.asked) == 1


def test_those_far_apart_are_asked_about_one_by_one():
    day = Day()
    day.see(track(1), track(2, THERE))
    day.see(track(1), track(2, THERE))
    assert [question.tracks for question in day.questions] == [(1,), (2,)]


def test_a_wider_spread_joins_more_and_none_joins_what_touches():
    wide, narrow = Day(Scheduling(look_s=0, spread=8)), Day(Scheduling(look_s=0, spread=1))
    for day in (wide, narrow):
        day.see(track(1), track(2, THERE))
    assert set(wide.questions[0].tracks) == {1, 2}
    assert narrow.questions[0].tracks == (1,)


def test_what_is_too_small_in_a_crop_is_not_asked_about_by_it():
    day = Day(Scheduling(look_s=0, spread=8))
    day.see(track(1, Box(0.1, 0.1, 0.9, 0.9)), track(2, Box(0.5, 0.5, 0.52, 0.53)))
    assert day.questions[0].tracks == (1,)


def test_a_neighbour_just_asked_about_makes_no_crop_wider():
    day = Day()
    day.see(track(1))
    alone = day.questions[0].box
    day.see(track(1), track(2, BESIDE))
    assert day.questions[1].box.width == pytest.approx(alone.width)


# Looks.


def test_the_whole_frame_is_looked_at_at_the_start_and_now_and_then():
    day = Day(Scheduling(look_s=5))
    day.see_for(21)
    assert [round(at_s, 1) for at_s, _ in day.asked] == [0, 5, 10, 15, 20]
    assert {(question.box, question.reason) for question in day.questions} == {(WHOLE, Reason.LOOK)}


def test_without_looks_an_empty_scene_asks_nothing():
    day = Day()
    day.see_for(60)
    assert day.asked == []


def test_a_track_goes_before_a_look_until_that_has_waited_for_long():
    day = Day(Scheduling(look_s=5))
    day.see()
    for number in range(300):  # there is always somebody new
        day.see(track(number + 1))
    looks_s = [at_s for at_s, question in day.asked if question.reason is Reason.LOOK]
    assert [round(at_s) for at_s in looks_s] == [0, 20]  # four times as seldom


def test_who_is_large_enough_in_the_whole_frame_is_asked_about_by_a_look():
    day = Day(Scheduling(look_s=5))
    day.see()
    day.now_s = 4.8
    small = track(2, Box(0.8, 0.1, 0.82, 0.12))
    day.see(track(), small)
    day.see(track(), small)
    day.see(track(), small)
    assert (day.questions[-1].reason, day.questions[-1].tracks) == (Reason.LOOK, (1,))


# The budget.


@pytest.mark.parametrize("per_s", [0.5, 2.0, 5.0])
def test_no_more_is_asked_than_the_budget_allows(per_s: float):
    day = Day(Scheduling(look_s=0, per_s=per_s))
    for number in range(600):
        day.see(track(number))
    assert len(day.asked) == pytest.approx(60 * per_s, abs=max(1, per_s) + 1)
    assert day.scheduler.over_budget == 600 - len(day.asked)


def test_a_budget_that_was_not_spent_is_saved_for_a_second_and_no_longer():
    day = Day(Scheduling(look_s=0, per_s=3))
    day.see_for(60)
    for number in range(5):
        day.see(track(number))
    assert len(day.asked) == 3 + 1


def test_a_clock_that_goes_back_costs_nothing():
    day = Day()
    day.see(track(1))
    day.now_s = -5.0
    day.see(track(2))
    assert len(day.asked) == 2


# Whatever comes.

EDGES = st.floats(-0.2, 1.2)
BOXES = st.tuples(EDGES, EDGES, st.floats(0.001, 1), st.floats(0.001, 1)).map(
    lambda edges: Box(edges[0], edges[1], edges[0] + edges[2], edges[1] + edges[3]).clipped()
)
SEEN = st.lists(st.lists(st.tuples(BOXES, st.sampled_from(Standing), st.sampled_from(State)), max_size=6), max_size=12)


@given(SEEN, st.sampled_from([(30, 30), (320, 192), (16, 90)]))
def test_every_question_is_a_crop_within_the_frame_about_tracks_that_are_there(
    seen: Sequence[Sequence[tuple[Box, Standing, State]]], size: tuple[int, int]
):
    scheduler = Scheduling(look_s=0.5).start()
    for number, things in enumerate(seen):
        tracks = [track(index, box, state) for index, (box, _, state) in enumerate(things)]
        standings = {index: standing for index, (_, standing, _) in enumerate(things)}
        question = scheduler.question(frame(number / FPS), tracks, standings, size)
        if question is None:
            continue
        assert 0 <= question.box.left < question.box.right <= 1 + 1e-9
        assert 0 <= question.box.top < question.box.bottom <= 1 + 1e-9
        assert all(things[index][2] in (State.CONFIRMED, State.STILL) for index in question.tracks)
        assert question.tracks or question.reason is Reason.LOOK
        scheduler.take(question, standings, round(number / FPS * 1e9))
