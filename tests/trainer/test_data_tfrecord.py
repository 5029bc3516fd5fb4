"""TensorFlow's records with pictures in them."""

import importlib.util
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tapetum.scene import Box
from tapetum_trainer.data.readers import Cvat, TfRecord
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 80, 3), np.uint8))
    return tmp_path


@pytest.fixture
def tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed: the extra `train`")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    import tensorflow

    return tensorflow


def example(tf: Any, encoded: bytes, things: tuple[Thing, ...], **changed: Any) -> bytes:
    """A tf.train.Example as the object detection API writes it."""
    edges = {"xmin": "left", "ymin": "top", "xmax": "right", "ymax": "bottom"}
    values: dict[str, list[Any]] = {"encoded": [encoded], "object/class/text": [one.label.encode() for one in things]}
    values |= {f"object/bbox/{name}": [getattr(one.box, edge) for one in things] for name, edge in edges.items()}
    values |= {"object/is_crowd": [int(one.crowd) for one in things]} | changed
    kinds = {bytes: ("bytes_list", tf.train.BytesList), float: ("float_list", tf.train.FloatList)}
    features = {}
    for name, column in values.items():
        kind, made = kinds.get(type(column[0]) if column else bytes, ("int64_list", tf.train.Int64List))
        features[f"image/{name}"] = tf.train.Feature(**{kind: made(value=column)})
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def written(tf: Any, path: Path, records: list[bytes]) -> TfRecord:
    with tf.io.TFRecordWriter(str(path)) as file:
        for record in records:
            file.write(record)
    return TfRecord(path=path.name)


def test_what_is_written_as_records_is_read_back(data: Path, tmp_path: Path, tensorflow: Any):
    root = data / "detection/voc100"
    ours = Cvat(images="images", annotations="gts/cvat_format/annotations.xml").read(root)
    records = [example(tensorflow, one.path.read_bytes(), one.things) for one in ours]
    found = written(tensorflow, tmp_path / "voc.tfrecord", records).read(tmp_path)
    assert len(found) == len(ours) == 100
    for one, same in zip(ours, found, strict=True):
        assert (same.width, same.height) == (one.width, one.height)
        assert same.path.read_bytes() == one.path.read_bytes()
        assert [(thing.label, thing.crowd) for thing in same.things] == [
            (thing.label, thing.crowd) for thing in one.things
        ]
        assert all(a.box.iou(b.box) > 1 - 1e-5 for a, b in zip(one.things, same.things, strict=True))
    assert TfRecord(path=".").read(tmp_path) == found


def test_a_record_that_is_none_is_told_and_the_others_are_read(folder: Path, tensorflow: Any):
    png, person = (folder / "a.png").read_bytes(), (Thing("person", Box(0.1, 0.1, 0.5, 0.5), crowd=True),)
    records = [
        example(tensorflow, png, person),
        b"\xff\xff no example",
        example(tensorflow, b"GIF89a", person),
        example(tensorflow, png[:40], person),
        example(tensorflow, png, person, **{"object/class/text": []}),
        example(tensorflow, png, person, **{"object/bbox/xmax": [0.05]}),
    ]
    source, told = written(tensorflow, folder / "a.tfrecord", records), list[DataError]()
    found = source.read(folder, told.append)
    assert [one.things for one in found] == [
        (Thing("person", Box(*map(float, np.float32([0.1, 0.1, 0.5, 0.5]))), crowd=True),), (),
    ]  # fmt: skip
    assert [error.what.partition(";")[0] for error in told] == [
        "this is no tf.train.Example",
        "image/encoded is no JPEG and no PNG",
        "image/encoded: this is no picture that can be read",
        "0 of image/object/class/text, and 1, 1, 1, 1 edges of boxes",
        "the box (0.1, 0.1, 0.05, 0.5) is none in the picture",
    ]
    assert [error.where for error in told] == [f"{folder}/a.tfrecord, record {at}" for at in range(1, 6)]
    assert [one.path.name for one in found] == ["a.tfrecord-0.png", "a.tfrecord-5.png"]


HUGE = struct.pack("<QI", 1 << 60, 0x8E4E23C4)
"""The length of a record that no memory holds, with its right checksum: TensorFlow itself dies of it."""

