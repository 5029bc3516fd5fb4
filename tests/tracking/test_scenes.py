"""People in drawn scenes, their motion found as the pipeline finds it, by day and by night: each is one track."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tapetum.motion.adaptive import Adaptive
from tapetum.scene import Box, State, Track
from tapetum.tracking import Tracking
from tests.scenes import FPS, Play, Player, walking
from tests.tracking.making import GREEN, PINK, SIZE, believed, who

Seen = tuple[float, tuple[Box, ...], tuple[Track, ...]]


@pytest.fixture(params=["day", "night"])
def scene(request: pytest.FixtureRequest) -> str:
    """By day, and at 4 % of the light."""
    return str(request.param)


def tracked(play: Play, settings: Tracking | None = None, **motion: Any) -> list[Seen]:
    """Return (time s, who is there, tracks) of each frame, motion found as the pipeline finds it."""
    detector, tracker, found = Adaptive(**motion).start(), (settings or Tracking()).start(), []
    for t_s, frame, there in play.frames():
        tracks = tracker.update(detector.detect(frame.luma, keep=tracker.held()), frame)
        found.append((t_s, there, tracks))
    return found


def ids(found: Sequence[Seen]) -> set[int]:
    """Return the numbers of all that was ever believed."""
    return {track.id for _, _, tracks in found for track in believed(tracks)}


def states(found: Sequence[Seen], number: int) -> list[State]:
    """Return the states of track `number`, each once until it changes."""
    every = [track.state for _, _, tracks in found for track in tracks if track.id == number]
    return [state for index, state in enumerate(every) if index == 0 or every[index - 1] is not state]


def test_one_who_walks_through_is_one_track_from_coming_to_going(scene: str) -> None:
    walker = Player(walking(SIZE, (2, -0.04, 0.5), (8, 1.04, 0.5)), **PINK)
    found = tracked(Play([walker], seconds=11, scene=scene))
    (number,) = ids(found)
    present = [t_s for t_s, _, tracks in found if believed(tracks)]
    assert present[0] < 2 + 1.0
    assert 7.5 < present[-1] < 8 + 1.0
    fits = [there[0].iou(track.box) for t_s, there, tracks in found if 3 < t_s < 7 for track in believed(tracks)]
    assert len(fits) > 35
    assert min(fits) > 0.4
    assert np.median(fits) > 0.7
    assert states(found, number)[-1] is State.LOST
    assert all(not tracks for t_s, _, tracks in found if t_s > 10)


def test_two_who_cross_keep_who_they_are(scene: str) -> None:
    one = Player(walking(SIZE, (2, -0.04, 0.5), (10, 1.04, 0.5)), **PINK)
    other = Player(walking(SIZE, (2, 1.04, 0.55), (10, -0.04, 0.55)), **GREEN)
    found = tracked(Play([one, other], seconds=10, scene=scene))
    assert len(ids(found)) == 2
    for player in (0, 1):
        before, after = (
            {who(tracks, there[player]) for t_s, there, tracks in found if low < t_s < high}
            for low, high in ((3.5, 5), (7, 9))
        )
        assert before == after
        assert len(before - {None}) == 1


def test_two_who_stop_beside_each_other_and_go_on_keep_who_they_are(scene: str) -> None:
    one = Player(walking(SIZE, (2, -0.04, 0.5), (6, 0.42, 0.5), (12, 0.42, 0.5), (16, -0.04, 0.5)), **PINK)
    other = Player(walking(SIZE, (2, 1.04, 0.55), (6, 0.51, 0.55), (12, 0.51, 0.55), (16, 1.04, 0.55)), **GREEN)
    found = tracked(Play([one, other], seconds=16, scene=scene))
    assert len(ids(found)) == 2
    for player in (0, 1):
        numbers = {who(tracks, there[player]) for t_s, there, tracks in found if 3.5 < t_s < 15}
        assert len(numbers - {None}) == 1


@pytest.mark.parametrize("pause_s", [5, 20])
def test_one_who_pauses_is_still_and_stays_who_they_are(scene: str, pause_s: float) -> None:
    goes_s = 6 + pause_s
    walker = Player(walking(SIZE, (2, -0.04, 0.5), (6, 0.5, 0.5), (goes_s, 0.5, 0.5), (goes_s + 4, 1.04, 0.5)), **PINK)
    found = tracked(Play([walker], seconds=goes_s + 4, scene=scene))
    (number,) = ids(found)
    assert State.STILL in states(found, number)
    pause = [tracks for t_s, _, tracks in found if 9 < t_s < goes_s]
    assert all(believed(tracks) for tracks in pause)
    assert np.mean([believed(tracks)[0].state is State.STILL for tracks in pause]) > 0.9


def test_one_whom_nobody_confirms_fades_into_the_room_in_the_end(scene: str) -> None:
    stayer = Player(walking(SIZE, (2, -0.04, 0.5), (6, 0.5, 0.5), (999, 0.5, 0.5)), **PINK)
    found = tracked(Play([stayer], seconds=60, scene=scene), Tracking(still_s=8), absorb=100)
    assert believed(found[120][2])
    assert not believed(found[-1][2])


def test_one_whom_a_model_confirms_stays_for_as_long_as_it_does() -> None:
    stayer = Player(walking(SIZE, (2, -0.04, 0.5), (6, 0.5, 0.5), (999, 0.5, 0.5)), **PINK)
    detector, tracker, there = Adaptive(absorb=50).start(), Tracking(still_s=8).start(), {}
    for t_s, frame, _ in Play([stayer], seconds=70).frames():
        tracks = tracker.update(detector.detect(frame.luma, keep=tracker.held()), frame)
        if t_s < 35:
            tracker.verify([track.id for track in tracks], frame.t_ns)
        there[t_s] = {track.id for track in believed(tracks)}
    assert there[10] == there[35] != set()
    assert there[69.9] == set()


def test_what_flickers_here_and_there_is_never_believed(scene: str) -> None:
    def flash(number: int) -> Callable[[float], Box | None]:
        box = Box(0.1 + 0.2 * number, 0.4, 0.18 + 0.2 * number, 0.6)
        return lambda t_s: box if t_s > 2 and round(t_s * FPS) % 7 == number else None

    lights = [Player(flash(number)) for number in range(4)]
    found = tracked(Play(lights, seconds=15, scene=scene))
    assert any(tracks for _, _, tracks in found)
    assert ids(found) == set()


def test_an_empty_room_has_no_tracks(scene: str) -> None:
    assert not any(tracks for _, _, tracks in tracked(Play(seconds=15, scene=scene)))


def test_each_who_comes_is_someone_new_and_numbers_are_never_used_again(scene: str) -> None:
    guests = [Player(walking(SIZE, (start, -0.04, 0.5), (start + 3, 1.04, 0.5)), **PINK) for start in (2, 8, 14)]
    found = tracked(Play(guests, seconds=20, scene=scene))
    assert len(ids(found)) == 3
    firsts = {
        number: min(t_s for t_s, _, tracks in found if number in {one.id for one in tracks}) for number in ids(found)
    }
    assert sorted(firsts, key=firsts.__getitem__) == sorted(firsts)
