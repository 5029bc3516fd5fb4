"""Crops for a classifier: cut as the device cuts them, background where nothing is, and folders of classes."""

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapetum.inference.crops import around
from tapetum.scene import Box
from tapetum_trainer import tasks
from tapetum_trainer.cli import main
from tapetum_trainer.crops.background import Meaning, places
from tapetum_trainer.crops.cut import crops
from tapetum_trainer.crops.recipe import CropRecipe
from tapetum_trainer.crops.sets import opened
from tapetum_trainer.crops.settings import BACKGROUND, Background, Cutting
from tapetum_trainer.data.readers import Folders
from tapetum_trainer.data.sample import Labelled, Thing
from tapetum_trainer.errors import DataError, Doubt, RecipeError
from tests.trainer.things import RECIPE, painted, sorted_out

SIDE = 96


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def labelled(*things: Thing, width: int = 640, height: int = 360, known: frozenset[str] | None = None) -> Labelled:
    return Labelled(Path("yard.jpg"), width, height, things, known)


edges = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.03, 1), st.floats(0.03, 1))


@given(edges, st.sampled_from([(640, 360), (360, 640), (1920, 1080), (97, 53)]))
def test_a_crop_is_what_the_device_would_cut_around_the_thing(given: Any, size: tuple[int, int]):
    left, top, width, height = given
    thing = Thing("person", Box(left, top, min(1.0, left + width), min(1.0, top + height)))
    (crop,) = crops([labelled(thing, width=size[0], height=size[1])], Cutting(smallest=1), SIDE)
    wanted = around(thing.box, 0.15, size, (SIDE, SIDE)).pixels((size[1], size[0]))
    assert crop.cut is not None
    found = crop.cut.pixels((size[1], size[0]))
    assert np.abs(np.array(found) - wanted).max() <= 1
    frame = np.zeros((size[1], size[0]), np.uint8)
    assert frame[crop.cut.slices(frame)].shape == (crop.height, crop.width)
    ((moved,),) = [crop.things]
    back = Box(
        *(
            start + edge * length
            for edge, start, length in zip(
                (moved.box.left, moved.box.top, moved.box.right, moved.box.bottom),
                (crop.cut.left, crop.cut.top) * 2,
                (crop.cut.width, crop.cut.height) * 2,
                strict=True,
            )
        )
    )
    assert back.iou(thing.box) > 0.99 or max(crop.width, crop.height) < 8


def test_of_what_is_small_or_a_crowd_no_crop_is_cut():
    box, small = Box(0.2, 0.2, 0.4, 0.6), Box(0.5, 0.5, 0.51, 0.52)
    picture = labelled(Thing("person", box), Thing("person", small), Thing("person", box, crowd=True))
    assert [crop.things[0].label for crop in crops([picture], Cutting(), SIDE)] == ["person"]


def test_background_is_cut_where_nothing_at_all_is_labelled_and_always_the_same():
    things = [Thing("person", Box(0.0, 0.0, 0.4, 0.5)), Thing("tree", Box(0.6, 0.5, 0.9, 0.9))]
    settings = Background(each=6, sizes=(0.05, 0.3))
    found = places(labelled(*things), settings, seed=1)
    assert len(found) >= 3
    for place in found:
        assert place.label == BACKGROUND
        assert all(place.box.overlap(thing.box) == 0 for thing in things)
        assert all(place.box.overlap(other.box) == 0 for other in found if other is not place)
    assert found == places(labelled(*things), settings, seed=1)
    assert found != places(labelled(*things), settings, seed=2)


def test_of_a_picture_in_which_a_class_was_not_looked_for_there_is_no_background():
    meaning = Meaning({"person": (), "car": ("van",)}, {}, Background(each=2), 1)
    assert meaning.names == ("person", "car", BACKGROUND)
    for known, wanted in ((None, 2), (frozenset({"person", "van"}), 2), (frozenset({"person"}), 0), (frozenset(), 0)):
        assert len(meaning.of(labelled(known=known)).things) == wanted
    assert Meaning({"person": ()}, {}, None).of(labelled()).things == ()


def test_a_picture_that_is_full_has_no_background_and_a_label_may_mean_it():
    meaning = Meaning({"person": ()}, {}, Background(labels=("kite",)), 1)
    full = labelled(Thing("kite", Box(0.0, 0.0, 1.0, 1.0)))
    assert [thing.label for thing in meaning.of(full).things] == [BACKGROUND]


def test_folders_are_classes_and_what_is_wrong_in_them_is_told(tmp_path: Path):
    sorted_out(tmp_path)
    (tmp_path / "sorted/empty").mkdir()
    (tmp_path / "sorted/red/broken.png").write_bytes(b"no picture")
    told: list[DataError] = []
    found = Folders(path="sorted").read(tmp_path, told.append)
    assert {picture.things[0].label for picture in found} == {"red", "azure", "none"}
    assert len(found) == 90
    assert all(picture.things[0].box == Box(0, 0, 1, 1) for picture in found)
    assert [(type(error), Path(error.where).name) for error in told] == [(Doubt, "empty"), (DataError, "broken.png")]
    with pytest.raises(DataError, match="one for each class is wanted"):
        Folders(path="sorted/red").read(tmp_path)


FOLDERS = """
like = "things.toml"
name = "sorted"
data.shares = { valid = 0.2, test = 0.2 }
background = { each = 0, labels = ["none"] }
[[data.source]]
type = "folders"
path = "sorted"
"""


