"""TensorFlow's records with pictures in them."""

import importlib.util
import struct
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
        "this is no picture that can be read",
        "0 of image/object/class/text, and 1, 1, 1, 1 edges of boxes",
        "the box (0.1, 0.1, 0.05, 0.5) is none in the picture",
    ]
    assert [error.where.rpartition("/")[2] for error in told if "picture that" not in error.what] == [
        f"a.tfrecord, record {at}" for at in (1, 2, 4, 5)
    ]


def test_a_file_of_records_that_is_cut_off_or_none_is_told(folder: Path, tensorflow: Any):
    source = written(tensorflow, folder / "a.tfrecord", [example(tensorflow, (folder / "a.png").read_bytes(), ())])
    whole = (folder / "a.tfrecord").read_bytes()
    for content in (whole[:-3], b"no records at all, whatever they are", struct.pack("<Q", 1 << 60) + whole[8:]):
        (folder / "a.tfrecord").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.tfrecord: no file of records that can be read"):
            source.read(folder)
    with pytest.raises(DataError, match=r"nowhere: No such file"):
        TfRecord(path="nowhere").read(folder)


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
