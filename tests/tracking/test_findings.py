"""What a model saw in a frame that is past, brought to what is tracked now."""

import pytest

from tapetum.scene import Box, Findings, State
from tapetum.tracking import Tracking
from tapetum.tracking.findings import History
from tapetum.tracking.predict import edges
from tests.scenes import FPS
from tests.tracking.making import GREEN, PINK, at, believed, frame_at, motion_of, walked, who


def ns(t_s: float) -> int:
    return round(t_s * 1e9)


def test_a_box_is_the_track_s_that_was_there_then_wherever_it_is_now() -> None:
    history = History()
    history.add(ns(1), [3, 5], edges([at(0.3), at(0.7)]), [False, False])
    history.add(ns(2), [3, 5], edges([at(0.7), at(0.3)]), [False, False])
    found = history.compared(Findings(ns(1), (at(0.31),)), [3, 5])
    assert found is not None
    assert found.rows == [0]
    assert found.clear.tolist() == [True]
    assert found.was[0].tolist() == pytest.approx(edges([at(0.3)])[0].tolist())


def test_a_track_that_came_since_or_is_gone_gets_nothing() -> None:
    history = History()
    history.add(ns(1), [3, 5], edges([at(0.3), at(0.7)]), [False, False])
    found = history.compared(Findings(ns(1), (at(0.3), at(0.7))), [5, 8])
    assert found is not None
    assert found.rows == [0]


def test_an_answer_to_a_question_that_nobody_remembers_is_passed_over() -> None:
    history = History()
    for number in range(200):
        history.add(ns(number / FPS), [1], edges([at(0.3)]), [False])
    assert history.compared(Findings(0, (at(0.3),)), [1]) is None
    assert history.compared(Findings(ns(19), (at(0.3),)), [1]) is not None


@pytest.mark.parametrize("sure", [True, False], ids=["its own region", "no region"])
@pytest.mark.parametrize("near", [True, False], ids=["another is near", "alone"])
def test_only_what_no_region_shows_and_stands_alone_is_put_right(sure: bool, near: bool) -> None:
    history = History()
    history.add(0, [1, 2], edges([at(0.3), at(0.33 if near else 0.8)]), [sure, True])
    found = history.compared(Findings(0, (at(0.31),)), [1, 2])
    assert found is not None
    assert found.clear.any() == (not sure and not near)


def test_one_at_rest_is_put_where_a_model_has_seen_it() -> None:
    tracker = Tracking().start()
    box, t_s = walked(tracker, 12)
    seen = Box(box.left - 0.01, box.top - 0.1, box.right + 0.01, box.bottom)
    for number in range(1, 8):
        frame = frame_at(t_s + number / FPS, (box, PINK))
        (track,) = tracker.update(motion_of(complete=False), frame)
        if number == 3:
            before = track.box.iou(seen)
            tracker.heed([Findings(frame.t_ns, (seen,))])
    assert before < 0.75
    assert track.box.iou(seen) > before + 0.1


def test_two_that_were_taken_for_one_are_two_from_then_on() -> None:
    tracker, both = Tracking().start(), []
    for number in range(30):
        left, right = at(0.2 + 0.01 * number), at(0.29 + 0.01 * number)
        frame = frame_at(number / FPS, (left, PINK), (right, GREEN))
        tracks = tracker.update(motion_of(left.united(right)), frame)
        if number == 12:
            tracker.heed([Findings(frame.t_ns, (left, right))])
        both.append([who(tracks, left), who(tracks, right)])
    assert len(believed(tracks)) == 2
    assert None not in both[-1]
    assert len(set(both[-1])) == 2


def test_the_same_one_told_twice_is_not_two() -> None:
    tracker = Tracking().start()
    box, t_s = walked(tracker, 12)
    tracker.heed([Findings(ns(t_s), (box, Box(box.left + 0.01, box.top + 0.05, box.right, box.bottom - 0.02)))])
    for number in range(1, 8):
        tracks = tracker.update(motion_of(box), frame_at(t_s + number / FPS, (box, PINK)))
    assert len(tracks) == 1


def test_what_was_begun_by_mistake_ends_when_the_next_answer_does_not_show_it() -> None:
    tracker = Tracking().start()
    tracker.adopt([at(0.3), at(0.7)], 0)
    frame = frame_at(0.1, (at(0.7), PINK))
    tracks = tracker.update(motion_of(), frame)
    assert [track.state for track in tracks] == [State.STILL, State.STILL]
    tracker.heed([Findings(frame.t_ns, (at(0.7),), frozenset({1}))])
    tracks = tracker.update(motion_of(), frame_at(0.2, (at(0.7), PINK)))
    assert [track.id for track in tracks] == [2]


def test_what_was_found_again_once_must_be_missed_twice() -> None:
    tracker = Tracking().start()
    tracker.adopt([at(0.3)], 0)
    told = [(at(0.3),), (), (at(0.3),), (), ()]
    there = []
    for number, boxes in enumerate(told, 1):
        frame = frame_at(number / FPS, (at(0.3), PINK))
        there.append(len(tracker.update(motion_of(), frame)))
        tracker.heed([Findings(frame.t_ns, boxes, frozenset() if boxes else frozenset({1}))])
    there.append(len(tracker.update(motion_of(), frame_at(1, (at(0.3), PINK)))))
    assert there == [1, 1, 1, 1, 1, 0]


def test_what_a_region_shows_is_not_let_go_for_what_a_model_does_not_see() -> None:
    tracker = Tracking().start()
    box, t_s = walked(tracker, 12)
    for number in range(1, 6):
        frame = frame_at(t_s + number / FPS, (box, PINK))
        (track,) = tracker.update(motion_of(box), frame)
        tracker.heed([Findings(frame.t_ns, (), frozenset({track.id}))])
    assert track.id == 1
