"""A thing that is pasted is where its box says, whole, in front of what was there; and nothing else is changed."""

import json
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from tapetum_trainer.augment import Augmentation, Augmenter, Geometry, Pasting
from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.packed import packed
from tapetum_trainer.data.readers import Coco
from tapetum_trainer.errors import DataError, RecipeError
from tapetum_trainer.recipe import parse

SIDE = 128
STILL = Geometry(mosaic=0.0, scale=(1.0, 1.0), aspect=1.0, balance=0.0, flip=0.0)
RED = (250, 20, 20)
BEHIND = np.array([40, 40, 100, 100], np.float32) / 128
TRIANGLE = [30.0, 10.0, 50.0, 50.0, 10.0, 50.0]


def made(root: Path, outline: object = (TRIANGLE,), label: str = "gnome", count: int = 2) -> object:
    """`count` gray pictures of 128 x 128: in the first a red triangle lies, with its outline; in the others a box."""
    images, boxes = [], []
    for number in range(count):
        picture = np.full((128, 128, 3), 60 + 40 * number, np.uint8)
        if not number:
            cv2.fillPoly(picture, [np.array(TRIANGLE, np.int32).reshape(-1, 2)], RED[::-1])
        cv2.imwrite(str(root / f"{number}.png"), picture)
        images.append({"id": number, "file_name": f"{number}.png", "width": 128, "height": 128})
        box = [10, 10, 40, 40] if not number else [40, 40, 60, 60]
        boxes.append({"image_id": number, "category_id": 1, "bbox": box})
    boxes[0]["segmentation"] = list(outline) if isinstance(outline, tuple) else outline
    file = {"images": images, "categories": [{"id": 1, "name": label}], "annotations": boxes}
    (root / "coco.json").write_text(json.dumps(file))
    classes = Classes({label: []})
    read = [classes.of(one) for one in Coco(images=".", annotations="coco.json").read(root)]
    return packed(read, classes.names, 128, root / "packed", root)


def settings(geometry: Geometry, pasting: Pasting) -> Augmentation:
    return Augmentation(side=SIDE, seed=1, geometry=geometry, pasting=pasting, colour=None, conditions=None)


def augmenter(pictures: object, **pasting: object) -> Augmenter:
    given = {"share": 1.0, "most": 1, "edge": 0.0} | pasting
    return Augmenter(pictures, settings(STILL, Pasting(**given)))


def red(pixels: np.ndarray) -> np.ndarray:
    return np.abs(pixels.astype(int) - RED).max(axis=2) < 12


def test_what_is_pasted_lies_in_its_box_and_all_around_is_as_it_was(tmp_path: Path):
    made_of = augmenter(made(tmp_path))
    places = set()
    for epoch in range(30):
        found = made_of.example(1, epoch)
        y, x = np.nonzero(red(found.pixels))
        edges = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) / SIDE
        assert np.abs(found.boxes[-1] - edges).max() < 2.5 / SIDE
        assert (found.classes[-1], found.scores[-1], found.ignored[-1], found.hinted[-1]) == (0, 1, False, False)
        left, top, right, bottom = (found.boxes[-1] * SIDE).round().astype(int)
        around = np.ones((SIDE, SIDE), bool)
        around[top:bottom, left:right] = False
        assert (found.pixels[around] == 100).all()
        corner = found.pixels[top : top + 3, left : left + 3]
        assert (corner == 100).all(), "what lies beside the outline is not taken along"
        places.add((left, top, right - left))
    assert len(places) > 20


def test_nothing_is_pasted_by_itself_and_by_its_share_as_often(tmp_path: Path):
    pictures = made(tmp_path)
    plain = Augmenter(pictures, settings(STILL, Pasting()))
    assert not any(red(plain.example(1, epoch).pixels).any() for epoch in range(40))
    half = augmenter(pictures, share=0.5)
    assert 25 < sum(red(half.example(1, epoch).pixels).any() for epoch in range(80)) < 55


def test_what_is_behind_counts_as_far_as_it_is_seen(tmp_path: Path):
    made_of = augmenter(made(tmp_path), sizes=(0.25, 0.6), enlarged=10.0)
    seen = set()
    for epoch in range(150):
        found = made_of.example(1, epoch)
        hidden = red(found.pixels)[40:100, 40:100].mean()
        behind = found.boxes[:-1]
        if hidden > 0.93:
            assert not len(behind), "less than a tenth of it is nothing"
        elif 0.65 < hidden < 0.87:
            assert found.ignored[:-1].tolist() == [True], "less than four tenths are neither wanted nor punished"
        elif hidden < 0.55:
            assert found.ignored[:-1].tolist() == [False]
        seen.add(round(float(hidden), 1))
    assert len(seen) > 6


def test_what_lies_behind_several_is_judged_by_all_of_them(tmp_path: Path):
    made_of = augmenter(made(tmp_path), sizes=(0.2, 0.4), enlarged=10.0, most=3)
    judged = set()
    for epoch in range(200):
        found = made_of.example(1, epoch)
        hidden = red(found.pixels)[40:100, 40:100].mean()
        ours = [ignored for box, ignored in zip(found.boxes, found.ignored, strict=True) if np.allclose(box, BEHIND)]
        if 0.66 < hidden < 0.86:
            assert ours == [True]
        elif hidden < 0.54:
            assert ours == [False]
        judged.update(ours)
    assert judged == {True, False}