CUT, DAMAGED = "the file ends before it does", "its checksum is wrong"
SPOILT: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "cut in the second": (lambda whole: whole[:-3], 1, CUT),
    "cut in a checksum": (lambda whole: whole[:-1], 1, CUT),
    "cut in a length": (lambda whole: whole[: len(whole) // 2 + 2], 1, CUT),
    "cut in the first length": (lambda whole: whole[:5], 0, CUT),
    "no records": (lambda _: b"no records at all, whatever they are", 0, CUT),
    "a huge length": (lambda whole: HUGE + whole[12:], 0, CUT),
    "the largest length": (lambda whole: b"\xff" * 8 + whole[8:], 0, CUT),
    "a wrong checksum of a length": (lambda whole: whole[:8] + b"none" + whole[12:], 0, DAMAGED),
    "another content": (lambda whole: whole[:-20] + b"?" + whole[-19:], 1, DAMAGED),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_of_records_that_is_cut_off_or_damaged_is_told_with_the_record(folder: Path, tensorflow: Any, how: str):
    record = example(tensorflow, (folder / "a.png").read_bytes(), ())
    source = written(tensorflow, folder / "a.tfrecord", [record, record])
    spoil, at, told = SPOILT[how]
    (folder / "a.tfrecord").write_bytes(spoil((folder / "a.tfrecord").read_bytes()))
    with pytest.raises(DataError, match=rf"a\.tfrecord, record {at}: {told}"):
        source.read(folder)
    assert list((folder / "cache/tapetum/tfrecord").iterdir()) == [], "nothing is kept of it"


def test_a_file_that_is_damaged_is_told_and_the_others_of_the_folder_are_read(folder: Path, tensorflow: Any):
    record = example(tensorflow, (folder / "a.png").read_bytes(), (Thing("person", Box(0.1, 0.1, 0.5, 0.5)),))
    for name in ("a.tfrecord-00000-of-00002", "a.tfrecord-00001-of-00002", "b.record"):
        written(tensorflow, folder / name, [record])
    (folder / "a.tfrecord-00000-of-00002").write_bytes(b"?")
    told: list[DataError] = []
    found = TfRecord(path=".").read(folder, told.append)
    assert [one.path.name for one in found] == ["a.tfrecord-00001-of-00002-0.png", "b.record-0.png"]
    assert [error.where for error in told] == [f"{folder}/a.tfrecord-00000-of-00002, record 0"]


def test_a_file_or_records_that_are_not_there_are_told(folder: Path, tensorflow: Any):
    with pytest.raises(DataError, match=r"nowhere: No such file"):
        TfRecord(path="nowhere").read(folder)
    with pytest.raises(DataError, match=rf"{folder}: there are no records \(\.tfrecord\) in it"):
        TfRecord(path=".").read(folder)


@pytest.mark.parametrize("column", ["is_crowd", "group_of", "difficult"])
def test_what_is_a_group_or_difficult_is_a_crowd(folder: Path, tensorflow: Any, column: str):
    things = (Thing("person", Box(0.1, 0.1, 0.5, 0.5)), Thing("car", Box(0.5, 0.1, 0.9, 0.5)))
    changed = {"object/is_crowd": [], f"object/{column}": [0, 1]}
    record = example(tensorflow, (folder / "a.png").read_bytes(), things, **changed)
    (found,) = written(tensorflow, folder / "a.tfrecord", [record]).read(folder)
    assert [(thing.label, thing.crowd) for thing in found.things] == [("person", False), ("car", True)]


def test_lists_of_different_lengths_are_told(folder: Path, tensorflow: Any):
    png, person = (folder / "a.png").read_bytes(), (Thing("person", Box(0.1, 0.1, 0.5, 0.5)),)
    for name, column in (("is_crowd", [0, 1]), ("bbox/ymax", [0.2, 0.3]), ("bbox/xmin", [])):
        source = written(
            tensorflow, folder / "a.tfrecord", [example(tensorflow, png, person, **{f"object/{name}": column})]
        )
        with pytest.raises(DataError, match=r"record 0: 1 of image/object/class/text, and"):
            source.read(folder)


def test_a_label_of_nothing_is_told(folder: Path, tensorflow: Any):
    record = example(tensorflow, (folder / "a.png").read_bytes(), (Thing(" ", Box(0.1, 0.1, 0.5, 0.5)),))
    with pytest.raises(DataError, match=r"record 0: image/object/class/text has an empty label"):
        written(tensorflow, folder / "a.tfrecord", [record]).read(folder)


def test_records_need_tensorflow_and_say_so(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    (folder / "a.tfrecord").write_bytes(b"?")
    with pytest.raises(ModuleNotFoundError) as found:
        TfRecord(path="a.tfrecord").read(folder, [].append)
    assert found.value.name == "tensorflow"


def labels(found: list[Labelled]) -> list[str]:
    return [thing.label for one in found for thing in one.things]


def test_pictures_of_records_are_taken_out_once(folder: Path, tensorflow: Any):
    person = (Thing("person", Box(0.1, 0.1, 0.5, 0.5)),)
    record = example(tensorflow, (folder / "a.png").read_bytes(), person)
    source = written(tensorflow, folder / "a.tfrecord", [record, record])
    before = [one.path.stat().st_mtime_ns for one in source.read(folder)]
    again = source.read(folder)
    assert labels(again) == ["person"] * 2
    assert [one.path.stat().st_mtime_ns for one in again] == before


def test_other_records_under_the_same_name_are_taken_out_again(folder: Path, tensorflow: Any):
    png, other = (folder / "a.png").read_bytes(), np.full((30, 40, 3), 9, np.uint8)
    first = written(tensorflow, folder / "a.tfrecord", [example(tensorflow, png, ())]).read(folder)
    encoded = cv2.imencode(".png", other)[1].tobytes()
    second = written(tensorflow, folder / "a.tfrecord", [example(tensorflow, encoded, ())]).read(folder)
    assert [(one.width, one.height) for one in (*first, *second)] == [(80, 60), (40, 30)]
    assert first[0].path.read_bytes() == png
