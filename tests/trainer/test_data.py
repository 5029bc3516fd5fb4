"""Labelled pictures: read from their formats, mapped to classes, split, and packed."""

import contextlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.scene import Box
from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.duplicates import alike, difference_hash
from tapetum_trainer.data.packed import Packed, packed
from tapetum_trainer.data.pictures import pixels
from tapetum_trainer.data.readers import Coco, Yolo
from tapetum_trainer.data.readers.yolo import _thing
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.data.split import Shares, chosen, divided
from tapetum_trainer.errors import DataError, RecipeError

CLASSES = Classes({"person": ["pedestrian"], "vehicle": ["car", "bus"]}, {"rider": "person"})


def scenery(seed: int, width: int = 80, height: int = 60) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a picture with something in it."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set in YOLO's format: a.png with two boxes, b.png with none."""
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for seed, name in enumerate("ab"):
        cv2.imwrite(str(tmp_path / f"images/{name}.png"), scenery(seed))
    (tmp_path / "labels/a.txt").write_text("0 0.5 0.5 0.2 0.4\n1 0.1 0.2 0.2 0.2\n")
    return tmp_path


YOLO = Yolo(images="images", labels="labels", names=("person", "car"))


def test_yolo_s_lines_become_boxes(folder: Path):
    first, second = YOLO.read(folder)
    assert (first.path.name, first.width, first.height, second.things) == ("a.png", 80, 60, ())
    person, car = first.things
    assert (person.label, car.label) == ("person", "car")
    assert np.allclose([person.box.left, person.box.top, person.box.right, person.box.bottom], [0.4, 0.3, 0.6, 0.7])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("0 0.5 0.5 0.2", r"labels/a.txt, line 2: '0 0.5 0.5 0.2'; class x y width height is wanted"),
        ("person 0.5 0.5 0.2 0.2", "line 2: .* is wanted"),
        ("2 0.5 0.5 0.2 0.2", "line 2: class 2 has no name; there are 2: person, car"),
        ("0 0.5 0.5 0 0.2", r"line 2: the box \(0.5, 0.4, 0.5, 0.6\) is none in the picture"),
        ("0 0.9 0.5 0.4 0.2", "line 2: the box .* is none in the picture"),
        ("0 nan 0.5 0.4 0.2", "line 2: the box .* is none in the picture"),
    ],
)
def test_a_line_that_is_none_is_told_with_its_place(folder: Path, line: str, told: str):
    (folder / "labels/a.txt").write_text(f"0 0.5 0.5 0.2 0.4\n{line}\n")
    with pytest.raises(DataError, match=told):
        YOLO.read(folder)


def test_a_picture_that_is_none_and_a_folder_without_any_are_told(folder: Path):
    (folder / "images/c.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"images/c.jpg: this is no picture that can be read"):
        YOLO.read(folder)
    with pytest.raises(DataError, match=r"nowhere: there are no pictures in it"):
        Yolo(images="nowhere", labels="labels", names=()).read(folder)


@given(st.text(max_size=60))
def test_whatever_stands_in_a_line_is_read_or_told(line: str):
    with contextlib.suppress(DataError):
        _thing(line, ("person", "car"), "here")


def coco(**changed: Any) -> str:
    whole = {
        "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}],
        "categories": [{"id": 7, "name": "person"}],
        "annotations": [{"image_id": 1, "category_id": 7, "bbox": [8, 6, 16, 30], "iscrowd": 1}],
    }
    return json.dumps(whole | changed)


def test_coco_s_annotations_become_boxes_and_its_crowds_crowds(folder: Path):
    (folder / "coco.json").write_text(coco())
    (picture,) = Coco(images="images", annotations="coco.json").read(folder)
    assert picture.things == (Thing("person", Box(0.1, 0.1, 0.3, 0.6), crowd=True),)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "coco.json: this is no COCO file"),
        (coco(categories=[]), r"coco.json, image 1: category 7 has no name"),
        (
            coco(images=[{"id": 1, "file_name": "z.png", "width": 8, "height": 6}]),
            "image 1: the picture 'z.png' is not in",
        ),
        (coco(images=[{"id": 1, "file_name": "a.png", "width": 0, "height": 6}]), "image 1: 0 x 6 is no size"),
        (coco(annotations=[{"image_id": 1, "category_id": 7, "bbox": [0, 0, 90, 9]}]), "the box .* is none"),
    ],
)
def test_a_coco_file_that_is_none_is_told(folder: Path, content: str, told: str):
    (folder / "coco.json").write_text(content)
    with pytest.raises(DataError, match=told):
        Coco(images="images", annotations="coco.json").read(folder)


def test_labels_become_classes_and_others_are_left_out_or_ignored(folder: Path):
    labels = "car", "rider", "tree", "person", "pedestrian"
    things = tuple(Thing(label, Box(0, 0, 1, 1)) for label in labels)
    found = CLASSES.of(Labelled(folder, 1, 1, things, known=frozenset({"car", "tree"})))
    assert [(thing.label, thing.crowd) for thing in found.things] == [
        ("vehicle", False), ("person", True), ("person", False), ("person", False),
    ]  # fmt: skip
    assert found.known == {"vehicle"}
    assert CLASSES.of(Labelled(folder, 1, 1, ())).known == {"person", "vehicle"}


