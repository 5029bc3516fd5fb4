"""What all readers do alike: names out of files, hostile content, and every mistake told instead of the first."""

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapetum_trainer.data.readers import AnySource, Coco, Cvat, OpenImages, Voc, Yolo
from tapetum_trainer.data.readers.names import names_in
from tapetum_trainer.data.readers.source import picture_at
from tapetum_trainer.errors import DataError, Doubt

COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}],
    "categories": [{"id": 7, "name": "person"}],
    "annotations": [{"image_id": 1, "category_id": 7, "bbox": [8, 6, 16, 30]}],
}
VOC = """<annotation><filename>a.png</filename><size><width>80</width><height>60</height></size>
<object><name>person</name><bndbox><xmin>8</xmin><ymin>6</ymin><xmax>24</xmax><ymax>36</ymax></bndbox></object>
</annotation>"""
CVAT = """<annotations><image name="a.png" width="80" height="60">
<box label="person" xtl="8" ytl="6" xbr="24" ybr="36"/></image></annotations>"""
CSV = "ImageID,LabelName,XMin,XMax,YMin,YMax\na,person,0.1,0.3,0.1,0.6\n"
SOURCES: dict[str, tuple[AnySource, str, str]] = {
    "coco": (Coco(images=".", annotations="a.json"), "a.json", json.dumps(COCO)),
    "cvat": (Cvat(images=".", annotations="a.xml"), "a.xml", CVAT),
    "open-images": (OpenImages(images=".", boxes="a.csv"), "a.csv", CSV),
    "voc": (Voc(images=".", annotations="."), "a.xml", VOC),
    "yolo": (Yolo(images=".", labels=".", names=("person",)), "a.txt", "0 0.2 0.35 0.2 0.5\n"),
    "yolo's names": (
        Yolo(images=".", labels=".", names="data.yaml"), "data.yaml", "nc: 2\nnames:\n  0: person\n  1: car\n",
    ),
}  # fmt: skip
TEXTS = [kind for kind in SOURCES if kind != "yolo's names"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 80, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize("kind", TEXTS)
def test_a_file_with_a_byte_order_mark_is_read_as_without(folder: Path, kind: str):
    source, name, content = SOURCES[kind]
    (folder / name).write_text(content, "utf-8-sig")
    (picture,) = source.read(folder)
    (thing,) = picture.things
    assert (thing.label, thing.crowd) == ("person", False)
    assert np.allclose([thing.box.left, thing.box.top, thing.box.right, thing.box.bottom], [0.1, 0.1, 0.3, 0.6])


PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["nan", "-inf", "1e999", "0", "-1", "9" * 400, "../" * 9, "x" * 400, "\0", '"', "\n", "[" * 9]),
)


