"""A teacher that is asked about each batch: what it says is the student's to say, cell by cell."""

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from tapetum.inference.tflite import Detector
from tapetum_trainer import recipe as recipes
from tapetum_trainer.augment import Augmentation, Geometry
from tapetum_trainer.errors import ModelError, RecipeError
from tapetum_trainer.feed import Feed, Feeding
from tapetum_trainer.targets import HINT
from tapetum_trainer.teachers import Guidance
from tests.trainer import boxes, tiny
from tests.trainer.labelled import street

OURS = ("person", "car")
PLAIN = Augmentation(side=tiny.SIDE, geometry=Geometry(mosaic=0.0), colour=None, conditions=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "teacher.tflite").write_bytes(tiny.network().written())
    (tmp_path / "labels.txt").write_text("person\nlorry\n")
    return tmp_path


def guidance(folder: Path, **means: tuple[str, ...]) -> Guidance:
    return Guidance(model="teacher.tflite", labels=str(folder / "labels.txt"), maps=True, means=dict(means), least=0.01)


def maps(folder: Path, pixels: Any, ours: tuple[str, ...] = OURS, **means: tuple[str, ...]) -> Any:
    found = guidance(folder, **means).imitated(folder, ours, tiny.SIDE).maps(pixels)
    return {name.removeprefix(HINT): values for name, values in found.items()}


def pictures(count: int, seed: int = 1) -> Any:
    return np.stack(tiny.pictures(count, seed))


def test_it_says_what_the_model_says_on_the_device(folder: Path):
    pixels = pictures(3)
    found = maps(folder, pixels, car=("lorry",))
    detector = Detector((folder / "teacher.tflite").read_bytes(), 1)
    for index, picture in enumerate(pixels):
        said = {tensor.spec.name: tensor.values[0] for tensor in detector.said(picture)}
        assert all(np.array_equal(found[name][index], said[name]) for name in ("heatmap", "size", "offset"))
    assert found["negative"].all()
    assert np.array_equal(found["mask"], np.where(found["heatmap"].max(-1) >= 0.01, found["heatmap"].max(-1), 0))


