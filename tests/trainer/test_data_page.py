"""The page of what a recipe's pictures show."""

import base64
import html.parser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.readers import AnySource, Frames, Yolo
from tapetum_trainer.data.report import check
from tapetum_trainer.data.split import Shares
from tests.trainer.yards import CAR, CLASSES, NAMES, PERSON, STATUE, made, two_sets


@pytest.fixture
def sources(tmp_path: Path) -> list[AnySource]:
    return two_sets(tmp_path)


class Seen(html.parser.HTMLParser):
    """What a page consists of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self._in = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        if tag in ("tr", "div", "p", "figcaption"):
            self.rows.append([])
        elif tag in ("td", "b", "span"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.words += data.split()
        if self._in in ("td", "b", "span"):
            self.rows[-1][-1] += data

    def handle_endtag(self, _: str) -> None:
        self._in = ""


@pytest.fixture
def page() -> Any:
    pytest.importorskip("jinja2", reason="Jinja is not installed: the extra `train`")
    from tapetum_trainer.data.page import page

    return page


def test_the_page_needs_nothing_else_and_shows_all(tmp_path: Path, sources: list[AnySource], page: Any):
    (tmp_path / "first/a.txt").write_text(PERSON + CAR + "x\n")
    seen = Seen(page(check(sources, CLASSES, Shares(), tmp_path), tmp_path, "yard@1"))
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in seen.tags}
    loaded = [values.get("src") or "" for _, values in seen.tags if "src" in values]
    assert loaded
    assert all(source.startswith("data:image/jpeg;base64,") for source in loaded)
    alts = [values.get("alt") or "" for tag, values in seen.tags if tag == "img"]
    assert {"first/b.png", "second/d.png", "first/c.png", "first/a.png"} <= set(alts)
    words = " ".join(seen.words)
    for told in ("first/a.txt, line 3", "'x'; class x y width height is wanted", "tree", "yolo second", "moved"):
        assert told in words


def test_the_tables_of_the_page_count_each_class_and_each_source(tmp_path: Path, sources: list[AnySource], page: Any):
    (tmp_path / "first/a.txt").write_text(PERSON + CAR + "x\nx\n")
    made(tmp_path, "third", {"f": (21, "")})
    report = check([*sources, Frames(path="third", split="valid")], CLASSES, Shares(), tmp_path)
    seen = Seen(page(report, tmp_path, "yard@1"))
    for row in (
        ["6", "pictures"], ["5", "things"], ["2", "mistakes, to be mended"], ["1", "doubts"],
        ["1", "show no object"], ["1", "look like another; 1 moved"],
        ["person", "1", "0", "2", "3", "1", "4"],
        ["vehicle", "1", "0", "1", "2", "0", "2"],
        ["yolo first", "2", "0", "1", "3", "3", "1", "0"],
        ["yolo second", "0", "0", "2", "2", "2", "0", "0"],
        ["frames third", "0", "1", "0", "1", "0", "0", "1"],
        ["person", "2", "1", "0"],
        ["vehicle", "1", "1", "0"],
        ["mistake", "first/a.txt, line 3", "'x'; class x y width height is wanted"],
    ):  # fmt: skip
        assert row in seen.rows
    assert [values["class"] for tag, values in seen.tags if tag == "b" and "class" in values] == ["bad", "warn"]
    assert {"yard@1", "tree"} <= set(seen.words)


def test_a_page_does_not_grow_with_the_pictures(tmp_path: Path, page: Any):
    pictures = {f"p{at:02}": (50 + at // 2, PERSON) for at in range(60)}
    pictures |= {f"q{at:02}": (150 + at, "") for at in range(15)}
    (source,) = [made(tmp_path, "many", pictures, split="train")]
    for count in (200, 250):
        (tmp_path / "many/p00.txt").write_text(PERSON + "x\n" * (count - 3))
        report = check([source], CLASSES, Shares(), tmp_path)
        assert len(report.findings) == count
        seen = Seen(page(report, tmp_path, "yard@1"))
        assert sum(len(row) == 3 and row[0] in ("mistake", "doubt") for row in seen.rows) == 200
        assert ("The first 200 of 250." in " ".join(seen.words)) is (count > 200)
    alts = [(values["alt"] or "")[5:] for tag, values in seen.tags if tag == "img"]
    persons, twins, empty = alts[:6], alts[6:-12], alts[-12:]
    assert persons == [f"p{at:02}.png" for at in range(0, 60, 10)], "evenly"
    assert twins == [f"p{at:02}.png" for at in range(48)]
    assert empty == [f"q{at * 15 // 12:02}.png" for at in range(12)]


def test_many_classes_share_the_samples_and_each_has_one(tmp_path: Path, page: Any):
    source = made(tmp_path, "many", {f"p{at}": (50 + at, PERSON + CAR) for at in range(8)}, split="train")
    for others, most in ((8, 6), (18, 3), (70, 1)):
        classes = Classes({"person": [], "car": []} | {f"c{at}": [] for at in range(others)})
        seen = Seen(page(check([source], classes, Shares(), tmp_path), tmp_path, "yard@1"))
        assert sum(tag == "img" for tag, _ in seen.tags) == 2 * most


def test_pictures_in_the_page_are_no_larger_than_they_need_be(tmp_path: Path, page: Any):
    source = made(tmp_path, "first", {"a": (1, PERSON)}, split="train")
    cv2.imwrite(str(tmp_path / "first/a.png"), np.zeros((600, 900, 3), np.uint8))
    seen = Seen(page(check([source], CLASSES, Shares(), tmp_path), tmp_path, "yard@1"))
    (encoded,) = [(values["src"] or "").partition(",")[2] for tag, values in seen.tags if tag == "img"]
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (240, 360, 3)


SIDES = (0.01, 0.03, 0.06, 0.12, 0.24, 0.48, 0.96)  # one in each bin
WIDE = ((4, 20), (6, 18), (16, 24), (24, 20), (36, 15), (44, 10))


def test_where_nothing_is_wrong_that_is_said(tmp_path: Path, page: Any):
    sets = [made(tmp_path, split, {split: (at, PERSON + CAR)}, split=split)
            for at, split in enumerate(("train", "valid", "test"))]  # fmt: skip
    seen = Seen(page(check(sets, CLASSES, Shares(), tmp_path), tmp_path, "yard@1"))
    assert [values["class"] for tag, values in seen.tags if tag == "b" and "class" in values] == ["good", "good"]
    assert "Nothing is wrong." in " ".join(seen.words)


def test_a_sample_shows_the_class_and_not_only_what_is_ignored_for_it(tmp_path: Path, page: Any):
    source = made(tmp_path, "first", {"a": (1, PERSON), "b": (2, STATUE + CAR), "c": (3, "")}, split="train")
    seen = Seen(page(check([source], CLASSES, Shares(), tmp_path), tmp_path, "yard@1"))
    alts = [values["alt"] for tag, values in seen.tags if tag == "img"]
    assert alts == ["first/a.png", "first/b.png", "first/c.png"], "a person, a vehicle, nothing"


def test_doubtful_pictures_are_shown_with_what_is_said_of_them(tmp_path: Path, sources: list[AnySource], page: Any):
    lines = PERSON * 2 + "0 .5 .5 .41 .4\n0 .2 .2 .001 .1\n0 .4 .2 .001 .1\n"
    (tmp_path / "first/b.txt").write_text(lines)
    more = made(tmp_path, "more", {f"p{at:02}": (60 + at, lines) for at in range(20)}, split="valid")
    seen = Seen(page(check([*sources, more], CLASSES, Shares(), tmp_path), tmp_path, "yard@1"))
    alts = [(values["alt"] or "") for tag, values in seen.tags if tag == "img"]
    assert alts[:12] == ["first/b.png", *(f"more/p{at:02}.png" for at in range(11))]
    assert alts[12] == "first/a.png", "a sample"
    kinds = [
        values["class"] for tag, values in seen.tags if tag == "rect" and values.get("class") not in (None, "under")
    ]
    assert kinds[: 12 * 4] == ["wanted"] * 12 * 4, "of two lines that are the same there is one box"
    first = next(row for row in seen.rows if "a box of person is 0.1 x 6.0 pixels" in row and row[0] == "test")
    assert first == [
        "test",
        "a box of person is 0.1 x 6.0 pixels",
        "a person has two boxes, or two of them lie on each other",
    ]


def test_sizes_and_shapes_are_counted_in_their_bins(tmp_path: Path, page: Any):
    lines = "".join(f"0 0.5 0.5 {side} {side}\n" for side in SIDES)
    lines += "".join(f"1 0.5 0.5 {width / 80} {height / 60}\n" for width, height in WIDE)
    source = made(tmp_path, "first", {"a": (1, lines)}, split="train")
    seen = Seen(page(check([source], CLASSES, Shares(), tmp_path), tmp_path, "yard@1"))
    charts = [values["aria-label"] for _, values in seen.tags if values.get("role") == "img"]
    assert charts[0] == "size, % of the picture: <2 1, 2 1, 4 1, 8 1, 16 1, 32 1, 64+ 1"
    assert charts[3] == "width : height: <1:4 1, 1:4 1, 1:2 1, 1:1 1, 2:1 1, 4:1+ 1"
    assert "person 7 things, the median 12 % across" in " ".join(seen.words)
    bars = [float(values["height"] or 0) for tag, values in seen.tags if tag == "rect" and "class" not in values]
    assert bars[:7] == [48.0] * 7


def test_bars_are_as_high_as_their_share_of_the_highest(tmp_path: Path, page: Any):
    source = made(tmp_path, "first", {"a": (1, PERSON + "0 0.2 0.2 0.3 0.4\n0 0.1 0.1 0.03 0.03\n")}, split="train")
    seen = Seen(page(check([source], CLASSES, Shares(), tmp_path), tmp_path, "yard@1"))
    bars = [values["height"] for tag, values in seen.tags if tag == "rect" and "class" not in values]
    assert bars[:7] == ["0.0", "24.0", "0.0", "0.0", "0.0", "48.0", "0.0"]


def test_the_page_draws_each_box_as_what_it_is_and_counts_sizes(tmp_path: Path, sources: list[AnySource], page: Any):
    lines = "0 0.5 0.5 0.4 0.4\n1 0.2 0.5 0.1 0.8\n2 0.5 0.5 0.2 0.2\n"
    made(tmp_path, "third", {"f": (31, lines)})
    source = Yolo(images="third", labels="third", names=NAMES, split="train")
    seen = Seen(page(check([source], CLASSES, Shares(), tmp_path), tmp_path, "yard@1"))
    kinds = [
        values["class"] for tag, values in seen.tags if tag == "rect" and values.get("class") not in (None, "under")
    ]
    assert kinds == ["wanted", "other", "crowd", "other", "wanted", "crowd"], "a sample of person, one of vehicle"
    first = next(values for tag, values in seen.tags if tag == "rect" and values.get("class") == "wanted")
    assert [first[name] for name in ("x", "y", "width", "height")] == ["24.0", "18.0", "32.0", "24.0"]
    charts = [values["aria-label"] for tag, values in seen.tags if values.get("role") == "img"]
    assert charts == [
        "size, % of the picture: <2 0, 2 0, 4 0, 8 0, 16 0, 32 1, 64+ 0",
        "width : height: <1:4 0, 1:4 0, 1:2 0, 1:1 1, 2:1 0, 4:1+ 0",
        "size, % of the picture: <2 0, 2 0, 4 0, 8 0, 16 1, 32 0, 64+ 0",
        "width : height: <1:4 1, 1:4 0, 1:2 0, 1:1 0, 2:1 0, 4:1+ 0",
    ]


def test_the_page_shows_twins_of_two_splits_before_those_of_one(tmp_path: Path, sources: list[AnySource], page: Any):
    same = made(tmp_path, "third", {"f": (41, CAR), "g": (41, CAR)}, split="train")
    seen = Seen(page(check([same, *sources], CLASSES, Shares(), tmp_path), tmp_path, "yard@1"))
    start = next(at for at, (_, values) in enumerate(seen.tags) if values.get("class") == "sides")
    shown = [values["alt"] for tag, values in seen.tags[start:] if tag == "img"]
    assert shown[:4] == ["first/b.png", "second/d.png", "third/f.png", "third/g.png"]


def test_what_others_wrote_is_shown_and_not_obeyed(tmp_path: Path, page: Any):
    evil = '<script>alert(1)</script>"onload="x'
    source = made(tmp_path, "first", {"a": (1, PERSON + CAR + "4 .5 .5 .1 .1\n")}, split="train")
    names = (evil, "car", "b", "c", "<img src=x>")
    hostile = Yolo(images=source.images, labels=source.labels, names=names, split="train")
    report = check([hostile], Classes({evil: [], "vehicle": ["car"]}), Shares(), tmp_path)
    seen = Seen(page(report, tmp_path, "yard@1"))
    assert "script" not in {tag for tag, _ in seen.tags}
    assert not any("onload" in values or values.get("src") == "x" for _, values in seen.tags)


def test_a_page_of_nothing_is_one(tmp_path: Path, page: Any):
    report = check([Yolo(images="nowhere", labels="x", names=())], CLASSES, Shares(), tmp_path)
    assert "there are no pictures in it" in page(report, tmp_path, "yard@1")