def test_what_fills_its_picture_is_taken_whole_with_gray_beside_it_where_it_is_not_square(tmp_path: Path):
    painted(tmp_path)
    sorted_out(tmp_path)
    (tmp_path / "sorted.toml").write_text(FOLDERS)
    recipe = tasks.load(tmp_path / "sorted.toml")
    assert isinstance(recipe, CropRecipe)
    sets = opened(recipe, tmp_path)
    found = sets.crops("train")
    assert found.labels == ("red", "blue", BACKGROUND)
    assert sum(len(sets.crops(split)) for split in ("train", "valid", "test")) == 90  # type: ignore[arg-type]
    for index in range(len(found)):
        pixels, (box,) = found.picture(index), found.boxes(index)
        own = cv2.imread(str(tmp_path / found.origin(index)))
        assert own is not None
        height, width, _ = own.shape
        assert pixels.shape == (max(height, width),) * 2 + (3,)
        left, top, right, bottom = (box * len(pixels)).round().astype(int)
        assert np.array_equal(pixels[top:bottom, left:right], own[:, :, ::-1])
        beside = pixels.astype(int).sum() - pixels[top:bottom, left:right].astype(int).sum()
        assert beside == 128 * 3 * (len(pixels) ** 2 - height * width)


def test_crops_lie_where_their_picture_does_and_are_those_of_the_picture(tmp_path: Path):
    recipe = tasks.load(painted(tmp_path))
    assert isinstance(recipe, CropRecipe)
    sets = opened(recipe, tmp_path)
    origins = {split: {sets.crops(split).origin(index) for index in range(len(sets.crops(split)))} for split in SPLITS}
    assert not origins["train"] & origins["valid"]
    assert not origins["train"] & origins["test"]
    found = sets.crops("valid")
    for index in range(len(found)):
        box, pixels = (found.boxes(index)[0] * len(found.picture(index))).round().astype(int), found.picture(index)
        inner = pixels[box[1] : box[3], box[0] : box[2]].reshape(-1, 3).mean(axis=0)
        bright = {0: [True, False, False], 1: [False, False, True], 2: [False] * 3}[int(found.truth[index])]
        assert (inner > 150).tolist() == bright


SPLITS: tuple[Any, ...] = ("train", "valid", "test")


def test_another_cut_is_another_set(tmp_path: Path):
    recipe = tasks.load(painted(tmp_path))
    assert isinstance(recipe, CropRecipe)
    other = replace_context(recipe, 0.5)
    one, two = (opened(given, tmp_path).crops("valid") for given in (recipe, other))
    assert one.key != two.key
    assert len(one.picture(0)) <= len(two.picture(0))


def replace_context(recipe: CropRecipe, context: float) -> CropRecipe:
    return msgspec.structs.replace(recipe, cutting=msgspec.structs.replace(recipe.cutting, context=context))


def test_a_report_counts_the_crops_of_background_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["dataset", "check", str(painted(tmp_path)), "--data", str(tmp_path)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].split() == ["split", "pictures", "red", "blue", "background"]
    assert sum(int(line.split()[4]) for line in told[1:4]) > 50


YOLO = 'type = "yolo"\nimages = "images"\nlabels = "labels"\nnames = ["red", "azure"]\n'
WRONG = [
    ('blue = ["azure"]\n[background]\neach = 1\nsizes = [0.15, 0.4]\n', "", "two at least are told"),
    ("red = []\n", "background = []\nred = []\n", r"classes.background: the table \[background\] makes it"),
    ("sizes = [0.15, 0.4]", "sizes = [0.4, 0.1]", "the least comes first"),
    ("side = 96\n", "side = 97\n", "network.side"),
    ("epochs = 8", "epochs = 8\nweights = { classes = { green = 2.0 } }", "fit.weights.classes.green: there is no"),
    ("[feeding]", "[augmentation.geometry]\nmosaic = 0.5\n[feeding]", "augmentation.geometry.mosaic"),
    ("[feeding]", "[augmentation.pasting]\nshare = 0.3\n[feeding]", "augmentation.pasting: an example is one crop"),
    (YOLO, 'type = "frames"\npath = "images"\n', "nobody has said what frames show"),
    ("smallest = 8.0", "smalest = 8.0", "smalest"),
]


@pytest.mark.parametrize(("old", "new", "told"), WRONG)
def test_a_recipe_that_cannot_be_used_is_told_with_its_key(tmp_path: Path, old: str, new: str, told: str):
    assert old in RECIPE
    (tmp_path / "wrong.toml").write_text(RECIPE.replace(old, new))
    with pytest.raises(RecipeError, match=told):
        tasks.load(tmp_path / "wrong.toml")


def test_folders_of_classes_are_nothing_for_a_detector(tmp_path: Path):
    text = 'name = "a"\n[classes]\nred = []\n[data]\nsource = [{ type = "folders", path = "sorted" }]\n'
    (tmp_path / "detector.toml").write_text(text)
    with pytest.raises(RecipeError, match='have no boxes; task = "classification" takes them'):
        tasks.load(tmp_path / "detector.toml")


def test_where_a_class_is_too_small_to_be_cut_it_is_told(tmp_path: Path):
    recipe = tasks.load(painted(tmp_path, RECIPE.replace("smallest = 8.0", "smallest = 40.0")))
    assert isinstance(recipe, CropRecipe)
    with pytest.raises(DataError, match=r"no picture to train on shows: red, blue.*cutting.smallest"):
        opened(recipe, tmp_path).crops("train")
