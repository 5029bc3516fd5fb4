"""The names of a model's classes, wherever they are."""

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from tapetum.errors import ConfigError, Unsuitable
from tapetum.inference.labels import check_count, find, parse


def test_labels_stand_one_a_line():
    assert parse("person\nbicycle\r\n traffic light \n\n\n") == ("person", "bicycle", "traffic light")


def test_a_first_line_of_question_marks_is_the_background_and_left_out():
    assert parse("???\nperson\n???\ncar\n") == ("person", "???", "car")


@pytest.mark.parametrize("text", ["0 person\n1 car\n", "0  person\n1  car", "1: person\n2: car", "0,person\n1,car"])
def test_numbers_before_labels_are_left_out(text: str):
    assert parse(text) == ("person", "car")


def test_where_all_are_numbered_a_gap_is_a_class_without_a_name():
    assert parse("0 person\n3 car\n2 bus") == ("person", "???", "bus", "car")


def test_a_label_that_begins_with_a_number_stays_where_others_do_not():
    assert parse("car\n3 wheeler\n") == ("car", "3 wheeler")


def test_numbers_that_name_no_class_are_refused():
    with pytest.raises(ConfigError, match="999999999"):
        parse("0 person\n999999999 car")


def test_no_text_holds_no_labels():
    assert parse("") == parse("\n\n") == ()


def model_at(folder: Path, labels: str | None = None) -> Path:
    """Write what looks like a model, with `labels` packed behind it as TFLite's metadata does."""
    path = folder / "model.tflite"
    path.write_bytes(b"\0\0\0\0TFL3" + bytes(100))
    if labels is not None:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("labels.txt", labels)
    return path


def test_the_file_named_goes_before_all_others(tmp_path: Path):
    (tmp_path / "labelmap.txt").write_text("beside")
    named = tmp_path / "mine.txt"
    named.write_text("mine")
    assert find(model_at(tmp_path, "inside"), str(named)) == ("mine",)


def test_labels_in_the_model_go_before_those_beside_it(tmp_path: Path):
    (tmp_path / "labelmap.txt").write_text("beside")
    assert find(model_at(tmp_path, "???\ninside"), "") == ("inside",)


@pytest.mark.parametrize("name", ["model.txt", "labelmap.txt", "labels.txt"])
def test_labels_beside_the_model_are_found(tmp_path: Path, name: str):
    (tmp_path / name).write_text("0 beside")
    assert find(model_at(tmp_path), "") == ("beside",)


def test_a_home_folder_may_be_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.txt").write_text("mine")
    assert find(model_at(tmp_path), "~/mine.txt") == ("mine",)


def test_without_labels_the_operator_is_told_what_to_do(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"inference\.labels: model\.tflite brings no labels; name a file"):
        find(model_at(tmp_path), "")


def test_a_file_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"inference\.labels: .*nowhere\.txt: No such file.*one label a line"):
        find(model_at(tmp_path), str(tmp_path / "nowhere.txt"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path):
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ConfigError, match="no text in UTF-8"):
        find(model_at(tmp_path), str(tmp_path / "picture.jpg"))


def test_a_file_too_large_for_labels_is_refused(tmp_path: Path):
    (tmp_path / "huge.txt").write_bytes(b"x\n" * (1 << 20))
    with pytest.raises(ConfigError, match="larger than any list of labels"):
        find(model_at(tmp_path), str(tmp_path / "huge.txt"))


def packed_behind(folder: Path, method: int, **texts: str) -> Path:
    """Write what looks like a model with these texts packed behind it."""
    path = model_at(folder)
    with zipfile.ZipFile(path, "a", method) as archive:
        for name, text in texts.items():
            archive.writestr(f"{name}.txt", text)
    return path


def test_of_several_texts_the_first_that_the_metadata_call_labels_is_taken(tmp_path: Path):
    path = packed_behind(tmp_path, zipfile.ZIP_DEFLATED, readme="read me", german="Hund", english="dog")
    assert find(path, "", ["english.txt", "german.txt"]) == ("dog",)
    assert find(path, "", ["missing.txt", "german.txt"]) == ("Hund",)
    assert find(path, "") == ("read me",)


def test_where_the_metadata_call_none_labels_those_beside_the_model_are_taken(tmp_path: Path):
    (tmp_path / "labelmap.txt").write_text("beside")
    assert find(packed_behind(tmp_path, zipfile.ZIP_STORED, readme="read me"), "", []) == ("beside",)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_no_exporter_packs_so_is_passed_over(method: int, tmp_path: Path):
    (tmp_path / "labelmap.txt").write_text("beside")
    assert find(packed_behind(tmp_path, method, labels="inside"), "") == ("beside",)


@pytest.mark.parametrize("place", range(-200, 0))
def test_a_byte_changed_in_what_is_packed_does_no_harm(place: int, tmp_path: Path):
    (tmp_path / "labelmap.txt").write_text("beside")
    path = packed_behind(tmp_path, zipfile.ZIP_DEFLATED, labels="inside\n" * 100)
    sound = path.read_bytes()
    for value in (0, 1, 6, 8, 255):
        content = bytearray(sound)
        content[place] = value
        path.write_bytes(content)
        assert find(path, "")[:1] in {("inside",), ("beside",)}


def test_of_a_large_model_only_the_end_is_read_for_its_labels(tmp_path: Path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"\0\0\0\0TFL3" + bytes(40 << 20))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "inside")
    tracemalloc.start()
    assert find(path, "") == ("inside",)
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        "{'task': 'detect', 'names': {0: 'person', 2: \"cow's\"}, 'args': {'batch': 1}}",
        '{"task": "detect", "names": {"0": "person", "2": "cow\'s"}}',
    ],
)
def test_the_table_of_a_yolo_exporter_names_the_classes(text: str):
    assert parse(text) == ("person", "???", "cow's")


def test_a_table_without_names_holds_no_labels():
    assert parse("{'names': {}}") == ()


def test_the_table_of_a_yolo_exporter_may_be_packed_as_json(tmp_path: Path):
    path = model_at(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("metadata.json", '{"names": {"0": "person"}}')
    assert find(path, "") == ("person",)


def test_a_damaged_archive_behind_the_model_is_passed_over(tmp_path: Path):
    path = model_at(tmp_path, "inside")
    content = bytearray(path.read_bytes())
    content[108:130] = bytes(22)
    path.write_bytes(content)
    (tmp_path / "labels.txt").write_text("beside")
    assert find(path, "") == ("beside",)


def test_the_labels_of_the_real_model_are_ninety(data: Path):
    labels = find(data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite", "")
    assert len(labels) == 90
    assert (labels[0], labels[2], labels[89]) == ("person", "car", "toothbrush")


def test_as_many_labels_as_classes_are_wanted():
    check_count(("a", "b"), 2, "model.tflite")
    with pytest.raises(Unsuitable, match=r"3 labels are given, and model\.tflite tells 2 classes apart"):
        check_count(("a", "b", "c"), 2, "model.tflite")


def test_a_model_that_does_not_say_how_many_classes_it_has_takes_any_labels():
    check_count(("a",), 0, "model.tflite")
