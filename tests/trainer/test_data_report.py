"""What is told of a recipe's pictures before a training."""

import dataclasses
import json
from pathlib import Path

import pytest

from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.dataset import collected
from tapetum_trainer.data.readers import AnySource, Coco, Frames, Voc, Yolo
from tapetum_trainer.data.report import Finding, Report, check
from tapetum_trainer.data.split import SPLITS, Shares
from tapetum_trainer.data.words import short, text
from tapetum_trainer.errors import DataError
from tests.trainer.yards import CAR, CLASSES, PERSON, STATUE, made, two_sets


@pytest.fixture
def sources(tmp_path: Path) -> list[AnySource]:
    return two_sets(tmp_path)


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
    assert not report.mistakes


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
        ("0 0.5 0.5 0.4 0.02\n", "a box of person is 32.0 x 1.2 pixels"),
        ("0 0.5 0.5 0.4 0.4\n0 0.5 0.5 0.401 0.4\n", "a person has two boxes, or two of them lie on each other"),
        ("0 0.5 0.5 0.4 0.4\n0 0.5 0.5 0.44 0.4\n", "a person has two boxes, or two of them lie on each other"),
    ],
)
def test_what_looks_like_a_mistake_is_doubted(tmp_path: Path, sources: list[AnySource], lines: str, told: str):
    assert told not in whats(check(sources, CLASSES, Shares(), tmp_path), stops=False)
    more = made(tmp_path, "third", {"f": (9, lines)}, split="train")
    report = check([*sources, more], CLASSES, Shares(), tmp_path)
    assert (told in whats(report, stops=False), report.mistakes) == (True, 0)


@pytest.mark.parametrize(
    "lines",
    [
        PERSON + CAR + STATUE,
        STATUE + PERSON + CAR,
        STATUE + "2 0.5 0.5 0.401 0.4\n" + PERSON + CAR,
        PERSON + CAR + "0 0.5 0.5 0.5 0.4\n",  # 0.8 of both together
        PERSON + CAR + "0 0.2 0.2 0.025 0.05\n",  # 2 x 3 pixels
    ],
    ids=["another class", "a crowd", "two crowds", "not the same place", "just large enough"],
)
def test_a_box_on_one_of_another_class_or_on_a_crowd_or_elsewhere_is_not_doubted(
    tmp_path: Path, sources: list[AnySource], lines: str
):
    more = made(tmp_path, "third", {"f": (9, lines)}, split="valid")
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
        Finding(
            str(tmp_path / "third"),
            "pictures in it that are not used, for want of an annotation without a mistake: 2",
            False,
        ),
    ]


def test_pictures_in_which_nothing_was_looked_for_are_not_told_to_be_empty(tmp_path: Path, sources: list[AnySource]):
    made(tmp_path, "third", {"f": (21, ""), "g": (22, "")})
    report = check([*sources, Frames(path="third")], CLASSES, Shares(), tmp_path)
    assert [(one.picture.path.stem, one.empty) for one in report.shown if one.unlabelled] == [
        ("f", False), ("g", False),
    ]  # fmt: skip
    only_cars = made(tmp_path, "fourth", {"h": (23, "")}, known=("car",))
    (shown,) = check([only_cars], CLASSES, Shares(), tmp_path).shown
    assert (shown.unlabelled, shown.empty) == (False, True)


def test_a_picture_that_is_in_two_sets_is_judged_with_and_not_trained_on(tmp_path: Path):
    first = made(tmp_path, "first", {"a": (1, PERSON + CAR), "b": (2, CAR)}, split="train")
    second = made(tmp_path, "second", {"c": (2, CAR), "d": (3, PERSON)}, split="valid")
    third = made(tmp_path, "third", {"e": (2, CAR), "f": (4, PERSON + CAR)}, split="test")
    report = check([first, second, third], CLASSES, Shares(), tmp_path)
    assert {one.picture.path.stem: (one.split, one.moved) for one in report.shown} == {
        "a": ("train", False), "b": ("test", True), "c": ("test", True),
        "d": ("valid", False), "e": ("test", False), "f": ("test", False),
    }  # fmt: skip
    assert (report.moved, [one.apart for one in report.twins]) == (2, [True, True])
    assert not report.mistakes


