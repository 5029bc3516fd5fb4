"""What followers come to on recorded sequences may only rise: five with one thing, and one whose thing is cut out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from tapetum.bench.tracking.contenders import name_of
from tapetum.bench.tracking.score import Record
from tapetum.bench.tracking.sequence import Sequence, Shown
from tapetum.tracking import Tld
from tests.bench.absences import AWAY, without
from tests.tracking.test_followers import METHODS

SHORT = 100  # frames of each sequence
LEAST_SHORT = {"camshift": 0.34, "compressive": 0.72, "correlation": 0.73, "particle": 0.48, "tld": 0.65}
LEAST = {"camshift": 0.27, "compressive": 0.63, "correlation": 0.64, "particle": 0.36, "tld": 0.54}
"""AUC, the mean over the five sequences and, of those that draw at random, over as many seeds as are run."""
PLACES = ("tracking/tld/01_david", "tracking/tld/02_jumping", "tracking/tld/03_pedestrian1")
FOUND_AGAIN = 15  # frames

Clips = Mapping[str, list[Shown]]


@pytest.fixture(scope="module")
def clips(data: Path) -> Clips:
    """The frames of the five sequences, each with its truth."""
    places = [*PLACES, "tracking/otb/Crossing", "tracking/otb/DragonBaby"]
    return {place: list(Sequence.opened(data / place).shown()) for place in places}


@pytest.fixture(scope="module")
def away(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Shown]:
    """The frames of a street from which the one who crosses it is cut out twice."""
    place = without(data / "tracking/otb/Crossing", tmp_path_factory.mktemp("sequences") / "away")
    return list(Sequence.opened(place).shown())


def followed(settings: Any, shown: list[Shown]) -> tuple[Record, list[bool]]:
    """Return how well `settings` follow, and in which frames they claim to see the thing."""
    record, claims = Record(), []
    assert shown[0].there is not None
    follower = settings.start(shown[0].frame, shown[0].there)
    for one in shown:
        found = follower.update(one.frame)
        record.count(found.box, found.visible, one.there, one.frame.y.shape)
        claims.append(found.visible)
    return record, claims


def seeded(kind: Any, seeds: int) -> list[Any]:
    return [replace(kind(), seed=seed) for seed in range(seeds)] if "seed" in kind.__struct_fields__ else [kind()]


def auc(kind: Any, clips: Clips, seeds: int, frames: int | None = None) -> float:
    each = [followed(one, shown[:frames])[0].auc for one in seeded(kind, seeds) for shown in clips.values()]
    return float(np.mean(each))


@pytest.mark.parametrize("kind", METHODS, ids=name_of)
def test_things_are_followed_as_well_as_ever_for_a_while(kind: Any, clips: Clips) -> None:
    assert auc(kind, clips, 1, SHORT) >= LEAST_SHORT[name_of(kind)]


@pytest.mark.long
@pytest.mark.parametrize("kind", METHODS, ids=name_of)
def test_things_are_followed_as_well_as_ever(kind: Any, clips: Clips) -> None:
    assert auc(kind, clips, 5) >= LEAST[name_of(kind)]


def absence_is_told_and_return_seen(away: list[Shown], seed: int) -> None:
    record, claims = followed(Tld(seed=seed), away)
    assert record.visibility_f1 >= 0.9
    for part in AWAY:
        gone, back = claims[part], claims[part.stop : part.stop + FOUND_AGAIN]
        assert not any(gone), "what is not there is not claimed to be"
        assert any(back)


def test_who_is_gone_is_told_to_be_and_who_comes_back_is_found(away: list[Shown]) -> None:
    absence_is_told_and_return_seen(away, 0)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_who_is_gone_is_told_to_be_whatever_is_drawn_at_random(away: list[Shown], seed: int) -> None:
    absence_is_told_and_return_seen(away, seed)
