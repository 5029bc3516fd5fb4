"""A folder of labelled pictures is all that a training needs: what lies in it is found, whoever wrote it and how."""

import argparse
import json
import re
import shutil
import tomllib
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from tapetum import bundle
from tapetum.scene import Box
from tapetum_trainer import tasks
from tapetum_trainer.cli import main
from tapetum_trainer.errors import DataError
from tapetum_trainer.sketch import settle
from tapetum_trainer.sketch.beginning import Beginning, beginning
from tapetum_trainer.sketch.recipe import name_of, sketched
from tests.trainer.yards import scenery

CROPS = Path("models/bundles/crops@1.tapetum").absolute()
FIVE = {"coco": "gts/coco_format_v2", "yolo": "gts/yolo_format", "voc": "gts/pascalvoc_format"} | {
    "cvat": "gts/cvat_format",
    "open-images": "gts/openimages_format",
}
SHIPPED = Beginning(
    "tapetum@3", ("person", "vehicle", "bicycle", "cat", "dog"), detector=True, network={"size": "base", "side": 256}
)


def pictures(folder: Path, count: int, first: int = 0) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number:03}.png" for number in range(first, first + count)]
    for number, name in enumerate(names, start=first):
        cv2.imwrite(str(folder / name), scenery(number))
    return names


def yolo(images: Path, labels: Path, count: int, lines: str = "0 0.5 0.5 0.4 0.4\n", first: int = 0) -> None:
    labels.mkdir(parents=True, exist_ok=True)
    for name in pictures(images, count, first):
        (labels / name).with_suffix(".txt").write_text(lines)


@pytest.mark.parametrize("kind", FIVE)
def test_the_five_formats_of_one_truth_are_found_each_by_itself(data: Path, tmp_path: Path, kind: str):
    whole = data / "detection/voc100"
    shutil.copytree(whole / "images", tmp_path / "pictures")
    shutil.copytree(whole / FIVE[kind], tmp_path / "made/by/somebody")
    values = sketched(tmp_path).values
    (source,) = values["data"]["source"]
    assert (source["type"], source["images"]) == (kind, "pictures")
    assert values["classes"].keys() >= {"person", "bicycle", "aeroplane"}
    count, shown = collected(values, tmp_path)
    assert (count, shown["person"]) == (100, 91)


def collected(values, root):
    """The number of pictures, and of what they show, of all sources of a recipe."""
    read = [one for source in tasks.of(values).data.source for one in source.read(root)]
    return len(read), Counter(thing.label for one in read for thing in one.things)


def test_pictures_that_are_labelled_in_five_formats_are_taken_once(data: Path):
    values = sketched(data / "detection/voc100").values
    assert [source["type"] for source in values["data"]["source"]] == ["coco"]


@pytest.mark.parametrize(
    ("name", "count", "splits"),
    [
        ("vehicles_openimages", 360, {"train", "valid"}),
        ("traffic_atl", 266, {"train", "valid"}),
        ("thermal_dogs_people", 183, {"train", "valid"}),
        ("coco_tiny", 80, {"auto"}),
    ],
)
def test_what_others_have_published_is_read_whole_and_split_as_they_say(data: Path, name, count, splits):
    values = sketched(data / "detection" / name).values
    assert collected(values, data / "detection" / name)[0] == count
    assert {source.get("split", "auto") for source in values["data"]["source"]} == splits


@pytest.mark.parametrize(
    ("images", "labels"),
    [("images", "labels"), ("", ""), ("images/train", "labels/train"), ("train/images", "train/labels"), ("a", "b/c")],
)
def test_yolo_is_found_wherever_it_lies(tmp_path: Path, images: str, labels: str):
    yolo(tmp_path / images, tmp_path / labels, 24)
    (tmp_path / "classes.txt").write_text("gnome\nrabbit\n")
    values = sketched(tmp_path).values
    assert list(values["classes"]) == ["gnome"]
    assert collected(values, tmp_path) == (24, {"gnome": 24})
    assert values["data"]["shares"]["valid"] > 0, "train alone is shared out"


def test_splits_are_taken_where_there_are_enough_of_them(tmp_path: Path):
    for number, split in enumerate(("train", "val", "test")):
        yolo(tmp_path / "images" / split, tmp_path / "labels" / split, 12, first=12 * number)
    (tmp_path / "data.yaml").write_text("names: [gnome]\n")
    assert [one["split"] for one in sketched(tmp_path).values["data"]["source"]] == ["test", "train", "valid"]
    shutil.rmtree(tmp_path / "labels/val")
    shutil.rmtree(tmp_path / "images/val")
    values = sketched(tmp_path).values
    assert [one.get("split") for one in values["data"]["source"]] == ["test", None]
    assert values["data"]["shares"] == {"valid": 0.15, "test": 0.0}


