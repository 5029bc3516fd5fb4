"""What is nobody is told from people by how it looks, and people are never kept waiting for long."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tapetum.capture import Synthetic
from tapetum.config import CameraSettings
from tapetum.motion import adaptive
from tapetum.scene import Box, Frame, State
from tapetum.tracking import Tracking
from tapetum.tracking.nuisance import Look, Nuisance, Nuisances, straightness
from tapetum.tracking.nuisance import judged as looks_like
from tests.motion.figures.weather import octaves
from tests.tracking.nuisances import clips
from tests.tracking.nuisances.judge import judged, played, summary

Drawn = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
SIZE = (216, 384)
ROWS, COLUMNS = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
GRAY = np.full((SIZE[0] // 2, SIZE[1] // 2), 128, np.uint8)


def sweep(place: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """Headlights: twice the light, in a spot that moves on."""
    away = np.hypot(COLUMNS - 8 * number, ROWS - 110) / 35
    return np.asarray(place * (1 + np.exp(-(away**2))), np.float32)


def spider(place: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """Something dark right before the lens, of which nothing is sharp."""
    away = np.hypot(COLUMNS - 60 - 5 * number, ROWS - 110)
    cover = 1 / (1 + np.exp((away - 24) / 6))
    return np.asarray(place + cover * (15 - place), np.float32)


def thread(place: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """A thread of a web that is blown across the picture."""
    drawn = place.copy()
    cv2.line(drawn, (40 + 6 * number, 40), (110 + 6 * number, 160), 235.0, 2)
    return drawn


def fly(place: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """Something small that is now here, now there, and nowhere else."""
    drawn = place.copy()
    x, y = ((190, 110), (204, 112), (191, 116))[number % 3]
    cv2.circle(drawn, (x, y), 8, 20.0, cv2.FILLED)
    return drawn


def person(place: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """Somebody in a coat, who crosses the picture."""
    drawn = place.copy()
    left = 40 + 5 * number
    coat = 40 + 15 * octaves(np.random.default_rng(5), (70, 22), 16, 2)
    drawn[90:160, left : left + 22] = coat
    return drawn


def outcome(
    what: Drawn, limits: Nuisances | None = None, textured: bool = True
) -> tuple[dict[Nuisance, int], list[int], set[str]]:
    """Return what was rejected, in which frames something was believed, and which reasons tracks told of."""
    random = np.random.default_rng(3)
    place = np.asarray(np.clip(110 + 22 * textured * octaves(random, SIZE, 64, 2), 20, 160), np.float32)
    detector, tracker = adaptive.Adaptive().start(), Tracking(nuisances=limits or Nuisances()).start()
    believed, told = [], set()
    for number in range(-20, 40):
        shown = what(place, number) if number >= 0 else place
        luma = np.clip(shown + random.normal(0, 2, SIZE), 0, 255).astype(np.uint8)
        frame = Frame("front", number + 21, round((number + 21) * 1e8), luma, GRAY, GRAY, luma)
        tracks = tracker.update(detector.detect(luma, keep=tracker.held()), frame)
        told |= {track.nuisance for track in tracks if track.nuisance}
        believed += [number] * any(track.state is not State.TENTATIVE for track in tracks)
    return dict(tracker.rejected), believed, told


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (sweep, Nuisance.LIGHT),
        (spider, Nuisance.BLURRED),
        (thread, Nuisance.SCATTERED),
    ],
)
def test_what_is_nobody_is_rejected_with_the_reason(what: Drawn, reason: Nuisance):
    rejected, believed, told = outcome(what, textured=reason is not Nuisance.BLURRED)  # before a wall, or the sky
    assert not believed
    assert rejected[reason] >= 1
    assert reason in told


def test_what_gets_nowhere_is_never_believed():
    assert not outcome(fly)[1]


def test_what_gets_nowhere_is_erratic_and_who_goes_straight_on_is_not():
    looks = [Look(texture=0.0, outline=0.5, filled=0.5)] * 3
    around = [Box(x, 0.4, x + 0.1, 0.6) for x in (0.4, 0.5, 0.41, 0.49)]
    on = [Box(x, 0.4, x + 0.1, 0.6) for x in (0.4, 0.42, 0.45, 0.47)]
    limits = Nuisances()
    assert looks_like(looks, straightness(around, SIZE), limits) is Nuisance.ERRATIC
    assert looks_like(looks, straightness(on, SIZE), limits) is None


@pytest.mark.parametrize("what", [sweep, spider, thread])
def test_without_the_filter_it_would_have_been_believed(what: Drawn):
    rejected, believed, _ = outcome(what, Nuisances(enabled=False))
    assert believed
    assert not rejected


def test_somebody_is_believed_within_half_a_second_and_counted_as_no_nuisance():
    rejected, believed, _ = outcome(person)
    assert not rejected
    assert believed[0] <= 5


def test_limits_that_nothing_exceeds_reject_nothing():
    rejected, _, _ = outcome(sweep, Nuisances(light=1.0, outline=0.0, filled=0.0, straight=0.0))
    assert not rejected


@pytest.mark.parametrize("number", [0, 1, 4, 5, 6])
def test_a_nuisance_in_a_real_place_makes_no_sighting(data: Path, number: int):
    assert judged(clips.nuisance(data, number), CameraSettings(source=Synthetic())).false == 0


@pytest.mark.parametrize("number", [1, 12])
def test_real_people_in_the_same_places_are_told_of_within_a_second(data: Path, number: int):
    verdict = judged(clips.passing(data, number), CameraSettings(source=Synthetic()))
    assert verdict.after_s is not None
    assert verdict.after_s <= 1.0


@pytest.mark.long
def test_of_a_hundred_clips_two_make_a_false_sighting_at_most_and_of_a_hundred_people_two_are_missed(data: Path):
    rows = summary(list(played(data, 100)))
    assert sum(row["false_sightings"] for row in rows) <= 2
    assert rows[-1]["seen"] >= 98
