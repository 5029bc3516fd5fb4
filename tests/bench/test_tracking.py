"""`tapetum bench tracking`: every follower and OpenCV's on sequences as the usual benchmarks have them."""

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tapetum.bench.tracking import truth
from tapetum.bench.tracking.contenders import METHODS, name_of
from tapetum.bench.tracking.score import Record
from tapetum.bench.tracking.sequence import Sequence
from tapetum.cli import CONFIG_ERROR, main
from tapetum.scene import Box
from tests.bench.absences import without

FRAMES = 24
SIZE = WIDTH, HEIGHT = 40, 50
NAN = "nan,nan,nan,nan"
OURS = {name_of(kind) for kind in METHODS}


def left_of(index: int) -> int:
    return 30 + 3 * (index % 30)


def sequence(place: Path, absent: range = range(0), count: int = FRAMES) -> Path:
    """Write a red thing that crosses a room, as OTB keeps such things; it is not there in the frames `absent`."""
    random = np.random.default_rng(1)
    room = cv2.resize(random.uniform(60, 140, (9, 16, 3)), (160, 120))
    thing = cv2.resize(random.uniform(20, 90, (6, 5, 3)), SIZE) + np.array((0, 0, 120))
    (place / "img").mkdir(parents=True)
    lines = []
    for index in range(count):
        picture = room.copy()
        if index not in absent:
            picture[40 : 40 + HEIGHT, left_of(index) : left_of(index) + WIDTH] = thing
        picture += random.normal(0, 2, picture.shape)
        cv2.imwrite(str(place / f"img/{index + 1:04d}.png"), picture.clip(0, 255).astype(np.uint8))
        lines.append(NAN if index in absent else f"{left_of(index) + 1},41,{WIDTH},{HEIGHT}")
    (place / "groundtruth_rect.txt").write_text("\n".join(lines) + "\n")
    return place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sequence(tmp_path / "crossing")


def bench(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["bench", "tracking", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["bench", "tracking", *map(str, arguments)]) == CONFIG_ERROR
    return capsys.readouterr().err


def test_every_follower_and_those_of_opencv_are_judged_side_by_side(folder: Path, capsys):
    found = bench(capsys, folder, "--seeds", 2)
    rows = {row["follower"]: row for row in found["followers"]}
    assert set(rows) >= OURS | {"CamShift", "mean shift"}
    assert {name for name, row in rows.items() if row["ours"]} == OURS
    assert (found["sequences"], found["frames"], found["seeds"]) == (1, FRAMES, 2)
    for name in OURS:
        assert rows[name]["auc"] > 0.5, name
        assert rows[name]["precision"] > 0.9, name
    for row in rows.values():
        assert row["median_ms"] > 0
        assert row["auc_low"] <= row["auc"] <= row["auc_high"]
        assert row["visibility_f1"] is None
    assert [row["size"] for row in found["by_sequence"]] == ["160x120"] * len(rows)


def test_the_means_are_over_the_sequences(folder: Path, tmp_path: Path, capsys):
    found = bench(capsys, folder, sequence(tmp_path / "short", count=10), "--only", "correlation")
    assert [row["sequence"] for row in found["by_sequence"]] == ["crossing", "short"]
    mean = np.mean([row["auc"] for row in found["by_sequence"]])
    assert found["followers"][0]["auc"] == pytest.approx(mean, abs=1e-4)


def test_where_the_thing_is_absent_claims_to_see_it_are_judged(tmp_path: Path, capsys):
    found = bench(capsys, sequence(tmp_path / "away", range(8, 20)), "--only", "correlation", "--only", "mean shift")
    assert all(0 < row["visibility_f1"] <= 1 for row in found["followers"])


def test_for_people_it_is_two_tables(folder: Path, capsys):
    assert main(["bench", "tracking", str(folder), "--only", "correlation"]) == 0
    said = capsys.readouterr().out
    assert "auc low" in said
    assert said.count("\n\n") == 2


def test_the_video_shows_the_truth_and_every_name(folder: Path, tmp_path: Path, capsys):
    bench(capsys, folder, "--only", "correlation", "--save-video", tmp_path / "films")
    film = cv2.VideoCapture(str(tmp_path / "films/crossing.mp4"))
    pictures = []
    while (taken := film.read())[0]:
        pictures.append(taken[1])
    assert len(pictures) == FRAMES
    assert pictures[0].shape == (120, 160, 3)
    upper_edge = pictures[10][36:44, left_of(10) + 5 : left_of(10) + 35]
    assert (upper_edge.min(axis=2) > 180).sum() >= 30  # white, as the truth is


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("groundtruth_rect.txt", "31,41,40,50"),
        ("groundtruth_rect.txt", "31\t41\t40\t50"),
        ("groundtruth_rect.txt", "31 41 40 50"),
        ("gt.txt", "30,40,70,90"),
        ("groundtruth.txt", "30,40,40,50"),
        ("groundtruth.txt", "30,40,70,40,70,90,30,90"),
    ],
)
def test_each_kind_of_truth_tells_the_same_box(tmp_path: Path, name: str, line: str):
    (tmp_path / name).write_text(f"{line}\n\n{line}\n")
    assert truth.read(truth.found_in(tmp_path)) == [(30.0, 40.0, 70.0, 90.0)] * 2


