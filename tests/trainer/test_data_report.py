"""What is told of a recipe's pictures before a training, and the page of it."""

import dataclasses
import html.parser
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.dataset import collected
from tapetum_trainer.data.readers import AnySource, Coco, Frames, Voc, Yolo
from tapetum_trainer.data.report import Finding, Report, check
from tapetum_trainer.data.split import SPLITS, Shares
from tapetum_trainer.errors import DataError

CLASSES = Classes({"person": [], "vehicle": ["car"]}, {"statue": "person"})
NAMES = ("person", "car", "statue", "Car", "tree")


def scenery(seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (80, 60), interpolation=cv2.INTER_CUBIC), np.uint8)


def made(root: Path, name: str, pictures: dict[str, tuple[int, str]], **options: Any) -> Yolo:
    """A set in YOLO's format: name of a picture -> what it looks like, its lines."""
    (root / name).mkdir()
    for stem, (seed, lines) in pictures.items():
        cv2.imwrite(str(root / name / f"{stem}.png"), scenery(seed))
        (root / name / f"{stem}.txt").write_text(lines)
    return Yolo(images=name, labels=name, names=NAMES, **options)


PERSON, CAR, STATUE, TREE = (f"{number} 0.5 0.5 0.4 0.4\n" for number in (0, 1, 2, 4))


@pytest.fixture
def sources(tmp_path: Path) -> list[AnySource]:
    """Two sets with something of all: b of the first looks as d of the second, which is to be tested on."""
    first = {"a": (1, PERSON + CAR), "b": (2, PERSON + TREE), "c": (3, "")}
    return [
        made(tmp_path, "first", first, split="train"),
        made(tmp_path, "second", {"d": (2, CAR + STATUE), "e": (4, PERSON)}, split="test"),
    ]


def whats(report: Report, stops: bool) -> list[str]:
    return [one.what for one in report.findings if one.stops is stops]


def test_what_there_is_is_counted_by_class_split_and_source(tmp_path: Path, sources: list[AnySource]):
    report = check(sources, CLASSES, Shares(), tmp_path)
    assert report.sources == ("yolo first", "yolo second")
    assert {split: (report.things("person", split), report.things("vehicle", split)) for split in SPLITS} == {
        "train": (1, 1), "valid": (0, 0), "test": (2, 1),
    }  # fmt: skip
    assert [(report.things("person", source=at), report.things("vehicle", source=at)) for at in (0, 1)] == [
        (2, 1), (1, 1),
    ]  # fmt: skip
    assert [one.picture.path.stem for one in report.shown if one.empty] == ["c"]
    assert report.left_out == {"tree": 1}
    assert not report.stops


def test_pictures_that_look_the_same_in_two_splits_are_told_as_twins_and_which_was_moved(
    tmp_path: Path, sources: list[AnySource]
):
    report = check(sources, CLASSES, Shares(), tmp_path)
    ((first, second, apart),) = [(one.first.picture.path.stem, one.second.picture.path.stem, one.apart)
                                 for one in report.twins]  # fmt: skip
    assert (first, second, apart) == ("b", "d", True)
    assert [one.picture.path.stem for one in report.shown if one.moved] == ["b"]


def test_what_is_counted_is_what_is_trained_on(tmp_path: Path, sources: list[AnySource]):
    report, dataset = check(sources, CLASSES, Shares(), tmp_path), collected(sources, CLASSES, Shares(), tmp_path)
    for split in SPLITS:
        assert [one.picture for one in report.shown if one.split == split] == list(dataset.splits[split])
    assert (report.left_out, sum(one.moved for one in report.shown)) == (dataset.left_out, dataset.moved)