@pytest.mark.parametrize("kind", SOURCES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_in_a_file_is_read_or_told(folder: Path, kind: str, data: st.DataObject):
    source, name, content = SOURCES[kind]
    at = data.draw(st.integers(0, len(content)))
    spoilt = content[:at] + data.draw(PIECES) + content[at + data.draw(st.integers(0, 9)) :]
    (folder / name).write_text(spoilt, encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(DataError):
        source.read(folder)
    with contextlib.suppress(DataError):
        source.read(folder, [].append)


@pytest.mark.parametrize(
    ("kind", "old", "new", "told"),
    [
        ("voc", "<width>80", "<width>nan", "a.xml: nan x 60 is no size"),
        ("voc", "<width>80", "<width>1e400", "a.xml: inf x 60 is no size"),
        ("cvat", 'width="80"', 'width="nan"', "image 'a.png': nan x 60 is no size"),
        ("cvat", 'label="person"', "", "image 'a.png': <box> has no label"),
        ("open-images", "a,person", "a,", "a.csv, line 2: it has no LabelName"),
        ("coco", '{"images"', '{"x": ' + "[" * 100_000, "a.json: this is no COCO file: .*"),
        ("coco", "a.png", "x" * 400, "image 1: the picture 'xxx.* is not in"),
        ("coco", '"width": 80', '"width": 8000000', "image 1: 8e.06 x 60 is no size"),
        ("coco", '"width": 80', '"width": ' + "9" * 400, "image 1: a huge number x 60 is no size"),
        ("coco", '"height": 60', '"height": -' + "9" * 400, "image 1: 80 x a huge number is no size"),
    ],
)
def test_what_would_be_a_crash_is_told(folder: Path, kind: str, old: str, new: str, told: str):
    source, name, content = SOURCES[kind]
    (folder / name).write_text(content.replace(old, new))
    with pytest.raises(DataError, match=told):
        source.read(folder)


def test_no_entity_of_xml_is_expanded_or_fetched(folder: Path):
    bomb = '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]>'
    outside = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>'
    for start in (bomb, outside, '<!DOCTYPE annotation SYSTEM "http://[::1]:1/a.dtd">'):
        (folder / "a.xml").write_text(start + VOC)
        with pytest.raises(DataError, match=r"a\.xml: it declares a document type"):
            SOURCES["voc"][0].read(folder)
    (folder / "a.xml").write_text(VOC.replace("<size>", "<!-- no <!DOCTYPE is this --><size>"))
    assert len(SOURCES["voc"][0].read(folder)) == 1


BROKEN: dict[str, Callable[[], tuple[str, list[str]]]] = {
    "yolo": lambda: ("0 0.2 0.35 0.2 0.5\n1 .5 .5 .1 .1\nx\n", ["a.txt, line 2", "a.txt, line 3"]),
    "open-images": lambda: (
        CSV + "b,person,0,1,0,1\na,person,?,1,0,1\na,person,0,9,0,1\n",
        ["a.csv, line 3", "a.csv, line 4", "a.csv, line 5"],
    ),
    "voc": lambda: (
        VOC.replace("</annotation>", "<object><name>a</name></object><object/></annotation>"),
        ["a.xml, object 2", "a.xml, object 3"],
    ),
    "cvat": lambda: (
        CVAT.replace("</image>", '<box label="a"/></image><image name="b.png"/>'),
        ["a.xml, image 'a.png'", "a.xml, image 'b.png'"],
    ),
    "coco": lambda: (
        json.dumps(
            COCO
            | {"images": [*COCO["images"], {"id": 2, "file_name": "b.png", "width": 8, "height": 6}]}
            | {"annotations": [*COCO["annotations"], {"image_id": 1, "category_id": 8, "bbox": [0, 0, 1, 1]}]}
        ),
        ["a.json, image 1", "a.json, image 2"],
    ),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_all_mistakes_are_told_with_their_places_and_the_rest_is_read(folder: Path, kind: str):
    content, places = BROKEN[kind]()
    source, name, _ = SOURCES[kind]
    (folder / name).write_text(content)
    found: list[DataError] = []
    (picture,) = source.read(folder, found.append)
    assert [thing.label for thing in picture.things] == ["person"]
    assert sorted(error.where for error in found) == [f"{folder}/{place}" for place in places]
    with pytest.raises(DataError) as first:
        source.read(folder)
    assert str(first.value) in [f"{error.where}: {error.what}" for error in found]


def test_what_is_doubtful_is_told_and_stops_nothing(folder: Path):
    (folder / "a.txt").write_text("0 0.2 0.35 0.2 0.5\n")
    (folder / "b.txt").write_text("0 0.2 0.35 0.2 0.5\n")
    (folder / "classes.txt").write_text("person\n")
    empty = {"image_id": 1, "category_id": 7, "bbox": [1, 1, 0, 3]}
    lost = {"image_id": 9, "category_id": 7, "bbox": [1, 1, 2, 3]}
    (folder / "a.json").write_text(json.dumps(COCO | {"annotations": [*COCO["annotations"], empty, lost]}))
    for kind, told in (
        ("yolo", ["there is no picture of its name in"]),
        ("coco", ["a box of category 7 has no size", "1 boxes are of it, and the file has no such image"]),
    ):
        found: list[DataError] = []
        source = SOURCES[kind][0]
        assert source.read(folder) == source.read(folder, found.append)
        assert [type(error) for error in found] == [Doubt] * len(told)
        assert all(error.what.startswith(what) for error, what in zip(found, told, strict=True))


def test_an_apostrophe_in_a_name_is_one(tmp_path: Path):
    (tmp_path / "data.yaml").write_text("names: ['dog''s', \"cat's\"]\n")
    assert names_in(tmp_path / "data.yaml") == ("dog's", "cat's")


def test_two_images_of_one_id_are_told_and_so_is_a_folder_of_labels_that_is_not_there(folder: Path):
    (folder / "a.json").write_text(json.dumps(COCO | {"images": COCO["images"] * 2}))
    with pytest.raises(DataError, match=r"a\.json, image 1: there are 2 images of this id"):
        SOURCES["coco"][0].read(folder)
    with pytest.raises(DataError, match="lables: there is no such folder of labels"):
        Yolo(images=".", labels="lables", names=("person",)).read(folder)


def test_a_picture_lies_where_its_labels_say_or_in_the_folder_and_never_outside(tmp_path: Path):
    inner = tmp_path / "images/street"
    inner.mkdir(parents=True)
    for path in (inner / "a.png", tmp_path / "images/b.png", tmp_path / "secret.png"):
        path.touch()
    folder = tmp_path / "images"
    assert picture_at(folder, "street/a.png", "") == inner / "a.png"
    assert picture_at(folder, "street\\a.png", "") == inner / "a.png"
    assert picture_at(folder, "/home/someone/train/b.png", "") == folder / "b.png"
    for name in ("../secret.png", str(tmp_path / "secret.png"), "..", ".", "", "/", "a\0.png"):
        with pytest.raises(DataError, match="is not in"):
            picture_at(folder, name, "here")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("obj.names", "a\n\n big dog \n"),
        ("data.yaml", "train: ../train\nnc: 2\nnames: ['a', 'big dog']"),
        ("data.yaml", "names: [a, \"big dog\"]  # two\nroboflow:\n  names: x\n"),
        ("data.yml", "names: ['a',\n        'big dog', ]\nnc: 2\n"),
        ("data.yaml", "names: {1: big dog, 0: a}\n"),
        ("data.yaml", "names: [a,big dog]\n"),
        ("data.yaml", "names: {1: big dog,0: a}\n"),
        ("data.yaml", "names:\n- a\n- big dog\nnc: 2\n"),
        ("data.yaml", "names:\n  # all\n  1: big dog\n  0: 'a'   # first\n\nval: x\n"),
    ],
)  # fmt: skip
def test_names_are_read_as_the_tools_write_them(tmp_path: Path, name: str, content: str):
    (tmp_path / name).write_text(content)
    assert names_in(tmp_path / name) == ("a", "big dog")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("nc: 2\n", "`names:` is in it 0 times; once is wanted"),
        ("names: [a]\nnames: [b]\n", "`names:` is in it 2 times"),
        ("names: a\n", "line 1: names: .* is wanted"),
        ("nc: 1\nnames: [a\nnc: 2\n", "line 2: names: .* is wanted"),
        ("names: [a] b\n", "line 1: names: .* is wanted"),
        ("names: &x [a]\n", "line 1: names: .* is wanted"),
        ("names:\n  - a\n  - !!python/object b\n", "line 3: names: .* is wanted"),
        ("names:\n  0: a\n  2: b\n", "the numbers of its names are not 0 to 1, each once"),
        ("names: {0: a, b}\n", "line 1: names: .* is wanted"),
        ("names: {a, b}\n", "line 1: names: .* is wanted"),
        ("names: [0: a, 1: b]\n", "line 1: names: .* is wanted"),
        ("names:\n  - - a\n", "line 2: names: .* is wanted"),
        ("names:\n  - a\n  1: b\n", "the numbers of its names are not 0 to 1, each once"),
        ("names:\n- a\n-b\n", "line 3: names: .* is wanted"),
        ("names: [a]]\n", "line 1: names: .* is wanted"),
        ("names: [a}\n", "line 1: names: .* is wanted"),
        ("names:\n  " + "1" * 5000 + ": a\n", "the numbers of its names are not 0 to 0, each once"),
        ("names:\n  1234567890: a\n", "the numbers of its names are not 0 to 0, each once"),
        ("names: ['']\n", "a name of a class is empty"),
        ("names: []\n", "there are no names of classes in it"),
        ("names:\n", "there are no names of classes in it"),
    ],
)
def test_names_that_are_written_otherwise_are_refused_not_guessed(tmp_path: Path, content: str, told: str):
    (tmp_path / "data.yaml").write_text(content)
    with pytest.raises(DataError, match=rf"data\.yaml.*{told}"):
        names_in(tmp_path / "data.yaml")