@pytest.mark.parametrize("line", [NAN, "0,0,0,0", "NaN,NaN,NaN,NaN", "inf,0,inf,0"])
def test_no_numbers_and_empty_boxes_are_absences(tmp_path: Path, line: str):
    (tmp_path / "groundtruth_rect.txt").write_text(f"1,1,5,5\n{line}\n")
    assert truth.read(tmp_path / "groundtruth_rect.txt") == [(0, 0, 5, 5), None]


def test_pictures_lie_in_img_in_color_or_beside_the_truth(folder: Path, tmp_path: Path):
    first = next(Sequence.opened(folder).shown())
    for place in ("color", ""):
        other = tmp_path / f"other-{place}"
        (other / place).mkdir(parents=True)
        for path in (folder / "img").iterdir():
            (other / place / path.name).write_bytes(path.read_bytes())
        (other / "groundtruth.txt").write_text(f"30,40,{WIDTH},{HEIGHT}\n" * FRAMES)
        shown = next(Sequence.opened(other).shown())
        assert np.array_equal(shown.frame.y, first.frame.y)
        assert shown.there == first.there


def test_a_sequence_begins_where_the_thing_is_first_seen(tmp_path: Path):
    shown = list(Sequence.opened(sequence(tmp_path / "late", range(3))).shown())
    assert len(shown) == FRAMES - 3
    assert shown[0].there is not None


def test_success_and_precision_are_those_of_the_one_pass_evaluation():
    record, wanted = Record(), Box(0.2, 0.2, 0.4, 0.4)
    for box, visible in ((wanted, True), (Box(0.3, 0.2, 0.5, 0.4), True), (Box(0.7, 0.7, 0.9, 0.9), False)):
        record.count(box, visible, wanted, (200, 200))
    record.count(wanted, True, None, (200, 200))
    assert record.auc == pytest.approx((20 / 21 + 7 / 21 + 0) / 3)  # IoU 1, 1/3 and 0
    assert record.precision == pytest.approx(2 / 3)  # 0, 20 and 141 pixels off
    assert record.visibility_f1 == pytest.approx(2 * 2 / (3 + 3))
    assert math.isclose(record.distances[1], 20)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "groundtruth_rect.txt").unlink(), "holds no truth; one of groundtruth_rect.txt"),
        (lambda folder: (folder / "groundtruth_rect.txt").write_text("1,2,x,4\n"), "line 1: could not convert"),
        (lambda folder: (folder / "groundtruth_rect.txt").write_text(f"{NAN}\n"), "nowhere to be seen"),
        (lambda folder: (folder / "img/0002.png").write_text("none"), "0002.png: is no picture"),
        (lambda folder: [path.unlink() for path in (folder / "img").iterdir()], "holds no picture"),
    ],
)
def test_what_is_no_sequence_is_refused(folder: Path, capsys, spoil, said: str):
    spoil(folder)
    assert said in refused(capsys, folder, "--only", "correlation")


def test_a_folder_that_is_not_there_and_an_unknown_name_are_refused(folder: Path, tmp_path: Path, capsys):
    assert "there is no such folder" in refused(capsys, tmp_path / "none")
    assert "--only telepathy: is none of those that are here: camshift, " in refused(
        capsys, folder, "--only", "telepathy"
    )


def test_a_folder_for_videos_that_cannot_be_made_is_refused(folder: Path, tmp_path: Path, capsys):
    (tmp_path / "file").write_text("")
    said = refused(capsys, folder, "--only", "correlation", "--save-video", tmp_path / "file")
    assert "--save-video" in said
    assert "a folder is wanted" in said


def test_where_a_thing_was_cut_out_is_what_is_behind_it(tmp_path: Path):
    whole = sequence(tmp_path / "whole", count=110)
    shown = list(Sequence.opened(without(whole, tmp_path / "away")).shown())
    assert [index for index, one in enumerate(shown) if one.there is None] == [*range(40, 60), *range(85, 100)]
    before = list(Sequence.opened(whole).shown())
    empty = np.median([one.frame.y for one in before], axis=0)
    gone = [index for index in range(40, 60) if before[index].there]
    for index in gone:
        assert abs(shown[index].frame.y.astype(float) - empty).mean() < 5
