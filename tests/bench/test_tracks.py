"""HOTA, MOTA and IDF1 are those that everybody computes; a file that is no truth is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from tapetum.bench.tracks import score, truth
from tapetum.cli import CONFIG_ERROR, main
from tapetum.errors import ConfigError
from tapetum.scene import Box
from tests.simulators.clips import ffmpeg


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


# A folder as MOTChallenge has it.


@pytest.fixture
def folder(data: Path, tmp_path: Path) -> Path:
    """Thirty pictures of a street with people, and who is where in them."""
    place = tmp_path / "street"
    (place / "img1").mkdir(parents=True)
    (place / "gt").mkdir()
    ffmpeg("-i", str(data / "video/vtest.avi"), "-frames:v", "30", "-q:v", "2", str(place / "img1/%06d.jpg"))
    (place / "seqinfo.ini").write_text("[Sequence]\nname=street\nimDir=img1\nframeRate=10\nseqLength=30\n")
    lines = (data / "video/vtest_gt_000001-000069.txt").read_text().splitlines()
    (place / "gt/gt.txt").write_text("\n".join(line for line in lines if int(line.split(",")[0]) <= 30))
    return place


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["bench", "tracks", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_folder_is_judged_by_its_own_truth(folder: Path, data: Path, capsys: pytest.CaptureFixture[str]):
    found = told(capsys, "--clip", folder)
    assert (found["clip"], found["frames"]) == ("street", 30)
    assert found["trackers"][0]["recall"] > 0.3
    clip = told(capsys, "--clip", data / "video/vtest.avi", "--truth", folder / "gt/gt.txt")
    assert clip["boxes"] == found["boxes"]
    assert clip["trackers"][0]["mota"] == pytest.approx(found["trackers"][0]["mota"], abs=0.1)  # JPEG is not AVI


def test_what_a_truth_says_is_not_to_be_judged_is_passed_over(tmp_path: Path):
    path = tmp_path / "gt.txt"
    path.write_text("1,1,0,0,1,1,1,1,1\n1,2,0,0,1,1,0,7,1\n2,1,0,0,1,1,-1,-1,-1\n")
    assert {frame: [who for who, _ in known] for frame, known in truth.read(path, "--truth").items()} == {
        1: [1],
        2: [1],
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("seqinfo.ini", "frameRate=10", "seqinfo.ini: File contains no section headers"),
        ("seqinfo.ini", "[Sequence]\nframeRate=ten\nimDir=img1", "frameRate, imDir are wanted"),
        ("seqinfo.ini", "[Sequence]\nframeRate=10\nimDir=img2", "img2 holds 0 JPEGs"),
        ("img1/000001.jpg", "no picture", "000001.jpg: is no JPEG"),
    ],
)
def test_a_folder_that_is_none_is_refused_by_what_is_wrong_in_it(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
):
    (folder / name).write_text(text)
    assert main(["bench", "tracks", "--clip", str(folder)]) == CONFIG_ERROR
    assert said in capsys.readouterr().err


def test_a_folder_without_a_truth_wants_one(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "gt/gt.txt").unlink()
    assert main(["bench", "tracks", "--clip", str(folder)]) == CONFIG_ERROR
    assert "--truth: is missing" in capsys.readouterr().err