def test_the_names_of_real_sets_are_those_in_their_files(data: Path):
    found = {path.parent.name: names_in(path) for path in sorted((data / "detection").glob("*/data.yaml"))}
    assert found == {
        "thermal_dogs_people": ("dog", "person"),
        "traffic_atl": ("bike", "bus", "car", "truck"),
        "vehicles_openimages": ("Ambulance", "Bus", "Car", "Motorcycle", "Truck"),
    }
    assert len(names_in(data / "detection/voc100/gts/yolo_format/obj.names")) == 20


@pytest.mark.parametrize("name", ["tiny_coco", "coco_tiny"])
def test_no_picture_and_no_box_of_a_real_coco_file_is_lost(data: Path, name: str):
    """As pycocotools counts them."""
    from pycocotools import coco

    root = data / "detection" / name
    with contextlib.redirect_stdout(None):
        truth = coco.COCO(root / "annotations/instances_train2017.json")
    found = Coco(images="train2017", annotations="annotations/instances_train2017.json").read(root)
    assert len(found) == len(truth.imgs)
    assert sum(len(one.things) for one in found) == len(truth.anns)
    assert sum(thing.crowd for one in found for thing in one.things) == len(truth.getAnnIds(iscrowd=True))


def test_pictures_that_nobody_labelled_are_told_once_since_they_count_as_empty(folder: Path):
    told: list[DataError] = []
    (folder / "labels").mkdir()
    for name in ("b", "c", "d"):
        shutil.copy(folder / "a.png", folder / f"{name}.png")
    (folder / "labels/b.txt").write_text("0 0.2 0.35 0.2 0.5\n")
    (folder / "labels/c.txt").write_text("")
    found = Yolo(images=".", labels="labels", names=("person",)).read(folder, told.append)
    assert [len(one.things) for one in found] == [0, 1, 0, 0]
    (doubt,) = told
    assert isinstance(doubt, Doubt)
    assert (
        doubt.what == "2 of 4 pictures have no file of labels there, and count as showing nothing; the first is a.png"
    )
