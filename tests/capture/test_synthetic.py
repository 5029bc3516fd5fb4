"""A scene with known answers."""

import numpy as np
import pytest

from tapetum.capture import Synthetic
from tapetum.errors import SourceError
from tapetum.scene import Frame
from tests.simulators.clock import FakeClock


def frames(fake_clock: FakeClock, count: int, **settings: object) -> list[Frame]:
    source = Synthetic(**{"pace": "analysis", "width": 160, "height": 120, **settings}).open("door", fake_clock)  # type: ignore[arg-type]
    found = [source.read() for _ in range(count)]
    return [frame for frame in found if frame is not None]


def test_things_are_where_the_truth_says_they_are(fake_clock: FakeClock) -> None:
    source = Synthetic(width=320, height=240, pace="analysis", movers=2).open("door", fake_clock)
    empty, *rest = [source.read() for _ in range(40)]
    assert empty is not None
    assert source.truth(0) == source.truth(9) == (), "nothing in the first second"
    boxes = source.truth(39)
    assert len(boxes) == 2
    frame = rest[-1]
    assert frame is not None
    changed = np.abs(frame.y.astype(int) - empty.y) > 40
    for box in boxes:
        assert changed[box.slices(changed)].mean() > 0.6
        changed[box.slices(changed)] = False
    assert changed.mean() < 0.01, "nothing else moves"


def test_the_same_seed_gives_the_same_pictures_and_another_one_others(fake_clock: FakeClock) -> None:
    first, same, other = (frames(fake_clock, 3, seed=seed)[-1] for seed in (1, 1, 2))
    assert np.array_equal(first.y, same.y)
    assert not np.array_equal(first.y, other.y)


def test_a_night_is_darker_and_noisier_than_the_day(fake_clock: FakeClock) -> None:
    day, night = (frames(fake_clock, 2, scene=scene, movers=0) for scene in ("day", "night"))
    assert night[0].y.mean() < day[0].y.mean()
    noise = [np.std(two[1].y.astype(int) - two[0].y) / two[0].y.mean() for two in (day, night)]
    assert noise[1] > 2 * noise[0]


def test_a_scene_of_so_many_pictures_ends(fake_clock: FakeClock) -> None:
    assert len(frames(fake_clock, 8, frames=5)) == 5


@pytest.mark.parametrize(("pace", "waited_s"), [("clip", 0.9), ("analysis", 0.0)])
def test_only_at_its_own_pace_it_is_waited_for(fake_clock: FakeClock, pace: str, waited_s: float) -> None:
    found = frames(fake_clock, 10, pace=pace, fps=10)
    assert sum(fake_clock.waits) == pytest.approx(waited_s)
    assert np.diff([frame.t_ns for frame in found]) == pytest.approx([1e8] * 9)


def test_what_was_closed_is_an_error_even_at_its_end(fake_clock: FakeClock) -> None:
    source = Synthetic(width=64, height=64, frames=1, pace="analysis").open("door", fake_clock)
    source.read()
    assert source.read() is None
    source.close()
    with pytest.raises(SourceError, match="closed"):
        source.read()
