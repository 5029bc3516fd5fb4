"""Where nothing happens the default method finds nothing, or no more than ever: figures that may only fall.

CI sees a few seconds of each scene, `scripts/test -m long` a hundred; `scripts/bench scenes` prints every method's.
"""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tapetum.bench.motion import course
from tapetum.bench.motion.contenders import METHODS, default, everyone, name_of
from tapetum.bench.motion.course import Record
from tapetum.scene import Plane
from tests.motion.figures import traffic, weather
from tests.motion.figures.tables import empty_room, followed, silent_after_s, simulated

A_FEW, LONG = 60, 1000  # frames


def record(lumas: weather.Pictures, frames: int) -> Record:
    """Return what the default does on `frames` of a scene."""
    name = default()
    ours = [one for one in everyone() if one.name == name]
    return course.run(simulated(lumas, frames), ours)[name]


@pytest.mark.parametrize(
    ("scene", "most"), [("noise", 0.0), ("dark", 0.0), ("drift", 0.0), ("rain", 0.0), ("leaves", 0.3)]
)
def test_weather_is_no_motion_or_no_more_than_ever(scene: str, most: float) -> None:
    share = record(weather.WEATHER[scene](1), A_FEW).motion_share
    print(f"{default()}, {scene}: {share:.3f}")
    assert share <= most


@pytest.mark.long
def test_of_all_weathers_together_no_more_than_one_frame_in_two_hundred_shows_motion() -> None:
    """Leaves show in the first two seconds after a cold start, and then no more."""
    moves = {scene: record(make(1), LONG).moves for scene, make in weather.WEATHER.items()}
    print({scene: sum(shown) for scene, shown in moves.items()})
    assert sum(map(sum, moves.values())) <= 0.005 * LONG * len(moves)
    assert not any(any(shown[2 * weather.FPS :]) for shown in moves.values())


@pytest.mark.parametrize(
    ("event", "most_s"), [("cold_start", 0.0), ("cold_start_dark", 0.0), ("gain_step", 0.0), ("infrared", 0.7)]
)
def test_after_what_a_camera_does_by_itself_it_falls_silent(event: str, most_s: float) -> None:
    make, at = weather.EVENTS[event]
    found = record(make(1), at[-1] + 5 * weather.FPS)
    after_s = max(silent_after_s(found, frame) for frame in at)
    print(f"{default()}, {event}: {after_s:.1f} s")
    assert after_s <= most_s


def test_in_a_room_that_people_have_left_nothing_moves(data: Path) -> None:
    """Their shadows go a moment after them, and what was learned of those who stood there for long is left."""
    kind = next(kind for kind in METHODS if name_of(kind) == default())
    percent = empty_room(data, [followed(kind)])[default()]
    print(f"{default()}, empty room: {percent:.1f} %")
    assert percent <= 0.5


# The scenes themselves: what they are worth as a measure.


def lumas(scene: weather.Pictures, frames: int) -> list[Plane]:
    return list(islice(scene, frames))


@pytest.mark.parametrize("scene", weather.WEATHER)
def test_a_scene_is_the_same_each_time_and_another_for_another_seed(scene: str) -> None:
    one, again, other = (lumas(weather.WEATHER[scene](seed), 3) for seed in (1, 1, 2))
    assert all(np.array_equal(first, second) for first, second in zip(one, again, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_a_scene_by_day_is_as_noisy_as_a_camera_and_stays_as_bright() -> None:
    first, second = (one.astype(int) for one in lumas(weather.noise(1), 2))
    assert 1.5 < (first - second).std() / 2**0.5 < 4  # luma steps, reduced by two
    assert abs(first.mean() - second.mean()) < 0.1


def test_leaves_sway_and_rain_falls_beyond_the_noise() -> None:
    still, wind, drops = (
        np.abs(np.diff(np.array(lumas(scene(1), 12)).astype(int), axis=0)).max()
        for scene in (weather.noise, weather.leaves, weather.rain)
    )
    assert wind > 4 * still
    assert drops > still


def test_on_a_busy_road_far_more_moves_than_on_a_quiet_one() -> None:
    shares = []
    for scene in traffic.SCENES:
        _, before, *_, after = (one.astype(int) for one in traffic.lumas(scene, (180, 320), 10, 1))
        shares.append(float((np.abs(after - before) > 25).mean()))
    empty, quiet, busy = shares
    assert empty < 0.001
    assert 0.005 < quiet < 0.03
    assert 3 * quiet < busy < 0.15
