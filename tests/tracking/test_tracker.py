"""Regions given by hand: things keep who they are while they pass, become one region, or are not seen for a moment."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.scene import Box, State
from tapetum.tracking import Tracking
from tests.scenes import FPS
from tests.tracking.making import BELIEVED, GREEN, PINK, at, believed, frame_at, motion_of, walked, who


def test_what_is_seen_once_is_tentative_and_gone_when_it_does_not_come_again() -> None:
    tracker = Tracking().start()
    (track,) = tracker.update(motion_of(at(0.3)), frame_at(0, (at(0.3), PINK)))
    assert (track.state, track.hits, track.first_ns, track.last_ns) == (State.TENTATIVE, 1, 0, 0)
    assert track.box == at(0.3)
    for number in (1, 2, 3):
        tracks = tracker.update(motion_of(), frame_at(number / FPS))
    assert tracks == ()


@pytest.mark.parametrize("hits", [1, 2, 3, 5])
def test_what_is_seen_often_enough_and_moves_is_believed(hits: int) -> None:
    tracker, first = Tracking(hits=hits).start(), None
    for number in range(8):
        box = at(0.2 + 0.03 * number)
        (track,) = tracker.update(motion_of(box), frame_at(number / FPS, (box, PINK)))
        if track.state is State.CONFIRMED and first is None:
            first = number
    assert first is not None
    assert hits - 1 <= first <= hits + 1


def test_what_trembles_in_its_place_is_not_believed() -> None:
    tracker = Tracking().start()
    for number in range(50):
        box = at(0.3 + 0.002 * (number % 2))
        tracks = tracker.update(motion_of(box), frame_at(number / FPS, (box, PINK)))
        assert [track.state for track in tracks] == [State.TENTATIVE]


def test_a_track_counts_when_it_was_seen() -> None:
    tracker = Tracking().start()
    box, t_s = walked(tracker, 10)
    (track,) = tracker.update(motion_of(box), frame_at(t_s + 0.1, (box, PINK)))
    assert (track.hits, track.first_ns, track.last_ns) == (11, 0, round((t_s + 0.1) * 1e9))
    (lost,) = tracker.update(motion_of(), frame_at(t_s + 0.2))
    assert (lost.state, lost.hits, lost.last_ns) == (State.LOST, track.hits, track.last_ns)


def test_in_frames_without_motion_colours_keep_it() -> None:
    tracker = Tracking().start()
    box, t_s = walked(tracker, 12)
    for number in range(1, 8):
        frame = frame_at(t_s + number / FPS, (box, PINK))
        (track,) = tracker.update(motion_of(complete=False), frame)
        assert (track.id, track.state) == (1, State.CONFIRMED)
        assert track.box.iou(box) > 0.4


def test_colours_alone_keep_it_for_a_while_and_then_it_is_lost_and_gone() -> None:
    settings = Tracking(hold_s=1.0, lost_s=0.5)
    tracker = settings.start()
    box, t_s = walked(tracker, 12)
    history = {}
    for number in range(1, 25):
        tracks = tracker.update(motion_of(complete=False), frame_at(t_s + number / FPS, (box, PINK)))
        history[number] = [track.state for track in tracks]
    assert history[8] == [State.CONFIRMED]
    assert history[12] == [State.LOST]
    assert history[18] == []


def test_what_is_out_of_sight_is_lost_then_gone_and_sooner_at_the_edge() -> None:
    settings = Tracking(lost_s=1.5, leaving_s=0.5)
    for start, patience_s in ((0.2, settings.lost_s), (0.745, settings.leaving_s)):
        tracker = settings.start()
        _, t_s = walked(tracker, 12, start)
        seen = {}
        for number in range(1, 25):
            tracks = tracker.update(motion_of(), frame_at(t_s + number / FPS))
            seen[number] = [track.state for track in tracks]
        lost = [number for number, what in seen.items() if what]
        assert all(seen[number] == [State.LOST] for number in lost)
        assert max(lost) == pytest.approx(patience_s * FPS, abs=1)


def test_who_comes_back_before_they_are_given_up_is_who_they_were() -> None:
    tracker = Tracking(lost_s=1.5).start()
    box, t_s = walked(tracker, 12)
    for number in range(1, 10):
        (track,) = tracker.update(motion_of(), frame_at(t_s + number / FPS))
        assert track.state is State.LOST
    (track,) = tracker.update(motion_of(box), frame_at(t_s + 1.0, (box, PINK)))
    assert (track.id, track.state) == (1, State.CONFIRMED)


def gone_and_come(box: Box, ahead: Box, colours: dict[str, int], *others: Box) -> list[set[int]]:
    """Let somebody walk to `box`, be out of sight, and somebody come in `ahead`; return who is believed at the end."""
    tracker = Tracking(lost_s=1.5).start()
    for number in range(30):
        walker = at(0.2 + 0.02 * number) if number < 12 else None
        if number >= 20:
            walker = ahead.shifted(0.02 * (number - 20), 0)
        there = [(one.shifted(0.002 * number, 0), GREEN) for one in others]
        if walker:
            there.append((walker, PINK if number < 12 else colours))
        motion = motion_of(*(one for one, _ in there))
        tracks = tracker.update(motion, frame_at(number / FPS, *there))
    return [
        {track.id for track in believed(tracks) if track.box.iou(there[-1][0]) > 0.3},
        {track.id for track in tracks},
    ]


def test_who_comes_out_again_where_they_may_have_got_to_is_who_they_were() -> None:
    here, _ = gone_and_come(at(0.42), at(0.56), PINK)
    assert here == {1}


def test_who_comes_out_elsewhere_or_looks_otherwise_is_somebody_else() -> None:
    for ahead, colours in ((at(0.7), PINK), (at(0.56), GREEN)):
        here, _ = gone_and_come(at(0.42), ahead, colours)
        assert here
        assert 1 not in here


def test_out_of_a_crowd_nobody_is_recalled() -> None:
    here, there = gone_and_come(at(0.42), at(0.56), PINK, at(0.4, 0.8))
    assert len(there) == 2
    assert here
    assert not here & {1, 2}


def test_what_moved_and_rests_for_two_seconds_is_still_and_moves_again() -> None:
    tracker = Tracking().start()
    box, t_s = walked(tracker, 12)
    for number in range(1, 40):
        (track,) = tracker.update(motion_of(box), frame_at(t_s + number / FPS, (box, PINK)))
    assert track.state is State.STILL
    for number in range(1, 6):
        moved = at(box.centre[0] + 0.02 * number)
        (track,) = tracker.update(motion_of(moved), frame_at(t_s + 4 + number / FPS, (moved, PINK)))
    assert (track.id, track.state) == (1, State.CONFIRMED)


def test_two_regions_that_become_one_and_part_again_are_the_same_two() -> None:
    tracker, joined = Tracking().start(), 0
    for number in range(60):
        way = min(0.21, 0.012 * min(number, 60 - number))  # towards each other, side by side for two seconds, and back
        left, right = at(0.25 + way), at(0.75 - way)
        touching = left.grown(0.05).overlap(right.grown(0.05)) > 0
        regions = [left.united(right)] if touching else [left, right]
        joined += touching
        tracks = tracker.update(motion_of(*regions), frame_at(number / FPS, (left, PINK), (right, GREEN)))
        if number > 8:
            assert [who(tracks, box) for box in (left, right)] == [1, 2], number
            assert all(track.box.area < 1.4 * left.area for track in tracks), number  # neither is taken for both
    assert {track.id for track in tracks} == {1, 2}
    assert joined > 20


def test_head_and_legs_are_one_track() -> None:
    tracker = Tracking().start()
    for number in range(20):
        whole = at(0.2 + 0.02 * number)
        head = dataclasses.replace(whole, bottom=whole.top + 0.08)
        legs = dataclasses.replace(whole, top=whole.top + 0.1)
        regions = [whole] if number < 8 else [legs, head]
        tracks = tracker.update(motion_of(*regions), frame_at(number / FPS, (whole, PINK)))
    assert [track.id for track in tracks] == [1]


def test_one_that_has_got_within_another_for_long_was_a_part_of_it() -> None:
    tracker = Tracking().start()
    for number in range(60):
        bus, child = at(0.35 + 0.004 * number).grown(0.6), at(0.1 + 0.01 * number, 0.5).grown(-0.2)
        frame = frame_at(number / FPS, (bus, PINK), (child, GREEN))
        tracks = tracker.update(motion_of(bus, child), frame)
        if number == 10:
            assert len(believed(tracks)) == 2
    assert [track.box.iou(bus) > 0.5 for track in tracks] == [True]


def test_colours_that_change_while_it_is_seen_to_move_are_learned() -> None:
    tracker = Tracking().start()
    for number in range(150):
        box = at(0.3 + 0.02 * abs(number % 20 - 10))
        frame = frame_at(number / FPS, (box, PINK if number < 15 else GREEN))
        tracker.update(motion_of(box), frame)
    for number in range(150, 158):
        (track,) = tracker.update(motion_of(complete=False), frame_at(number / FPS, (box, GREEN)))
        assert track.state is not State.LOST


def test_the_room_is_not_learned_under_what_is_believed_and_only_there() -> None:
    tracker = Tracking().start()
    assert tracker.held() == []
    tracker.update(motion_of(at(0.2)), frame_at(0, (at(0.2), PINK)))
    assert tracker.held() == []  # not yet believed
    tracker = Tracking().start()
    box, t_s = walked(tracker, 12)
    (held,) = tracker.held()
    assert held.overlap(box) == pytest.approx(box.area, rel=0.1)
    assert held.area < 2.5 * box.area
    for number in range(1, 30):
        tracker.update(motion_of(), frame_at(t_s + number / FPS))
    assert tracker.held() == []


def test_what_rests_too_long_is_held_no_more_unless_it_is_verified() -> None:
    tracker = Tracking(still_s=3.0).start()
    box, t_s = walked(tracker, 12)
    for number in range(1, 60):
        tracks = tracker.update(motion_of(box), frame_at(t_s + number / FPS, (box, PINK)))
    assert tracker.held() == []
    tracker.verify([track.id for track in tracks], round((t_s + 6) * 1e9))
    assert len(tracker.held()) == 1
    tracker.verify([99], round((t_s + 6) * 1e9))  # nobody of that number: nothing happens


def test_what_never_moved_and_was_seen_by_one_who_knows_is_a_track_at_rest_for_as_long_as_it_is_verified() -> None:
    tracker = Tracking(still_s=3.0, lost_s=1.0).start()
    tracker.adopt([at(0.5)], 0)
    seen = []
    for number in range(1, 120):
        tracks = tracker.update(motion_of(), frame_at(number / FPS, (at(0.5), PINK)))
        seen.append([(track.id, track.state) for track in tracks])
        if number in (20, 40):
            tracker.verify([1], round(number / FPS * 1e9))
            assert who(tracks, at(0.5)) == 1
    assert seen[:69] == [[(1, State.STILL)]] * 69
    assert seen[70:79] == [[(1, State.LOST)]] * 9
    assert seen[-1] == []


def test_what_never_moved_and_then_does_is_who_it_was() -> None:
    tracker = Tracking().start()
    tracker.adopt([at(0.3)], 0)
    for number in range(1, 15):
        box = at(0.3 + 0.02 * max(0, number - 5))
        regions = [box] if number > 5 else []
        tracks = tracker.update(motion_of(*regions), frame_at(number / FPS, (box, PINK)))
    assert [(track.id, who(tracks, box)) for track in tracks] == [(1, 1)]
    for number in range(15, 40):  # and from now on it is like any other
        tracks = tracker.update(motion_of(), frame_at(number / FPS))
    assert tracks == ()


def test_a_tracker_goes_on_after_a_gap_in_time() -> None:
    tracker = Tracking().start()
    box, t_s = walked(tracker, 12)
    tracks = tracker.update(motion_of(box), frame_at(t_s + 3600, (box, PINK)))
    assert len(tracks) == 1


def test_one_who_has_run_out_of_view_while_the_camera_was_away_is_lost() -> None:
    tracker = Tracking().start()
    _, t_s = walked(tracker, 16, start=0.3, step=0.045)
    (track,) = tracker.update(motion_of(), frame_at(t_s + 0.5))
    assert track.state is State.LOST


@st.composite
def regions(draw: st.DrawFn) -> list[Box]:
    """A few regions with an inside, within the frame."""
    found = []
    for _ in range(draw(st.integers(0, 4))):
        left, top = draw(st.floats(0, 0.9)), draw(st.floats(0, 0.9))
        found.append(Box(left, top, draw(st.floats(left + 0.02, 1)), draw(st.floats(top + 0.02, 1))))
    return found


@given(st.lists(st.tuples(regions(), st.booleans()), max_size=25))
def test_whatever_moves_tracks_are_unique_and_keep_to_their_states(
    steps: list[tuple[list[Box], bool]],
) -> None:
    tracker, before, ended = Tracking().start(), {}, set[int]()
    for number, (moving, complete) in enumerate(steps):
        frame = frame_at(number / FPS, *[(box, PINK) for box in moving])
        tracks = {track.id: track for track in tracker.update(motion_of(*moving, complete=complete), frame)}
        assert not set(tracks) & ended  # what is gone does not come back
        for own, track in tracks.items():
            assert track.box == track.box.clipped()
            assert track.first_ns <= track.last_ns <= frame.t_ns
            if own in before:
                assert not (before[own].state in BELIEVED and track.state is State.TENTATIVE)
                assert track.hits >= before[own].hits
            else:
                assert own > max([*before, *ended], default=0)
                assert track.state in (State.TENTATIVE, State.CONFIRMED)
        ended |= set(before) - set(tracks)
        before = tracks