def test_only_the_greatest_around_is_a_centre(folder: Path):
    found = maps(folder, pictures(2))
    for heat, centres in zip(found["heatmap"][..., 0], found["positive"][..., 0], strict=True):
        wider = cv2.copyMakeBorder(heat, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        for (y, x), score in np.ndenumerate(heat):
            best = wider[y : y + 3, x : x + 3].max()
            assert centres[y, x] == (score if score == best and score >= 0.01 else 0)
        assert 0 < (centres > 0).sum() < heat.size / 2


def test_a_class_that_it_has_no_name_for_is_neither_wanted_nor_punished(folder: Path):
    found = maps(folder, pictures(1))
    assert found["negative"][..., 0].all()
    assert not found["negative"][..., 1].any()
    assert not found["heatmap"][..., 1].any()


def test_two_of_its_classes_may_be_one_of_ours(folder: Path):
    apart = maps(folder, pictures(2), ("person", "lorry"))["heatmap"]
    joined = maps(folder, pictures(2), ("thing",), thing=("person", "lorry"))["heatmap"]
    assert np.array_equal(joined, apart.max(-1)[..., None])


def test_a_teacher_of_another_grid_is_refused(folder: Path):
    with pytest.raises(RecipeError, match=r"takes 64 x 64 .* in 8 x 8 cells; .* 96 x 96 and has 12 x 12"):
        guidance(folder).imitated(folder, OURS, 96)
    with pytest.raises(ModelError, match=r"teacher\.model: .*nowhere"):
        Guidance(model="nowhere.tflite", maps=True).imitated(folder, OURS, 64)


def test_one_that_is_no_detector_of_this_trainer_is_refused(data: Path):
    ssd = data / "models/coco_ssd_mobilenet_v1_quant"
    asked = Guidance(model=str(ssd / "detect.tflite"), labels=str(ssd / "labelmap.txt"), maps=True)
    with pytest.raises(RecipeError, match="is no detector of this trainer, whose cells could be learned"):
        asked.imitated(data, OURS, 300)


def test_the_detector_that_comes_along_may_teach(tmp_path: Path):
    shipped = Guidance(model="shipped", maps=True)
    pixels = np.random.default_rng(1).integers(0, 255, (1, 256, 256, 3), np.uint8)
    (found,) = shipped.imitated(tmp_path, ("vehicle", "person"), 256).maps(pixels)[f"{HINT}heatmap"]
    (other,) = shipped.imitated(tmp_path, ("person",), 256).maps(pixels)[f"{HINT}heatmap"]
    assert found.shape == (32, 32, 2)
    assert np.array_equal(found[..., 1], other[..., 0])
    assert len(shipped.content(tmp_path)) == 64


def test_each_batch_brings_what_is_said_of_its_very_pixels(folder: Path):
    asked = guidance(folder, car=("lorry",)).imitated(folder, OURS, tiny.SIDE)
    (batch, *_) = Feed(street(4), PLAIN, Feeding(batch=2), imitated=asked).batches(0)
    assert batch.hints == ()
    assert all(np.array_equal(batch.maps[name], values) for name, values in asked.maps(batch.pixels).items())
    (batch, *_) = Feed(street(4), PLAIN, Feeding(batch=2)).batches(0)
    assert batch.maps == {}


@pytest.mark.timeout(300)
def test_a_student_comes_to_say_it_too(folder: Path):
    """Without a label; what it says of other pictures is then more than twice as near to what the teacher says."""
    import keras

    from tapetum_trainer.feed import Batch
    from tapetum_trainer.learner import Learner
    from tapetum_trainer.networks.detector import Architecture, detector
    from tapetum_trainer.scaling import real
    from tapetum_trainer.schedule import Weights
    from tapetum_trainer.targets import Truth
    from tests.trainer.learnable import TINY

    keras.utils.set_random_seed(2)
    asked = guidance(folder, car=("lorry",)).imitated(folder, OURS, tiny.SIDE)
    student = detector(Architecture(TINY, tiny.SIDE, neck=16, depth=1), len(OURS), norm=False)
    unseen = pictures(16, seed=9)
    wanted = asked.maps(unseen)[f"{HINT}heatmap"]

    def off() -> float:
        return float(np.abs(student.predict_on_batch(real(unseen))["heatmap"] - wanted).mean())

    learner, before = Learner(student, Weights(heatmap=1e-9, overlap=1e-9, distance=1e-9)), off()
    learner.compile(optimizer=keras.optimizers.AdamW(3e-3))
    nothing = Truth(np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, bool))
    for step in range(160):
        pixels = pictures(8, seed=100 + step)
        lesson = Batch(pixels, (nothing,) * len(pixels), maps=asked.maps(pixels))
        learner.train_on_batch(*learner.asked(lesson))
    print(f"off by {before:.3f} before, {off():.3f} after")
    assert off() < before / 2


# In recipes

TEACHER = '[teacher]\nmodel = "large.tflite"\n'
PASTING = "[augmentation.pasting]\nshare = 0.5\n"


def test_what_is_pasted_is_shown_to_it_too():
    with pytest.raises(RecipeError, match=r"the \[teacher\] has not seen what is pasted"):
        recipes.parse(boxes.RECIPE + TEACHER + PASTING)
    assert recipes.parse(boxes.RECIPE + TEACHER + "maps = true\n" + PASTING).teacher == Guidance(
        model="large.tflite", maps=True
    )


def test_recipes_that_could_not_say_it_keep_their_hash():
    plain = recipes.parse(boxes.RECIPE + TEACHER)
    assert plain.sha256 == "179e4e73804150e9413fe06e35fb7591d63f316ac3e67eebfe593c5337d67bbc"
    assert plain.teacher is not None
    asked = msgspec.structs.replace(plain.teacher, maps=True)
    assert msgspec.structs.replace(plain, teacher=asked).sha256 != plain.sha256
