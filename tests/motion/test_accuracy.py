"""What the default method finds on recorded scenes, beside MOG2 in the same run: figures that may only rise.

CI sees a part of each scene, `scripts/test -m long` all of it, and `scripts/bench scenes` prints every method's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tapetum.bench.motion import course
from tapetum.bench.motion.contenders import default, everyone
from tapetum.bench.motion.sequence import Picture
from tests.motion.figures import recordings
from tests.motion.figures.tables import Records, f_of, lost

PART = 371, 670
"""Frames of the highway for CI: 99 that nobody judges and 201 that are judged."""
WHOLE = 1, 1100


@dataclass(frozen=True)
class Floor:
    """What is reached at least: F, and how far ahead of MOG2; 0.01 below what was measured, for others' rounding."""

    f: float
    ahead: float


def seen(pictures: Iterable[Picture]) -> Records:
    """Return the records of the default and of MOG2."""
    return course.run(pictures, [one for one in everyone() if one.name in (default(), "MOG2")])


def assert_reached(records: Records, floor: Floor) -> None:
    ours, mog2 = f_of(records[default()]), f_of(records["MOG2"])
    print(f"{default()} {ours:.3f}, MOG2 {mog2:.3f}")
    assert ours >= floor.f
    assert ours - mog2 >= floor.ahead


@pytest.mark.parametrize(
    ("span", "floor"), [(PART, Floor(0.982, 0.044)), pytest.param(WHOLE, Floor(0.952, 0.062), marks=pytest.mark.long)]
)
def test_cars_by_day_are_found_as_well_as_ever(data: Path, span: tuple[int, int], floor: Floor) -> None:
    assert_reached(seen(recordings.highway(data, *span)), floor)


def test_people_in_a_thermal_picture_are_found_as_well_as_ever_from_the_first_frames_on(data: Path) -> None:
    records = seen(recordings.thermal(data))
    assert_reached(records, Floor(0.874, 0.195))
    assert lost(records[default()]) <= 0.02


@pytest.mark.parametrize(
    ("light", "coding", "span", "floor"),
    [
        (0.04, "raw", PART, Floor(0.972, 0.203)),
        (0.04, "h264", PART, Floor(0.971, 0.192)),
        (0.01, "raw", PART, Floor(0.744, 0.291)),
        (0.01, "h264", PART, Floor(0.732, 0.227)),
        pytest.param(0.04, "raw", WHOLE, Floor(0.934, 0.244), marks=pytest.mark.long),
        pytest.param(0.04, "h264", WHOLE, Floor(0.932, 0.227), marks=pytest.mark.long),
        pytest.param(0.01, "raw", WHOLE, Floor(0.737, 0.411), marks=pytest.mark.long),
        pytest.param(0.01, "h264", WHOLE, Floor(0.746, 0.365), marks=pytest.mark.long),
    ],
)
def test_cars_by_night_are_found_as_well_as_ever(
    data: Path, light: float, coding: recordings.Coding, span: tuple[int, int], floor: Floor
) -> None:
    assert_reached(seen(recordings.dark_highway(data, light, coding, span)), floor)