def test_all_that_stops_a_training_is_told_and_it_does_stop(tmp_path: Path, sources: list[AnySource]):
    (tmp_path / "first/a.txt").write_text("0 0.5\n9 .5 .5 .1 .1\n")
    (tmp_path / "second/d.txt").write_text("3 .5 .5 .4 .4\n")
    (tmp_path / "second/e.png").write_bytes(b"no picture")
    (tmp_path / "coco.json").write_text(
        json.dumps({"images": [{"id": 1, "file_name": "b.png", "width": 8, "height": 6}], "categories": []})
    )
    more = [*sources, Voc(images="first", annotations="nowhere"), Coco(images="first", annotations="coco.json")]
    report = check(more, CLASSES, Shares(), tmp_path)
    assert sorted((one.where.removeprefix(f"{tmp_path}/"), one.what) for one in report.findings if one.stops) == [
        ("", "no picture to train on shows: person, vehicle; see classes and data of the recipe"),
        ("first/a.txt, line 1", "'0 0.5'; class x y width height is wanted"),
        ("first/a.txt, line 2", "class 9 has no name; there are 5: person, car, statue, Car, tree"),
        ("first/b.png", "it is 80 x 60, its labels say 8 x 6"),
        ("nowhere", "there are no annotations (.xml) in it"),
        ("second/e.png", "this is no picture that can be read"),
    ]
    assert [one.stops for one in report.findings] == [True] * 6 + [False], "what must be mended comes first"
    assert whats(report, stops=False) == ["'Car' means no class, and is left out 1 times; 'car' means one"]
    with pytest.raises(DataError):
        collected(more, CLASSES, Shares(), tmp_path)


def test_a_picture_of_another_size_than_its_labels_say_stops_a_training(tmp_path: Path, sources: list[AnySource]):
    image = {"id": 1, "file_name": "b.png", "width": 8, "height": 6}
    (tmp_path / "coco.json").write_text(json.dumps({"images": [image], "categories": []}))
    with pytest.raises(DataError, match=r"b\.png: it is 80 x 60, its labels say 8 x 6"):
        collected([*sources, Coco(images="first", annotations="coco.json")], CLASSES, Shares(), tmp_path)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("3 0.5 0.5 0.4 0.4\n", "'Car' means no class, and is left out 1 times; 'car' means one"),
        ("0 0.5 0.5 0.01 0.4\n", "a box of person is 0.8 x 24.0 pixels"),
        ("0 0.5 0.5 0.4 0.4\n0 0.5 0.5 0.401 0.4\n", "a person has two boxes, or two of them lie on each other"),
    ],
)
def test_what_looks_like_a_mistake_is_doubted(tmp_path: Path, sources: list[AnySource], lines: str, told: str):
    assert told not in whats(check(sources, CLASSES, Shares(), tmp_path), stops=False)
    more = made(tmp_path, "third", {"f": (9, lines)}, split="train")
    report = check([*sources, more], CLASSES, Shares(), tmp_path)
    assert (told in whats(report, stops=False), report.stops) == (True, False)


def test_a_box_on_one_of_another_class_or_on_a_crowd_is_not_doubted(tmp_path: Path, sources: list[AnySource]):
    more = made(tmp_path, "third", {"f": (9, PERSON + CAR + STATUE)}, split="valid")
    report = check([*sources, more], CLASSES, Shares(), tmp_path)
    assert whats(report, stops=False) == []