def test_yolo_without_names_is_told_with_what_is_wanted(tmp_path: Path):
    yolo(tmp_path / "images", tmp_path / "labels", 4)
    (tmp_path / "data.yaml").write_text("train: images\n")
    with pytest.raises(DataError, match=r"no names of their classes: data.yaml with `names:`, or classes.txt.*0 times"):
        sketched(tmp_path)


def test_where_the_folder_above_is_wanted_it_is_named(tmp_path: Path):
    yolo(tmp_path / "images", tmp_path / "labels", 4)
    with pytest.raises(DataError, match=rf"4 pictures .*; {tmp_path}/labels lies beside it: .* name {tmp_path}$"):
        sketched(tmp_path / "images")


@pytest.mark.parametrize("labels", ["notes", "empty", "numbers"])
def test_a_text_beside_pictures_is_no_label(tmp_path: Path, labels: str):
    said = {"notes": "a gnome by the pond\n", "empty": "", "numbers": "17 people on 3 days\n"}
    yolo(tmp_path, tmp_path, 3, said[labels])
    (tmp_path / "classes.txt").write_text("gnome\n")
    with pytest.raises(DataError, match=r"3 pictures are in it, and none of them has labels .* COCO json, Pascal VOC"):
        sketched(tmp_path)


def test_where_the_first_pictures_show_nothing_the_others_labels_are_found(tmp_path: Path):
    yolo(tmp_path, tmp_path, 30, "")
    yolo(tmp_path, tmp_path, 12, first=30)
    (tmp_path / "classes.txt").write_text("gnome\n")
    assert collected(sketched(tmp_path).values, tmp_path) == (42, {"gnome": 12})


def test_polygons_of_yolo_are_boxes_with_an_outline(tmp_path: Path):
    yolo(tmp_path, tmp_path, 12, "0 0.2 0.2 0.6 0.2 0.4 0.8\n")
    (tmp_path / "classes.txt").write_text("gnome\n")
    (source,) = tasks.of(sketched(tmp_path).values).data.source
    (thing,) = source.read(tmp_path)[0].things
    assert thing.box == Box(0.2, 0.2, 0.6, 0.8)
    assert thing.outline == ((0.2, 0.2, 0.6, 0.2, 0.4, 0.8),)


def test_what_one_set_did_not_look_for_is_not_taken_for_nothing(tmp_path: Path):
    for number, (name, label) in enumerate((("mine", "gnome"), ("theirs", "rabbit"))):
        yolo(tmp_path / name, tmp_path / name, 12, first=12 * number)
        (tmp_path / name / "classes.txt").write_text(f"{label}\n")
    assert [one["known"] for one in sketched(tmp_path).values["data"]["source"]] == [("gnome",), ("rabbit",)]
    (tmp_path / "theirs/classes.txt").write_text("gnome\n")
    assert not any("known" in one for one in sketched(tmp_path).values["data"]["source"])


def test_links_are_followed_and_a_circle_of_them_ends(tmp_path: Path):
    yolo(tmp_path / "far/images", tmp_path / "far/labels", 12)
    (tmp_path / "near").mkdir()
    (tmp_path / "near/classes.txt").write_text("gnome\n")
    for name in ("images", "labels"):
        (tmp_path / "near" / name).symlink_to(tmp_path / "far" / name)
    (tmp_path / "far/images/again").symlink_to(tmp_path / "near")
    assert collected(sketched(tmp_path / "near").values, tmp_path / "near") == (12, {"gnome": 12})


def test_an_annotation_of_captions_is_no_truth(tmp_path: Path):
    names = pictures(tmp_path / "images", 2)
    images = [{"id": number, "file_name": name, "width": 80, "height": 60} for number, name in enumerate(names)]
    captions = {"images": images, "categories": [], "annotations": [{"image_id": 0, "caption": "a gnome"}]}
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    with pytest.raises(DataError, match="none of them has labels"):
        sketched(tmp_path)


