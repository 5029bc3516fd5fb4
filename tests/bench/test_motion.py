"""`tapetum bench motion`: every method and the peers on one clip or folder, judged pixel by pixel."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tapetum.bench.motion.advice import advice
from tapetum.bench.motion.contenders import METHODS, default, name_of
from tapetum.bench.motion.score import Counts, counted, scored
from tapetum.bench.motion.sequence import Sequence, Truth
from tapetum.cli import CONFIG_ERROR, main
from tests.simulators import clips

OURS = {name_of(kind) for kind in METHODS}
SHAPE = (72, 128)
FRAMES = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bright square that crosses a noisy room from frame 20 on, as ChangeDetection.net keeps such things."""
    return crossing(tmp_path / "room")


def crossing(place: Path, scale: int = 1) -> Path:
    random = np.random.default_rng(1)
    for name in ("input", "groundtruth"):
        (place / name).mkdir(parents=True)
    room = cv2.resize(random.uniform(60, 120, (9, 16)), SHAPE[::-1])
    for number in range(1, FRAMES + 1):
        mask = np.zeros(SHAPE, np.uint8)
        if number >= 20:
            mask[20:50, 2 * (number - 20) : 2 * (number - 20) + 24] = 255
        picture = np.where(mask, 210, room) + random.normal(0, 2, SHAPE)
        grown = np.kron(picture.clip(0, 255).astype(np.uint8), np.ones((scale, scale), np.uint8))
        cv2.imwrite(str(place / f"input/in{number:06d}.png"), grown)
        cv2.imwrite(str(place / f"groundtruth/gt{number:06d}.png"), np.kron(mask, np.ones((scale, scale), np.uint8)))
    return place


@pytest.fixture
def clip(folder: Path, tmp_path: Path) -> Path:
    """The same as a video, lossless."""
    import av

    path = tmp_path / "room.mkv"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = *SHAPE, "yuv420p"
        for picture in sorted((folder / "input").iterdir()):
            rgb = cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        film.mux(stream.encode())
    return path