def test_twins_of_one_split_or_of_none_are_not_apart(tmp_path: Path):
    sets = [made(tmp_path, name, {name: (1, PERSON + CAR)}, split=split)
            for name, split in (("a", "auto"), ("b", "train"), ("c", "train"))]  # fmt: skip
    assert [one.apart for one in check(sets, CLASSES, Shares(), tmp_path).twins] == [False, False]


def test_a_report_in_words_tells_counts_and_findings_by_their_places(tmp_path: Path, sources: list[AnySource]):
    (tmp_path / "first/a.txt").write_text(PERSON + CAR + "x\n")
    told = text(check(sources, CLASSES, Shares(), tmp_path), tmp_path).splitlines()
    assert told[:4] == [
        "split  pictures  person  vehicle",
        "train         2       1        1",
        "valid         0       0        0",
        "test          3       2        1",
    ]
    assert told[5:9] == [
        "1 pictures show no object.",
        "1 pictures look like one of a split that is kept more strictly, and went there.",
        "Labels that mean no class: tree 1",
        "Mistakes, which stop a training: 1; doubts: 1",
    ]
    assert told[9] == "mistake: first/a.txt, line 3: 'x'; class x y width height is wanted"
    assert told[10].startswith("doubt: no picture of valid shows: person, vehicle;")


def test_a_report_in_words_ends_where_a_page_is_read_with_more_ease(tmp_path: Path, sources: list[AnySource]):
    for count, ends in ((49, "doubt: no picture of valid"), (52, "and 3 more; --html FILE tells more of them")):
        (tmp_path / "first/a.txt").write_text(PERSON + CAR + "x\n" * count)
        told = text(check(sources, CLASSES, Shares(), tmp_path), tmp_path).splitlines()
        assert told[-1].startswith(ends)
        assert sum(line.startswith(("mistake:", "doubt:")) for line in told) == 50


def test_of_the_labels_that_are_left_out_the_most_frequent_are_told(tmp_path: Path):
    lines = "".join(f"{at} 0.{at + 10} 0.5 0.1 0.1\n" for at in range(25)) + "24 0.5 0.9 0.1 0.1\n"
    made(tmp_path, "first", {"a": (1, lines)})
    source = Yolo(images="first", labels="first", names=tuple(f"label{at}" for at in range(25)))
    told = text(check([source], CLASSES, Shares(), tmp_path), tmp_path)
    (line,) = [line for line in told.splitlines() if line.startswith("Labels")]
    assert line.startswith("Labels that mean no class: label24 2, label0 1, ")
    assert line.count("label") == 20


@pytest.mark.parametrize(
    ("told", "root", "wanted"),
    [
        ("data/my-data/a.txt, line 1", "data", "my-data/a.txt, line 1"),
        ("../else/a.txt", ".", "../else/a.txt"),
        ("the picture 'a' is not in /srv/pictures/x", "/srv/pictures", "the picture 'a' is not in x"),
        ("/else/srv/pictures/x", "/srv/pictures", "/else/srv/pictures/x"),
    ],
)
def test_files_are_told_by_their_places_in_the_folder_of_the_data_alone(told: str, root: str, wanted: str):
    assert short(told, Path(root)) == wanted


def test_a_report_is_a_value(tmp_path: Path, sources: list[AnySource]):
    report = check(sources, CLASSES, Shares(), tmp_path)
    assert report == check(sources, CLASSES, Shares(), tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.classes = ()  # type: ignore[misc]


def test_the_doubts_of_real_sets_are_those_that_are_known(data: Path):
    """Of 128 label files of coco128 two have no picture, and nothing in it is a mistake."""
    names = tuple(map(str, range(80)))
    source = Yolo(images="images/train2017", labels="labels/train2017", names=names)
    report = check([source], Classes({"0": []}), Shares(), data / "detection/coco128")
    assert not report.mistakes
    assert [Path(one.where).name for one in report.findings if "no picture of its name" in one.what] == [
        "000000000656.txt", "000000000659.txt",
    ]  # fmt: skip
    assert report.things("0") == 254  # lines that begin with `0 ` in the files that have a picture
