"""A teacher guides by soft targets beside the truth: painted, moved with the picture, and learned from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapetum_trainer.augment import Augmentation, Augmenter, Geometry
from tapetum_trainer.errors import ModelError, RecipeError
from tapetum_trainer.feed import Feed, Feeding, hint, truth
from tapetum_trainer.targets import HINT, Truth, targets, with_hints
from tapetum_trainer.teachers import Guidance, Guided, Labeller, guided
from tests.trainer import tiny
from tests.trainer.labelled import Made, One, street
from tests.trainer.learnable import SIDE, picture

STILL = {"mosaic": 0.0, "scale": (1.0, 1.0), "aspect": 1.0, "balance": 0.0}
PLAIN, MIRRORED = (
    Augmentation(side=64, geometry=Geometry(**STILL, flip=flip), colour=None, conditions=None) for flip in (0.0, 1.0)
)


class Says:
    """A teacher that says the same of every picture; its labels are those of `street`."""

    labels = ("person", "car")
    key = "says"

    def __init__(self, *rows: tuple[float, ...]) -> None:
        self.said = np.array(rows, np.float32).reshape(-1, 6)

    def rows(self, _: Any) -> Any:
        return self.said


def told(pictures: Any, *rows: tuple[float, ...], least: float = 0.05, hinting: tuple[bool, ...] = (True, True)) -> Any:
    return Guided(pictures, Labeller(Says(*rows)), np.array(hinting), least)


def test_a_soft_target_is_as_high_as_the_teacher_is_sure():
    sure = Truth(np.array([[0.2, 0.2, 0.6, 0.6]], np.float32), np.array([1], np.int32), np.zeros(1, bool))
    unsure = Truth(sure.boxes, sure.classes, sure.ignored, np.array([0.3], np.float32))
    hard, soft = targets([sure], (8, 8), 2), targets([unsure], (8, 8), 2, soft=True)
    assert np.allclose(soft.heatmap, 0.3 * hard.heatmap)
    assert (hard.heatmap.max(), soft.heatmap.max()) == pytest.approx((1, 0.3))
    assert np.array_equal(soft.size, hard.size)
    assert np.allclose(soft.mask, 0.3 * hard.mask)


def test_what_the_teacher_cannot_name_is_neither_wanted_nor_punished():
    says = Truth(np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, bool), None, np.array([True, False]))
    found = with_hints([says], [says], (4, 4), 2)
    assert found[f"{HINT}negative"][..., 0].all()
    assert not found[f"{HINT}negative"][..., 1].any()
    assert not any(name.startswith(HINT) for name in with_hints([says], [], (4, 4), 2))


def test_hints_go_through_the_augmentation_with_the_picture_and_are_no_truth():
    pictures = Made(("person", "car"), [One([(0, 0.1, 0.1, 0.4, 0.4)], size=(64, 64))])
    found = told(pictures, (1, 0.4, 0.5, 0.5, 0.9, 0.9), (0, 0.04, 0.0, 0.0, 0.2, 0.2))
    example = Augmenter(found, PLAIN).example(0, 0)
    own, hints = truth(example), hint(example, found.hinting)
    assert (own.classes.tolist(), hints.classes.tolist()) == ([0], [1])
    assert hints.certainty.tolist() == pytest.approx([0.4])
    assert np.allclose(hints.boxes, [[0.5, 0.5, 0.9, 0.9]], atol=0.02)
    moved = hint(Augmenter(found, MIRRORED).example(0, 0), found.hinting)
    assert np.allclose(moved.boxes, [[0.1, 0.5, 0.5, 0.9]], atol=0.02)


def test_batches_bring_hints_where_there_is_a_teacher():
    settings = Feeding(batch=2)
    (batch, *_) = Feed(told(street(4), (1, 0.4, 0.5, 0.5, 0.9, 0.9)), PLAIN, settings).batches(0)
    assert [one.classes.tolist() for one in batch.hints] == [[1], [1]]
    (batch, *_) = Feed(street(4), PLAIN, settings).batches(0)
    assert batch.hints == ()


def test_any_model_is_a_teacher_and_is_asked_once(tmp_path: Path):
    (tmp_path / "teacher.tflite").write_bytes(tiny.network().written())
    (tmp_path / "labels.txt").write_text("person\nlorry\n")
    guidance = Guidance(
        model="teacher.tflite", labels=str(tmp_path / "labels.txt"), means={"car": ("lorry",)}, least=0.01
    )
    found = guided(street(3), guidance, tmp_path, tmp_path / "answers")
    assert found.hinting.tolist() == [True, True]
    assert len(list((tmp_path / "answers").rglob("*.npy"))) == 3
    assert any(len(found.hints(index).scores) for index in range(3))
    with pytest.raises(RecipeError, match=r"teacher\.means: no 'lorry' among person, car"):
        Guidance(model="teacher.tflite", means={"lorry": ("car",)}).guide(tmp_path, ("person", "car"))
    with pytest.raises(ModelError, match="nowhere"):
        Guidance(model="nowhere.tflite").guide(tmp_path, ("person", "car"))


# What is learned of it


class Unlabelled:
    """Painted boxes that nobody has labelled."""

    labels = ("red", "blue")

    def __init__(self, count: int) -> None:
        self.pixels = [picture((7, seed))[0] for seed in range(count)]

    def __len__(self) -> int:
        return len(self.pixels)

    def picture(self, index: int) -> Any:
        return self.pixels[index]

    def boxes(self, _: int) -> Any:
        return np.zeros((0, 4), np.float32)

    def classes(self, _: int) -> Any:
        return np.zeros(0, np.int32)

    def ignored(self, _: int) -> Any:
        return np.zeros(0, bool)

    def known(self, _: int) -> Any:
        return np.zeros(2, bool)

    def origin(self, index: int) -> str:
        return f"{index}"


class Eyes:
    """A teacher that sees what is bright red and bright blue, and is fairly sure of it."""

    labels = ("red", "blue")
    key = "eyes"

    def rows(self, pixels: Any) -> Any:
        found = []
        for number, channel in enumerate((0, 2)):
            y, x = np.nonzero(pixels[:, :, channel] == 230)
            found.append((number, 0.8, *(np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) / SIDE)))
        return np.array(found, np.float32)


@pytest.mark.timeout(300)
def test_a_student_learns_from_a_teacher_what_nobody_labelled(tmp_path: Path):
    """The same pictures: without the teacher there is nothing to be learned from, in however many epochs."""
    from tapetum_trainer.checkpoints import Checkpoints
    from tapetum_trainer.fit import fit
    from tapetum_trainer.schedule import Fit, Rates
    from tests.trainer.test_fit import found
    from tests.trainer.training import network

    shown = Augmentation(side=SIDE, geometry=Geometry(mosaic=0.0), colour=None, conditions=None)
    pictures = Unlabelled(96)
    teacher = Guided(pictures, Labeller(Eyes()), np.ones(2, bool), 0.05)
    shares = {}
    for name, source, epochs in (("alone", pictures, 4), ("taught", teacher, 40)):
        student, settings = network(), Fit(epochs=epochs, average=0.9, rates=Rates(peak=5e-3))
        fit(student, Feed(source, shown, Feeding(batch=8)), settings, Checkpoints(tmp_path / name))
        shares[name] = found(student, range(100, 140))
    print(shares)
    assert shares["alone"] <= 0
    assert shares["taught"] > 0.5
