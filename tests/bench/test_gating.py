"""When a track of the reference counts as missed."""

from pathlib import Path

import pytest

from tapetum import data
from tapetum.bench.gating import _is_found, run
from tapetum.errors import ConfigError
from tapetum.inference.settings import Inference
from tapetum.scene import Box

HERE, AWAY = Box(0.1, 0.1, 0.3, 0.5), Box(0.6, 0.1, 0.8, 0.5)
WANTED = dict.fromkeys(range(100, 120), HERE)


def seen(frames: int, box: Box = HERE) -> dict[int, Box]:
    return dict.fromkeys(range(100, 100 + frames), box)


def test_what_a_track_of_ours_lies_on_for_a_quarter_of_the_time_is_found():
    assert _is_found("person", WANTED, [("person", seen(5))])
    assert not _is_found("person", WANTED, [("person", seen(4))])


def test_two_tracks_of_ours_may_share_it():
    assert _is_found(
        "person", WANTED, [("person", {100: HERE, 101: HERE, 102: HERE}), ("person", {110: HERE, 111: HERE})]
    )


@pytest.mark.parametrize(
    "ours",
    [[], [("dog", seen(20))], [("person", seen(20, AWAY))], [("person", dict.fromkeys(range(20), HERE))]],
    ids=["nothing", "another name", "elsewhere", "at another time"],
)
def test_what_no_track_of_ours_shows_is_missed(ours: list[tuple[str, dict[int, Box]]]):
    assert not _is_found("person", WANTED, ours)


def test_without_a_model_there_is_nothing_to_measure():
    with pytest.raises(ConfigError, match="--model"):
        run(Path(data.clip()), Path(data.clip()), Inference())