@pytest.mark.parametrize("outline", [[[3000.0, 10.0, 5000.0, 50.0, 1000.0, 50.0]], [[1e300] * 6]])
def test_an_outline_that_lies_elsewhere_is_none(tmp_path: Path, outline: object):
    pictures = made(tmp_path, outline)
    assert pictures.outlines(0) == ((),)
    augmenter(pictures).example(1, 0)


@pytest.mark.parametrize(("sizes", "enlarged", "least", "most"), [((0.1, 0.1), 9.0, 11, 15), ((0.9, 0.9), 1.5, 38, 44)])
def test_its_size_is_drawn_and_it_is_enlarged_no_more_than_is_said(tmp_path: Path, sizes, enlarged, least, most):
    """The triangle has 800 pixels: its root is 28, of which 1.5 times are 42; a tenth of the example is 12.8."""
    found = augmenter(made(tmp_path), sizes=sizes, enlarged=enlarged).example(1, 0)
    assert least <= np.sqrt(red(found.pixels).sum()) <= most


def test_only_the_classes_that_are_named_are_pasted(tmp_path: Path):
    pictures = made(tmp_path)
    assert not red(augmenter(pictures, classes=("rabbit",)).example(1, 0).pixels).any()
    assert red(augmenter(pictures, classes=("gnome",)).example(1, 0).pixels).any()


@pytest.mark.parametrize(
    "outline", [{"counts": [1], "size": [8, 8]}, [[1, 2, 3]], [[1, 2, 3, 4, 5, 6, 7]], ["x"], None]
)
def test_what_is_no_polygon_is_left_alone_and_the_box_stays(tmp_path: Path, outline: object):
    pictures = made(tmp_path, outline)
    assert pictures.outlines(0) == ((),)
    assert pictures.boxes(0).shape == (1, 4)
    assert not red(augmenter(pictures).example(1, 0).pixels).any()


def test_outlines_lie_in_the_packed_file_and_belong_to_what_it_is_made_from(tmp_path: Path):
    one = made(tmp_path)
    assert one.outlines(0) == ((tuple(at / 128 for at in TRIANGLE),),)
    other = made(tmp_path, ([30.0, 12.0, *TRIANGLE[2:]],))
    assert one.path != other.path


def test_the_same_lot_gives_the_same_example(tmp_path: Path):
    pictures = made(tmp_path)
    one, other = (augmenter(pictures, most=3, edge=1.0).example(1, 7) for _ in range(2))
    assert np.array_equal(one.pixels, other.pixels)
    assert np.array_equal(one.boxes, other.boxes)


def test_a_recipe_that_pastes_nothing_is_the_recipe_that_it_was():
    """A training goes on, and a card names its recipe, though recipes can say more today."""
    text = 'name = "a"\n[classes]\nperson = []\n[data]\nsource = [{ type = "frames", path = "x" }]\n'
    plain = parse(text)
    said = parse(text + "[augmentation.pasting]\nshare = 0.0\n")
    more = parse(text + "[augmentation.pasting]\nshare = 0.3\n")
    assert plain.sha256 == said.sha256 != more.sha256


def test_people_of_real_pictures_are_cut_out(data: Path, tmp_path: Path):
    root = data / "detection/tiny_coco"
    classes = Classes({"person": []})
    source = Coco(images="train2017", annotations="annotations/instances_train2017.json")
    pictures = packed([classes.of(one) for one in source.read(root)], classes.names, 416, tmp_path, root)
    drawn = [bool(outline) for index in range(len(pictures)) for outline in pictures.outlines(index)]
    assert (len(drawn), sum(drawn)) == (99, 96), "three are crowds, of which masks are given"
    before = settings(Geometry(), Pasting())
    after = msgspec.structs.replace(before, pasting=Pasting(share=1.0, most=1))
    numbers = range(len(pictures))
    few, many = (sum(len(Augmenter(pictures, one).example(at, 0).classes) for at in numbers) for one in (before, after))
    assert many > few


def test_sizes_begin_with_the_least():
    with pytest.raises(ValueError, match="the least of"):
        Pasting(sizes=(0.5, 0.1))


def test_a_picture_that_is_not_there_is_told_as_without_outlines(tmp_path: Path):
    made(tmp_path)
    (tmp_path / "1.png").unlink()
    with pytest.raises(DataError, match=r"1\.png"):
        Coco(images=".", annotations="coco.json").read(tmp_path)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('[augmentation.pasting]\nclasses = ["persn"]\n', "augmentation.pasting.classes: there is no persn"),
        ('[augmentation.pasting]\nshare = 0.2\n[teacher]\nmodel = "x.tflite"\n', "the .teacher. has not seen"),
    ],
)
def test_what_would_paste_nothing_or_be_punished_is_told(said: str, told: str):
    text = 'name = "a"\n[classes]\nperson = []\n[data]\nsource = [{ type = "frames", path = "x" }]\n'
    with pytest.raises(RecipeError, match=told):
        parse(text + said)