def test_pictures_without_labels_and_known_labels_without_meaning_are_doubted(tmp_path: Path, sources: list[AnySource]):
    (tmp_path / "coco.json").write_text(
        json.dumps({"images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}], "categories": []})
    )
    made(tmp_path, "third", {"a": (11, ""), "b": (12, ""), "c": (13, "")})
    more = Coco(images="third", annotations="coco.json", known=("car", "lorry"), split="valid")
    report = check([*sources, more], CLASSES, Shares(), tmp_path)
    assert [one for one in report.findings if "splits" not in one.what] == [
        Finding("", "no picture of valid shows: person, vehicle; how well they are found cannot be told by it", False),
        Finding("coco third", "known names lorry, which mean no class of the recipe", False),
        Finding(str(tmp_path / "third"), "2 pictures in it are in no annotation, and are not used", False),
    ]


def test_pictures_in_which_nothing_was_looked_for_are_not_told_to_be_empty(tmp_path: Path, sources: list[AnySource]):
    made(tmp_path, "third", {"f": (21, ""), "g": (22, "")})
    report = check([*sources, Frames(path="third")], CLASSES, Shares(), tmp_path)
    assert [(one.picture.path.stem, one.empty) for one in report.shown if one.unlabelled] == [
        ("f", False), ("g", False),
    ]  # fmt: skip


def test_a_report_is_a_value(tmp_path: Path, sources: list[AnySource]):
    report = check(sources, CLASSES, Shares(), tmp_path)
    assert report == check(sources, CLASSES, Shares(), tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.classes = ()  # type: ignore[misc]


class Seen(html.parser.HTMLParser):
    """What a page consists of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data.split()


@pytest.fixture
def page() -> Any:
    pytest.importorskip("jinja2", reason="Jinja is not installed: the extra `train`")
    from tapetum_trainer.data.page import page

    return page


def test_the_page_needs_nothing_else_and_shows_all(tmp_path: Path, sources: list[AnySource], page: Any):
    (tmp_path / "first/a.txt").write_text(PERSON + CAR + "x\n")
    seen = Seen(page(check(sources, CLASSES, Shares(), tmp_path), tmp_path))
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in seen.tags}
    loaded = [values.get("src") or "" for _, values in seen.tags if "src" in values]
    assert loaded
    assert all(source.startswith("data:image/jpeg;base64,") for source in loaded)
    alts = [values.get("alt") or "" for tag, values in seen.tags if tag == "img"]
    assert {"first/b.png", "second/d.png", "first/c.png", "first/a.png"} <= set(alts)
    words = " ".join(seen.words)
    for told in ("first/a.txt, line 3", "'x'; class x y width height is wanted", "tree", "yolo second", "moved"):
        assert told in words


def test_the_page_draws_each_box_as_what_it_is_and_counts_sizes(tmp_path: Path, sources: list[AnySource], page: Any):
    lines = "0 0.5 0.5 0.4 0.4\n1 0.2 0.5 0.1 0.8\n2 0.5 0.5 0.2 0.2\n"
    made(tmp_path, "third", {"f": (31, lines)})
    source = Yolo(images="third", labels="third", names=NAMES, split="train")
    seen = Seen(page(check([source], CLASSES, Shares(), tmp_path), tmp_path))
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
    seen = Seen(page(check([same, *sources], CLASSES, Shares(), tmp_path), tmp_path))
    start = next(at for at, (_, values) in enumerate(seen.tags) if values.get("class") == "sides")
    shown = [values["alt"] for tag, values in seen.tags[start:] if tag == "img"]
    assert shown[:4] == ["first/b.png", "second/d.png", "third/f.png", "third/g.png"]


def test_what_others_wrote_is_shown_and_not_obeyed(tmp_path: Path, page: Any):
    evil = '<script>alert(1)</script>"onload="x'
    source = made(tmp_path, "first", {"a": (1, PERSON + CAR + "4 .5 .5 .1 .1\n")}, split="train")
    names = (evil, "car", "b", "c", "<img src=x>")
    hostile = Yolo(images=source.images, labels=source.labels, names=names, split="train")
    report = check([hostile], Classes({evil: [], "vehicle": ["car"]}), Shares(), tmp_path)
    seen = Seen(page(report, tmp_path))
    assert "script" not in {tag for tag, _ in seen.tags}
    assert not any("onload" in values or values.get("src") == "x" for _, values in seen.tags)


def test_a_page_of_nothing_is_one(tmp_path: Path, page: Any):
    report = check([Yolo(images="nowhere", labels="x", names=())], CLASSES, Shares(), tmp_path)
    assert "there are no pictures in it" in page(report, tmp_path)


def test_the_doubts_of_real_sets_are_those_that_are_known(data: Path):
    """Of 128 label files of coco128 two have no picture, and nothing in it is a mistake."""
    names = tuple(map(str, range(80)))
    source = Yolo(images="images/train2017", labels="labels/train2017", names=names)
    report = check([source], Classes({"0": []}), Shares(), data / "detection/coco128")
    assert not report.stops
    assert [Path(one.where).name for one in report.findings if "no picture of its name" in one.what] == [
        "000000000656.txt", "000000000659.txt",
    ]  # fmt: skip
    assert report.things("0") == 254  # lines that begin with `0 ` in the files that have a picture
