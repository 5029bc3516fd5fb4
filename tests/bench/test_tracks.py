"""HOTA, MOTA and IDF1 are those that everybody computes; a file that is no truth is refused."""

from pathlib import Path

import pytest

from tapetum.bench.tracks import score, truth
from tapetum.errors import ConfigError
from tapetum.scene import Box


@pytest.mark.parametrize(
    ("name", "mota", "idf1", "switches"),
    [("TUD-Campus", 0.5265, 0.5577, 7), ("TUD-Stadtmitte", 0.5640, 0.6447, 7)],
)
def test_a_tracker_s_output_comes_to_what_the_authors_of_motmetrics_print(data, name, mota, idf1, switches):
    """The figures of its readme: https://github.com/cheind/py-motmetrics."""
    folder = data / "tracking/mot_metrics_fixtures" / name
    found = score.figures(truth.read(folder / "gt.txt", "--truth"), truth.read(folder / "test.txt", "--answers"))
    assert found["mota"] == pytest.approx(mota, abs=5e-4)
    assert found["idf1"] == pytest.approx(idf1, abs=5e-4)
    assert found["switches"] == switches


def known(*rows: tuple[int, int, float]) -> truth.Sheet:
    found: truth.Sheet = {}
    for frame, who, left in rows:
        found.setdefault(frame, []).append((who, Box(left, 0.2, left + 0.1, 0.6)))
    return found


def test_whoever_is_kept_under_one_name_has_all_and_whoever_is_not_loses():
    wanted = known(*[(frame, 1, 0.1 * frame) for frame in range(1, 7)])
    assert score.figures(wanted, wanted)["mota"] == 1
    assert score.figures(wanted, wanted)["idf1"] == 1
    broken = known(*[(frame, 1 + frame // 4, 0.1 * frame) for frame in range(1, 7)])
    found = score.figures(wanted, broken)
    assert found["switches"] == 1
    assert found["recall"] == 1
    assert found["mota"] == pytest.approx(5 / 6, abs=1e-4)
    assert found["idf1"] == pytest.approx(0.5, abs=1e-4)


def test_nobody_found_is_nothing_kept():
    found = score.figures(known((1, 1, 0.2), (2, 1, 0.3)), {})
    assert (found["mota"], found["recall"]) == (0, 0)


def test_boxes_are_fractions_of_the_picture_and_cut_to_it(tmp_path: Path):
    path = tmp_path / "gt.txt"
    path.write_text("1,7,-10,20,30,40,1,-1,-1,-1\n")
    assert truth.read(path, "--truth", (100, 200)) == {1: [(7, Box(0, 0.2, 0.1, 0.6))]}


@pytest.mark.parametrize(
    ("text", "said"),
    [("1,7,a,20,30,40\n", "is no MOTChallenge file"), ("1,7,3\n", "is no MOTChallenge file"), ("", "is empty")],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, said: str):
    path = tmp_path / "gt.txt"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        truth.read(path, "--truth")


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.txt: No such file"):
        truth.read(tmp_path / "none.txt", "--truth")