def test_a_label_of_two_classes_and_one_ignored_for_none_are_told():
    with pytest.raises(RecipeError, match=r"car means .* and .*; one of them is wanted"):
        Classes({"vehicle": ["car"], "toy": ["car"]})
    with pytest.raises(RecipeError, match="rider = cyclist: there is no such class"):
        Classes({"person": []}, {"rider": "cyclist"})


@pytest.mark.parametrize("change", ["jpeg", "smaller", "brighter"])
def test_a_picture_that_was_coded_again_or_changed_a_little_looks_the_same(change: str):
    pictures = [scenery(seed, 320, 240) for seed in range(40)]
    changed = {
        "jpeg": lambda one: cv2.imdecode(cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1),
        "smaller": lambda one: cv2.resize(one, (160, 120), interpolation=cv2.INTER_AREA),
        "brighter": lambda one: cv2.convertScaleAbs(one, alpha=0.8, beta=30),
    }[change]
    hashes = [difference_hash(np.asarray(one, np.uint8)) for one in (*pictures, *map(changed, pictures))]
    assert alike(hashes) == {40 + index: index for index in range(40)}


def test_pictures_without_contrast_are_not_taken_for_the_same():
    assert alike([difference_hash(np.full((60, 80, 3), level, np.uint8)) for level in (0, 100, 255)]) == {}


def kept(folder: Path, count: int = 200) -> list[Labelled]:
    for index in range(count):
        (folder / f"{index}").write_bytes(bytes([index]))
    return [Labelled(folder / f"{index}", 1, 1, ()) for index in range(count)]


def test_a_split_stays_whatever_else_there_is(tmp_path: Path):
    pictures = kept(tmp_path)
    whole = divided([(picture, "auto") for picture in pictures], {}, Shares(valid=0.2, test=0.2))
    assert {split: len(found) > 20 for split, found in whole.items()} == dict.fromkeys(whole, True)
    half = divided([(picture, "auto") for picture in reversed(pictures[::2])], {}, Shares(valid=0.2, test=0.2))
    for split, found in half.items():
        assert set(found) <= set(whole[split])


def test_what_looks_the_same_or_is_of_one_clip_lies_in_one_split_the_strictest(tmp_path: Path):
    pictures = kept(tmp_path, 6)
    clip = [Labelled(picture.path, 1, 1, (), group="clip") for picture in pictures[3:]]
    said = [(pictures[0], "test"), (pictures[1], "train"), (pictures[2], "auto"), *((one, "auto") for one in clip)]
    found = divided(said, {1: 0, 2: 1}, Shares())
    assert found["test"][:3] == pictures[:3]
    assert clip in found.values() or found["test"][3:] == clip
    assert chosen("clip", Shares()) == chosen("clip", Shares())


def test_packed_pictures_are_those_that_were_read_and_made_once(folder: Path):
    pictures = [CLASSES.of(picture) for picture in YOLO.read(folder)]
    found = packed(pictures, CLASSES.names, 40, folder / "cache", folder)
    assert (len(found), found.labels, found.origin(0)) == (2, ("person", "vehicle"), "images/a.png")
    assert np.array_equal(
        found.picture(1), cv2.resize(pixels(pictures[1].path), (40, 30), interpolation=cv2.INTER_AREA)
    )
    assert not found.picture(0).flags.writeable
    assert found.classes(0).tolist() == [0, 1]
    assert np.allclose(found.boxes(0)[0], [0.4, 0.3, 0.6, 0.7])
    assert (found.boxes(1).shape, found.known(1).tolist(), found.ignored(0).tolist()) == (
        (0, 4),
        [True] * 2,
        [False] * 2,
    )
    before = found.path.stat().st_mtime_ns
    assert packed(pictures, CLASSES.names, 40, folder / "cache", folder).path.stat().st_mtime_ns == before
    assert packed(pictures[:1], CLASSES.names, 40, folder / "cache", folder).path != found.path
    assert [path.suffix for path in (folder / "cache").iterdir()] == [".packed"] * 2


def test_a_packed_file_that_is_cut_off_or_another_s_is_told(folder: Path):
    path = packed([CLASSES.of(one) for one in YOLO.read(folder)], CLASSES.names, 40, folder, folder).path
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:30], b"", b"x" + whole[1:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="delete it, and it is made again"):
            Packed(path)


def test_a_picture_that_changes_while_it_is_packed_leaves_nothing(folder: Path):
    pictures = YOLO.read(folder)
    cv2.imwrite(str(pictures[1].path), scenery(1, 30, 30))
    with pytest.raises(DataError, match=r"b.png: it is 30 x 30, its labels say 80 x 60"):
        packed(pictures, ("person", "car"), 40, folder / "cache", folder)
    assert list((folder / "cache").iterdir()) == []