def test_two_files_of_one_folder_s_pictures_are_both_taken_where_they_are_of_others(tmp_path: Path):
    names = pictures(tmp_path / "images", 40)
    for split, some in (("train", names[:30]), ("val", names[30:])):
        images = [{"id": number, "file_name": name, "width": 80, "height": 60} for number, name in enumerate(some)]
        boxes = [{"image_id": number, "category_id": 7, "bbox": [8, 8, 20, 20]} for number in range(len(some))]
        file = {"images": images, "categories": [{"id": 7, "name": "gnome"}], "annotations": boxes}
        (tmp_path / f"{split}.json").write_text(json.dumps(file))
    values = sketched(tmp_path).values
    assert [one["split"] for one in values["data"]["source"]] == ["train", "valid"]
    assert collected(values, tmp_path) == (40, {"gnome": 40})


def test_what_there_are_too_few_of_is_left_out_and_told(tmp_path: Path):
    yolo(tmp_path, tmp_path, 30)
    (tmp_path / "classes.txt").write_text("gnome\nrabbit\n")
    (tmp_path / "003.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    found = sketched(tmp_path)
    assert list(found.values["classes"]) == ["gnome"]
    assert "left out, since there are too few of them to learn from: rabbit (1)" in found.told


def test_a_class_that_is_shown_in_the_test_alone_is_left_out(tmp_path: Path):
    for number, (split, kind) in enumerate((("train", 0), ("valid", 0), ("test", 1))):
        yolo(tmp_path / split, tmp_path / split, 12, f"{kind} 0.5 0.5 0.4 0.4\n", first=12 * number)
    (tmp_path / "classes.txt").write_text("gnome\nrabbit\n")
    assert list(sketched(tmp_path).values["classes"]) == ["gnome"]


def test_what_is_probably_not_meant_is_told_and_of_much_the_first(tmp_path: Path):
    yolo(tmp_path, tmp_path, 20, "0 0.5 0.5 0.4 0.4\n")
    (tmp_path / "classes.txt").write_text("gnome\n")
    assert not any("no file of labels" in one for one in sketched(tmp_path).told)
    gone = min(one for one in tmp_path.glob("*.txt") if one.stem != "classes")
    gone.unlink()
    (name,) = [one.name for one in tmp_path.iterdir() if one.stem == gone.stem]
    wanted = f"1 of 20 pictures have no file of labels there, and count as showing nothing; the first is {name}"
    assert sketched(tmp_path).told[-1].endswith(wanted)
    for stray in ("a", "b", "c"):
        (tmp_path / f"{stray}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    told = sketched(tmp_path).told
    assert wanted in " ".join(told), "of all doubts it is told first"
    assert told[-1] == "and 1 more: `tapetum-trainer dataset check` tells them"


def test_other_words_for_what_a_bundle_knows_mean_its_classes(tmp_path: Path):
    lines = "".join(f"{number} 0.{number + 2} 0.5 0.1 0.4\n" for number in range(4))
    yolo(tmp_path, tmp_path, 20, lines)
    (tmp_path / "classes.txt").write_text("Pedestrian\ngnome\ncar\nTruck\n")
    found = sketched(tmp_path, SHIPPED)
    assert found.values["classes"] == {"person": ["Pedestrian"], "vehicle": ["car", "Truck"], "gnome": []}
    assert found.values["network"] == {"size": "base", "side": 256}
    assert "known to tapetum@3, not shown here, and not told by what comes of it: bicycle, cat, dog" in found.told
    assert "Pedestrian" in sketched(tmp_path).values["classes"], "by itself each is what it is called"


def test_pictures_in_a_folder_for_each_class_are_for_a_classifier(tmp_path: Path):
    for number, name in enumerate(("person", "postman", "nothing")):
        pictures(tmp_path / name, 12, first=12 * number)
    values = sketched(tmp_path).values
    assert values["task"] == "classification"
    assert list(values["classes"]) == ["person", "postman"]
    assert values["background"] == {"labels": ["nothing"]}
    assert collected(values, tmp_path)[0] == 36
    with pytest.raises(DataError, match="have no boxes; tapetum@3 is a detector"):
        sketched(tmp_path, SHIPPED)


@pytest.mark.parametrize("few", [5, 20, 100])
def test_whatever_their_number_there_is_something_to_train_on_and_to_choose_by(tmp_path: Path, few: int):
    yolo(tmp_path, tmp_path, few)
    (tmp_path / "classes.txt").write_text("gnome\n")
    values = sketched(tmp_path).values
    assert values["feeding"]["batch"] <= few
    tasks.of(values)


@pytest.mark.parametrize("few", [1, 2])
def test_with_next_to_no_pictures_it_is_said_that_they_are_too_few(tmp_path: Path, few: int):
    yolo(tmp_path, tmp_path, few)
    (tmp_path / "classes.txt").write_text("gnome\n")
    with pytest.raises(DataError, match=f"{few} pictures are too few to train on some"):
        sketched(tmp_path)


def test_a_finished_training_beside_the_pictures_is_none_of_them(tmp_path: Path):
    yolo(tmp_path, tmp_path, 12)
    (tmp_path / "classes.txt").write_text("gnome\n")
    run = tmp_path / "yard@1"
    yolo(run, run, 5)
    (run / "journal.jsonl").write_text("")
    assert collected(sketched(tmp_path).values, tmp_path)[0] == 12


@pytest.mark.parametrize(
    ("folder", "name"),
    [("yard", "yard"), ("My yard (2025)", "my-yard-2025"), ("__", "pictures"), ("é" * 3, "pictures")],
)
def test_a_folder_s_name_becomes_a_bundle_s(tmp_path: Path, folder: str, name: str):
    assert name_of(tmp_path / folder) == name


@pytest.mark.parametrize(
    ("file", "size"), [("tapetum@3", "base"), ("tapetum-small@1", "small"), ("tapetum-nano@1", "nano")]
)
def test_the_network_of_a_bundle_is_known_by_its_weights(file: str, size: str):
    found = beginning(Path(f"models/bundles/{file}.tapetum"))
    assert (found.network, found.detector) == ({"size": size, "side": 256}, True)
    assert found.labels == ("person", "vehicle", "bicycle", "cat", "dog")


def test_of_a_classifier_s_bundle_too():
    found = beginning(Path("models/bundles/crops@1.tapetum"))
    assert (found.network["size"], found.detector, found.labels) == ("small", False, ("person", "vehicle", "animal"))


@pytest.fixture
def yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of painted boxes in YOLO's format, and an empty one where the command is called."""
    folder = tmp_path / "yard"
    random = np.random.default_rng(1)
    (folder / "labels").mkdir(parents=True)
    (folder / "images").mkdir()
    for number in range(40):
        kind, x, y = number % 2, *random.uniform(0.3, 0.7, 2)
        picture = np.full((96, 96, 3), random.integers(60, 120), np.uint8)
        left, top = int(96 * x) - 16, int(96 * y) - 16
        picture[top : top + 32, left : left + 32] = ((0, 0, 255), (255, 0, 0))[kind]
        picture[:8] = random.integers(0, 256, (8, 96, 3))
        cv2.imwrite(str(folder / f"images/{number}.png"), picture)
        (folder / f"labels/{number}.txt").write_text(f"{kind} {x} {y} 0.3333 0.3333\n")
    (folder / "data.yaml").write_text("names: [red, blue]\n")
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    return folder


@pytest.mark.timeout(600)
def test_one_command_and_a_folder_make_a_bundle(yard: Path, capsys: pytest.CaptureFixture[str]):
    """The recipe that it writes is made smaller, as its first line invites to, and the same command trains by it."""
    settle(argparse.Namespace(command="train", recipe=yard, data=Path()))
    said = capsys.readouterr().out
    assert "40 pictures: yolo in images" in said
    assert "classes, with how many things there are: blue (20), red (20)" in said
    recipe = Path("yard.toml")
    assert recipe.read_text().startswith(
        f"# Of what lies in {yard}, written by tapetum-trainer.\n# Change what you like"
    )
    changed = re.sub(r"epochs = \d+", "epochs = 2", recipe.read_text())
    changed = changed.replace('size = "small"', 'size = "pico"\npretrained = false').replace("side = 256", "side = 96")
    changed += '[quantization]\npictures = 16\naware = { when = "never" }\n[acceptance]\nquantization = 100.0\n'
    recipe.write_text(changed)
    assert main(["train", str(yard)]) == 0
    assert "yard.toml: the recipe of" in capsys.readouterr().out
    spec = bundle.open(Path("yard@1/yard@1.tapetum")).spec()
    assert (spec.name, spec.labels) == ("yard@1", ("blue", "red"))
    assert main(["evaluate", "yard@1/yard@1.tapetum", str(yard)]) == 0
    assert "yard@1: " in capsys.readouterr().out


@pytest.mark.timeout(600)
def test_the_detector_that_comes_along_goes_on_with_a_folder(yard: Path, capsys: pytest.CaptureFixture[str]):
    (yard / "data.yaml").write_text("names: [Pedestrian, car]\n")
    assert main(["fine-tune", "shipped", str(yard), "--minutes", "0.001"]) == 0
    said = capsys.readouterr().out
    assert "person (20: Pedestrian), vehicle (20: car)" in said
    assert tomllib.loads(Path("yard.toml").read_text())["network"] == {"size": "base", "side": 256}
    assert "the same command goes on from there" in said


def test_what_a_folder_shows_is_told_without_leaving_a_recipe_there(yard: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["dataset", "check", str(yard)]) == 0
    assert "40 pictures" in capsys.readouterr().out
    assert not list(Path().iterdir())


def test_a_recipe_that_was_written_for_another_folder_or_bundle_is_not_taken(
    yard: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.copytree(yard, tmp_path / "other/yard")
    settle(argparse.Namespace(command="train", recipe=yard, data=Path()))
    assert main(["dataset", "check", str(tmp_path / "other/yard")]) == 78
    assert f"was written for something else: Of what lies in {yard}" in capsys.readouterr().err
    assert main(["fine-tune", str(CROPS), str(yard)]) == 78
    assert "Move it, or name it in the folder's place" in capsys.readouterr().err
    assert main(["dataset", "check", str(yard)]) == 0


def test_of_two_folders_with_the_same_names_each_keeps_its_own_labels(tmp_path: Path):
    """One of the labels has lost its picture; and COCO's files lie apart from the pictures of their split."""
    for camera, count in (("cam1", 20), ("cam2", 30)):
        yolo(tmp_path / camera, tmp_path / camera, count)
    (tmp_path / "cam1/020.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "classes.txt").write_text("gnome\n")
    sources = sketched(tmp_path).values["data"]["source"]
    assert [(one["images"], one["labels"]) for one in sources] == [("cam1", "cam1"), ("cam2", "cam2")]
    coco = tmp_path / "coco"
    for split in ("train", "val", "test"):
        names = pictures(coco / split, 30)
        for number, name in enumerate(names):
            cv2.imwrite(str(coco / split / name), scenery(1000 * len(split) + number))
        images = [{"id": number, "file_name": name, "width": 80, "height": 60} for number, name in enumerate(names)]
        boxes = [{"image_id": number, "category_id": 7, "bbox": [8, 8, 20, 20]} for number in range(30)]
        file = {"images": images, "categories": [{"id": 7, "name": "gnome"}], "annotations": boxes}
        (coco / "annotations").mkdir(exist_ok=True)
        (coco / f"annotations/instances_{split}.json").write_text(json.dumps(file))
    found = sketched(coco).values["data"]["source"]
    assert sorted((one["images"], one["split"]) for one in found) == [
        ("test", "test"),
        ("train", "train"),
        ("val", "valid"),
    ]


def test_links_that_lead_nowhere_and_lines_that_are_cut_off_are_passed_over(tmp_path: Path):
    yolo(tmp_path, tmp_path, 12)
    (tmp_path / "classes.txt").write_text("gnome\n")
    (tmp_path / "000.txt").unlink()
    (tmp_path / "000.txt").symlink_to("nowhere")
    (tmp_path / "boxes.csv").write_text("Source,ImageID,LabelName,XMin,XMax,YMin,YMax\nx\nx,000,gnome,0,1,0,1\n")
    assert sketched(tmp_path).values["data"]["source"][0]["type"] == "yolo"


def test_calibrating_by_a_folder_keeps_the_order_of_the_bundle_s_classes(yard: Path):
    (yard / "data.yaml").write_text("names: [vehicle, person]\n")
    settle(argparse.Namespace(command="calibrate", recipe=yard, data=Path(), bundle=Path("shipped")))
    options = argparse.Namespace(command="calibrate", recipe=yard, data=Path(), bundle=Path("shipped"))
    settle(options)
    assert list(tasks.load(options.recipe).meaning.names) == ["person", "vehicle"]


def test_where_no_recipe_can_be_written_it_is_said_where(yard: Path, capsys: pytest.CaptureFixture[str]):
    Path("yard.toml").symlink_to("nowhere/yard.toml")
    assert main(["train", str(yard)]) == 78
    assert "desk/yard.toml: the recipe cannot be written: No such file" in capsys.readouterr().err


def test_a_folder_without_labels_is_told_with_what_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pictures(tmp_path / "album", 3)
    assert main(["train", str(tmp_path / "album")]) == 78
    assert "album: 3 pictures are in it, and none of them has labels that could be read here" in capsys.readouterr().err