def bench(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["bench", "motion", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["bench", "motion", *map(str, arguments)]) == CONFIG_ERROR
    return capsys.readouterr().err


def test_every_method_and_the_peers_are_judged_by_the_truth_of_a_folder(folder: Path, capsys):
    found = bench(capsys, folder)
    rows = {row["method"]: row for row in found["methods"]}
    assert set(rows) >= OURS | {"MOG2", "KNN"}
    assert {name for name, row in rows.items() if row["ours"]} == OURS
    assert (found["frames"], found["judged"], found["analysis_size"]) == (FRAMES, FRAMES, "128x72")
    assert rows[default()]["f"] > 0.8
    assert rows[default()]["motion_share"] == pytest.approx(41 / 60, abs=0.1)
    for row in rows.values():
        assert row["p99_ms"] >= row["median_ms"] > 0
        assert row["of_mog2"] == pytest.approx(row["median_ms"] / rows["MOG2"]["median_ms"], rel=0.05)
        assert row["f"] == pytest.approx(2 / (1 / row["precision"] + 1 / row["recall"]), abs=0.001)


def test_the_recommended_method_is_one_of_ours_with_a_reason(folder: Path, capsys):
    found = bench(capsys, folder)
    assert found["recommended"] in OURS
    assert "its F of" in found["reason"]


def test_without_a_truth_only_the_time_and_how_often_something_moves_are_told(clip: Path, capsys):
    found = bench(capsys, clip)
    assert (found["frames"], found["judged"], found["analysis_size"]) == (FRAMES, 0, "128x72")
    assert {row["f"] for row in found["methods"]} == {None}
    assert all(row["motion_share"] > 0.5 for row in found["methods"] if row["method"] == default())
    assert "only a truth tells" in found["reason"]


def test_of_a_clip_that_was_cut_off_it_is_told_how_much_is_missing(tmp_path: Path, capsys):
    whole, clip = clips.h264(tmp_path / "whole.mp4", FRAMES), tmp_path / "cut.mp4"
    clips.ffmpeg("-i", str(whole), "-c", "copy", "-movflags", "+faststart", str(clip))
    assert bench(capsys, clip)["missing"] == 0
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    found = bench(capsys, clip)
    assert 0 < found["frames"] < FRAMES
    assert found["frames"] + found["missing"] == FRAMES


def test_for_people_it_is_a_table(folder: Path, capsys):
    assert main(["bench", "motion", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "recommended" in said
    assert "median ms" in said
    assert all(name in said for name in OURS)


def test_the_strip_shows_frame_truth_and_every_mask(folder: Path, tmp_path: Path, capsys):
    found = bench(capsys, folder, "--pictures", tmp_path / "strip.png")
    strip = cv2.imread(str(tmp_path / "strip.png"))
    columns = 2 + len(found["methods"])
    assert strip.shape[1] % columns == 0
    tiles = np.split(strip[18:-18], columns, axis=1)
    white = [np.count_nonzero((tile == 255).all(axis=2)) for tile in tiles]
    assert white[0] == 0  # no pixel of the pictures is
    assert min(white[1:]) > 0.5 * max(white[1:])
    assert np.count_nonzero((strip == (230, 150, 40)).all(axis=2))  # of what is missed, some there is


def test_a_strip_without_a_truth_has_one_column_less(tmp_path: Path, folder: Path, capsys):
    for mask in (folder / "groundtruth").iterdir():
        mask.unlink()
    (folder / "groundtruth").rmdir()
    found = bench(capsys, folder, "--pictures", tmp_path / "strip.png")
    assert cv2.imread(str(tmp_path / "strip.png")).shape[1] == 226 * (1 + len(found["methods"]))


def test_a_clip_is_judged_by_masks_that_are_numbered_as_its_frames_are(clip: Path, folder: Path, capsys):
    for mask in (folder / "groundtruth").iterdir():
        if mask.stem not in ("gt000040", "gt000041"):
            mask.unlink()
    found = bench(capsys, clip, "--truth", folder / "groundtruth")
    assert found["judged"] == 2
    assert all(row["f"] > 0.8 for row in found["methods"] if row["method"] == default())


# What is not as it should be.


def test_a_clip_that_is_not_there_is_named(capsys, tmp_path: Path):
    assert "none.mp4: there is no such clip or folder" in refused(capsys, tmp_path / "none.mp4")


def test_a_folder_without_pictures_is_named(capsys, tmp_path: Path):
    assert f"{tmp_path}: holds no folder `input`" in refused(capsys, tmp_path)
    (tmp_path / "input").mkdir()
    assert f"{tmp_path / 'input'}: holds no picture" in refused(capsys, tmp_path)


def spoiled(folder: Path, name: str, held: bytes | np.ndarray) -> Path:
    path = folder / name
    if isinstance(held, bytes):
        path.write_bytes(held)
    else:
        cv2.imwrite(str(path), held)
    return path


@pytest.mark.parametrize(
    ("name", "held", "said"),
    [
        ("input/in000030.png", b"", "is no picture that can be read"),
        ("input/in000030.png", b"hello", "is no picture that can be read"),
        ("groundtruth/gt000030.png", b"hello", "is no picture that can be read"),
        ("groundtruth/gt000030.png", np.zeros((36, 64), np.uint8), "is 64x36, the pictures are 128x72"),
        ("groundtruth/gt000030.png", np.full(SHAPE, 37, np.uint8), "has pixels of 37"),
        ("ROI.bmp", np.zeros((36, 64), np.uint8), "is 64x36, the pictures are 128x72"),
        ("temporalROI.txt", b"from here on", "the first and the last frame that are judged are wanted"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(folder: Path, capsys, name: str, held: Any, said: str):
    assert f"{spoiled(folder, name, held)}: {said}" in refused(capsys, folder)


def test_a_truth_of_which_no_mask_fits_is_named(folder: Path, capsys, tmp_path: Path):
    assert "is no folder" in refused(capsys, folder, "--truth", tmp_path / "none")
    other = tmp_path / "other"
    other.mkdir()
    cv2.imwrite(str(other / "999.png"), np.zeros(SHAPE, np.uint8))
    assert f"{other}: no mask of the truth belongs to one of the 60 frames" in refused(capsys, folder, "--truth", other)


@pytest.mark.parametrize(("name", "said"), [("strip.jpg", "ends in .png"), ("none/strip.png", "No such file")])
def test_a_strip_that_cannot_be_written_is_refused_before_anything_is_measured(
    folder: Path, capsys, tmp_path: Path, name: str, said: str
):
    assert said in refused(capsys, folder, "--pictures", tmp_path / name)


# The truth.


def test_only_judged_pixels_count_and_a_shadow_is_still():
    truth = np.array([[255, 255, 255, 0, 0, 50, 50, 85, 170, 170]], np.uint8)
    mask = np.array([[255, 255, 0, 255, 0, 255, 0, 255, 255, 0]], np.uint8)
    assert counted(mask, truth) == Counts(right=2, false=2, missed=1)
    assert counted(mask[:, 7:], truth[:, 7:]) is None
    found = scored([Counts(2, 2, 1), None, Counts(4, 0, 0)])
    assert found == pytest.approx((2 * 6 / (2 * 6 + 2 + 1), 6 / 8, 6 / 7))
    assert scored([Counts()]) == (None, None, None)


def test_what_lies_outside_the_region_or_the_span_of_interest_is_not_judged(folder: Path):
    region = np.zeros(SHAPE, np.uint8)
    region[:, :64] = 255
    cv2.imwrite(str(folder / "ROI.bmp"), region)
    (folder / "temporalROI.txt").write_text("30 1700\n")
    truth, picture = Truth(folder), np.zeros(SHAPE, np.uint8)
    assert truth.of(29, picture, picture) is None
    found = truth.of(30, picture, picture)
    assert found is not None
    assert set(np.unique(found[:, :64])) == {0, 255}
    assert set(np.unique(found[:, 64:])) == {85}
    alone = Truth(folder / "groundtruth").of(30, picture, picture)  # the region lies beside the masks
    assert np.array_equal(found, alone)


def test_a_truth_is_reduced_as_the_picture_is(tmp_path: Path):
    small, large = (Sequence.opened(crossing(tmp_path / str(scale), scale), None) for scale in (3, 6))
    for one, other in zip(small.pictures(), large.pictures(), strict=True):
        assert one.number == other.number
        assert one.luma.shape == other.luma.shape
        assert np.array_equal(one.truth, other.truth)


# The advice.


def row(method: str, f: float | None = None, ms: float = 1.0, share: float = 0.5, ours: bool = True) -> dict[str, Any]:
    return {"method": method, "ours": ours, "median_ms": ms, "motion_share": share, "f": f, "precision": f}


def test_the_best_is_recommended_and_the_cheapest_where_they_are_alike():
    assert advice([row("a", 0.8), row("b", 0.9, ms=3)], "a", {})[0] == "b"
    assert advice([row("a", 0.895), row("b", 0.9, ms=3)], "b", {})[0] == "a"
    assert advice([row("a", 0.9), row("b", 0.895, ms=3)], "b", {})[0] == "a"
    peers = row("MOG2", 0.95, ours=False)
    name, reason = advice([row("a", 0.8), peers], "a", {})
    assert name == "a"
    assert "MOG2, which is not ours, is better here: 0.950" in reason


def test_where_nothing_moves_the_quietest_is_recommended():
    still = [row("a", share=0.2) | {"precision": 0.0}, row("b", share=0.1) | {"precision": 0.0}]
    assert advice(still, "a", {})[0] == "b"


def test_without_a_truth_the_default_is_recommended_unless_a_much_cheaper_one_says_the_same():
    rows = [row("a", ms=2.0), row("b", ms=0.5, share=0.4)]
    assert advice(rows, "a", {"a": 1.0, "b": 0.9})[0] == "a"
    assert advice(rows, "a", {"a": 1.0, "b": 0.995})[0] == "b"
    assert advice([row("a", ms=0.8), rows[1]], "a", {"a": 1.0, "b": 0.995})[0] == "a"
