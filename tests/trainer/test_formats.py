"""The formats of labelled pictures that others write."""

import contextlib
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapetum.scene import Box
from tapetum_trainer.data.readers import AnySource, Coco, Cvat, OpenImages, Voc, Yolo
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError


def of_voc100(root: Path) -> dict[str, list[Labelled]]:
    names = tuple((root / "gts/yolo_format/obj.names").read_text().split())
    sources: dict[str, AnySource] = {
        "coco": Coco(images="images", annotations="gts/coco_format_v2/instances_v2.json"),
        "yolo": Yolo(images="images", labels="gts/yolo_format/obj_train_data", names=names),
        "voc": Voc(images="images", annotations="gts/pascalvoc_format"),
        "cvat": Cvat(images="images", annotations="gts/cvat_format/annotations.xml"),
        "open-images": OpenImages(images="images", boxes="gts/openimages_format/all_bounding_boxes.csv"),
    }
    return {name: source.read(root) for name, source in sources.items()}


def test_one_truth_is_read_alike_from_five_formats(data: Path):
    """Of 100 real pictures, whose labels their publisher gives in all of them."""
    found = of_voc100(data / "detection/voc100")
    assert {name: len(pictures) for name, pictures in found.items()} == dict.fromkeys(found, 100)
    ours = {picture.path.name: picture for picture in found.pop("coco")}
    for name, pictures in found.items():
        for picture in pictures:
            other = ours[picture.path.name]
            assert (picture.width, picture.height) == (other.width, other.height)
            assert counted(picture) == counted(other), name
            for thing in picture.things:
                alike = [same for same in other.things if same.label == thing.label]
                assert min(apart(thing.box, same.box, picture) for same in alike) < 0.01, name


def apart(one: Box, other: Box, picture: Labelled) -> float:
    """Return by how many pixels the farthest of four edges differ."""
    across = abs(one.left - other.left), abs(one.right - other.right)
    down = abs(one.top - other.top), abs(one.bottom - other.bottom)
    return max(picture.width * max(across), picture.height * max(down))


def counted(picture: Labelled) -> Counter[str]:
    return Counter(thing.label for thing in picture.things)


COUNTS = {
    "coco128": (127, 929),
    "vehicles_openimages/train": (300, 595),
    "vehicles_openimages/valid": (60, 99),
    "traffic_atl/train": (235, 4137),
    "traffic_atl/valid": (31, 339),
    "thermal_dogs_people/train": (142, 181),
    "thermal_dogs_people/valid": (41, 49),
    "pedestrian_clean101": (101, 266),
}
"""Pictures, and the lines of their labels that are not empty, as files and bytes count them."""


@pytest.mark.parametrize("name", COUNTS)
def test_no_picture_and_no_box_of_a_real_set_is_lost(data: Path, name: str):
    inner = "/train2017" if name == "coco128" else ""
    source = Yolo(images=f"images{inner}", labels=f"labels{inner}", names=tuple(map(str, range(80))))
    found = source.read(data / "detection" / name)
    assert (len(found), sum(len(picture.things) for picture in found)) == COUNTS[name]


VOC = """<annotation><filename>a.png</filename><size><width>80</width><height>60</height></size>
<object><name>person</name><difficult>1</difficult>
<bndbox><xmin>8</xmin><ymin>6</ymin><xmax>24</xmax><ymax>36</ymax></bndbox></object></annotation>"""
CVAT = """<annotations><image name="a.png" width="80" height="60">
<box label="person" xtl="8" ytl="6" xbr="24" ybr="36"/></image></annotations>"""
CSV = "ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\na,/m/01g317,0.1,0.3,0.1,0.6,1\n"
SOURCES = {
    "voc": (Voc(images=".", annotations="."), "a.xml", VOC),
    "cvat": (Cvat(images=".", annotations="a.xml"), "a.xml", CVAT),
    "open-images": (OpenImages(images=".", boxes="a.csv", names="names.csv"), "a.csv", CSV),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("formats")
    cv2.imwrite(str(folder / "a.png"), np.zeros((60, 80, 3), np.uint8))
    (folder / "names.csv").write_text("/m/01g317,person\n")
    return folder


@pytest.mark.parametrize("kind", SOURCES)
def test_a_box_is_where_it_is_said_to_be_and_a_crowd_is_one(folder: Path, kind: str):
    source, name, content = SOURCES[kind]
    (folder / name).write_text(content)
    (picture,) = source.read(folder)
    assert picture.things == (Thing("person", Box(0.1, 0.1, 0.3, 0.6), crowd=kind != "cvat"),)


@pytest.mark.parametrize(
    ("kind", "old", "new", "told"),
    [
        ("voc", "<xmin>8", "<xmin>nine", "a.xml, object 1: xmin is 'nine'; a number is wanted"),
        ("voc", "<width>80", "<width>0", "a.xml: 0 x 60 is no size"),
        ("voc", "a.png", "../../etc/passwd", "the picture '../../etc/passwd' is not in"),
        ("voc", "<name>person</name>", "", "<object> has no <name>"),
        ("voc", "</annotation>", "", "a.xml: this is no XML"),
        ("voc", "<annotation>", '<!DOCTYPE a [<!ENTITY b "c">]><annotation>', "it declares a document type"),
        ("voc", "annotation>", "notation>", "<notation> is its root; <annotation> is wanted"),
        ("cvat", 'xbr="24"', 'xbr="4"', "image 'a.png': the box .* is none in the picture"),
        ("cvat", 'name="a.png"', "", "image '': the picture '' is not in"),
        ("open-images", "0.1,0.3", "0.1,?", "a.csv, line 2: XMax is"),
        ("open-images", "XMin", "Left", "a.csv: the columns XMin are missing"),
        ("open-images", "\na,", "\nb,", "the picture 'b' is not in"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(folder: Path, kind: str, old: str, new: str, told: str):
    source, name, content = SOURCES[kind]
    (folder / name).write_text(content.replace(old, new))
    with pytest.raises(DataError, match=told):
        source.read(folder)


@pytest.mark.parametrize("kind", SOURCES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_stands_in_a_file_is_read_or_told(folder: Path, kind: str, data: st.DataObject):
    source, name, content = SOURCES[kind]
    at = data.draw(st.integers(0, len(content)))
    spoilt = content[:at] + data.draw(st.text(max_size=9)) + content[at + data.draw(st.integers(0, 30)) :]
    (folder / name).write_text(spoilt, encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(DataError):
        source.read(folder)
