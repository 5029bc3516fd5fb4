"""A classifier of crops: trained by one command, in int8, taken by a device, and judged beside others."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
import pytest

from tapetum import bundle
from tapetum.inference.answers import answer
from tapetum.inference.crops import around
from tapetum.inference.decode import Classification
from tapetum.inference.model import Crop
from tapetum.inference.preprocess import Preprocessor
from tapetum.inference.probes import check
from tapetum.inference.tflite import Detector
from tapetum.scene import Box
from tapetum_trainer import tasks
from tapetum_trainer.checkpoints import arrays_of, read
from tapetum_trainer.cli import main
from tapetum_trainer.crops.figures import figures, flat
from tapetum_trainer.crops.learner import Learner
from tapetum_trainer.crops.recipe import CropRecipe
from tapetum_trainer.crops.sets import opened
from tapetum_trainer.crops.settings import Fit, Weights
from tapetum_trainer.crops.tempered import temperature
from tapetum_trainer.crops.training import CropTraining, going_on, shown
from tapetum_trainer.folded import Start, weights_of
from tapetum_trainer.networks.classifier import ClassifierArchitecture, classifier
from tapetum_trainer.networks.classifiers import CLASSIFIERS
from tapetum_trainer.operators import inventory
from tapetum_trainer.pairs import legalised
from tapetum_trainer.sampling import Sampler, Sampling
from tapetum_trainer.targets import Truth
from tapetum_trainer.weights import SOURCES, slimmed
from tests.inference.tiny_frames import of_picture
from tests.trainer import boxes
from tests.trainer.learnable import TINY, Lesson, picture
from tests.trainer.things import RECIPE, painted, small

pytestmark = pytest.mark.timeout(600)
SIDE = 96


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pictures with labels, and a recipe."""
    found = tmp_path_factory.mktemp("things")
    painted(found)
    return found


def given(folder: Path) -> list[str]:
    return [str(folder / "things.toml"), "--data", str(folder)]


@pytest.fixture(scope="module")
def made(folder: Path) -> Path:
    """The bundle that the command makes."""
    order = ["train", *given(folder), "--folder", str(folder / "run")]
    assert main([*order, "--minutes", "0.001"]) == 0
    assert not (folder / "run/things@2.tapetum").exists()
    assert main(order) == 0
    return folder / "run/things@2.tapetum"


# --- what comes out


def test_a_recipe_becomes_a_bundle_that_a_device_takes_and_whose_probes_it_answers(made: Path):
    spec = bundle.open(made).spec()
    assert (spec.name, spec.labels, set(spec.min_score)) == ("things@2", ("red", "blue", "???"), {"red", "blue"})
    assert spec.contract is not None
    assert spec.contract.decoder == Classification(scores="probability", most=1)
    assert (spec.contract.input.size, spec.contract.input.dtype, spec.contract.input.fit) == (
        (SIDE, SIDE),
        "int8",
        "letterbox",
    )
    assert {one.label for probe in spec.probes for one in probe.expected} == {"red", "blue"}
    assert any(not probe.expected for probe in spec.probes), "one shows background, of which nothing is told"
    detector = Detector(spec.content, 1, spec.contract)
    trial = check(spec, "cpu", lambda asked: ([detector.detect(one, 0.3) for one in asked], 1.0), 0.3)
    assert trial.probes == len(spec.probes)


def test_a_device_is_told_what_a_crop_of_its_own_shows(made: Path):
    """Pictures that were not trained with, in a frame, cut by the device around each thing."""
    spec = bundle.open(made).spec()
    assert spec.contract is not None
    detector, maker = Detector(spec.content, 1, spec.contract), Preprocessor(spec.contract.input)
    right = 0
    for seed in range(200, 220):
        seen, truth = picture(seed)
        frame = of_picture(seen)
        for label, edges in zip(("red", "blue"), truth.boxes, strict=True):
            box = around(Box(*map(float, edges)), 0.15, frame.size, spec.contract.input.size)
            shown, area = maker.crop(frame, box)
            told = answer(spec, Crop(1, area, shown), detector.detect(shown, 0.01), 0.3)
            assert not told.places
            right += [one.label for one in told.detections] == [label]
    assert right >= 32, "of 40"


def test_of_background_a_device_is_told_nothing(made: Path):
    spec = bundle.open(made).spec()
    assert spec.contract is not None
    detector = Detector(spec.content, 1, spec.contract)
    dim = [np.random.default_rng(seed).integers(0, 60, (SIDE, SIDE, 3), np.uint8) for seed in range(10)]
    told = [answer(spec, Crop(1, Box(0, 0, 1, 1), one), detector.detect(one, 0.01), 0.3).detections for one in dim]
    assert sum(not one for one in told) >= 8


@pytest.mark.parametrize(("accelerator", "left"), [("cpu", {"SOFTMAX"}), ("edgetpu", set())])
def test_every_operator_of_it_is_int8_and_an_accelerator_takes_all_but_the_last(
    made: Path, accelerator: str, left: set[str]
):
    """XNNPACK leaves the softmax of a few numbers to the runtime."""
    content = bundle.open(made).spec().content
    found = inventory(legalised(content) if accelerator == "edgetpu" else content)
    assert {one.kind for one in found.operators if one.refused[accelerator]} == left
    assert {dtype for one in found.operators for dtype in one.dtypes} == {"int8"}


def test_its_figures_are_told_of_float_and_int8_by_class_and_what_is_taken_for_what(made: Path):
    opened_ = bundle.open(made)
    metrics = opened_.manifest.metrics
    assert {"top1", "balanced", "float/top1", "float/balanced", "recall/red", "precision/blue"} <= metrics.keys()
    assert metrics["balanced"] >= 0.8
    card = made.with_suffix(".md").read_text()
    assert "Says whether a crop shows red, blue, or none of them." in card
    assert "| is, and is said | red | blue | background |" in card
    assert re.search(r"int8 loses -?\d+\.\d \+- \d+\.\d points", card)
    assert "painted boxes" in card
    assert opened_.contents["card.md"].decode() == card
    bill = json.loads(made.with_suffix(".cdx.json").read_bytes())
    assert "keras" in {one["name"] for one in bill["components"]}
    assert opened_.manifest.provenance.recipe.startswith("recipe ")


# --- judged beside others


def test_it_is_judged_by_its_crops(made: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    told = folder / "told.json"
    order = ["evaluate", str(made), *given(folder), "--conditions", "--json", str(told)]
    assert main(order) == 0
    out = capsys.readouterr().out
    assert re.search(r"things@2: \d+ crops, top-1 0\.\d+, balanced", out) or "top-1 1.000" in out
    found = json.loads(told.read_text())
    metrics = bundle.open(made).manifest.metrics
    assert found["figures"]["balanced"] == pytest.approx(metrics["balanced"], abs=1e-6)
    assert sum(map(sum, found["figures"]["matrix"])) == found["figures"]["crops"]
    assert set(found["conditions"]) == {"night", "infrared", "haze", "motion", "h264"}


def test_two_are_compared_on_the_same_crops(made: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["compare", str(made), str(made), *given(folder)]) == 0
    out = capsys.readouterr().out
    assert "Right where the other one is wrong: things@2 0 crops, things@2 0" in out
    assert "1 thread, this machine" in out


def test_a_detector_may_stand_beside_it_and_counts_by_its_surest_answer(
    made: Path, folder: Path, data: Path, capsys: pytest.CaptureFixture[str]
):
    detector = Path("models/bundles/tapetum-small@1.tapetum")
    assert main(["compare", str(detector), str(made), *given(folder), "--means", "red=person"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"Right where the other one is wrong: tapetum-small@1 \d+ crops, things@2 \d+", out)


def test_what_cannot_be_asked_of_it_is_told(made: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "boxes.toml").write_text(boxes.RECIPE)
    detection = [str(folder / "boxes.toml"), "--data", str(folder)]
    for order, status, told in (
        (["evaluate", str(made), *detection], 1, 'and not where; a recipe with task = "classification" judges it'),
        (["compare", str(made), str(made), *detection], 1, "and not where; a recipe with task"),
        (["pace", *given(folder)], 78, "task: it is classification; pace takes recipes of detectors"),
        (["tune", *given(folder)], 78, "task: it is classification; tune takes recipes of detectors"),
        (["calibrate", str(made), *given(folder)], 78, "calibrate takes recipes of detectors"),
        (["train", *given(folder), "--workers", "2"], 78, "--workers: it is of detectors"),
        (["train", *given(folder), "--layers"], 78, "--layers: it is of detectors"),
        (["evaluate", str(made), *given(folder), "--html", "a.html"], 78, "--html: a page is made of a detector's"),
        (["compare", str(made), str(made), *given(folder), "--conditions"], 78, "--conditions: two classifiers are"),
        (["evaluate", str(made), *given(folder), "--means", "green=red"], 78, "OURS of red, blue, background"),
    ):
        assert main(order) == status, order
        assert told in capsys.readouterr().err, order


def other_classes(folder: Path) -> Path:
    """Return a recipe with a new class before one that is known."""
    text = RECIPE.replace("red = []\nblue", "green = []\nblue").replace('names = ["red"', 'names = ["green"')
    (folder / "next.toml").write_text(text.replace("version = 2", "version = 3").replace("epochs = 8", "epochs = 1"))
    return folder / "next.toml"


def test_what_goes_on_from_a_bundle_begins_with_the_classes_that_it_knows(made: Path, folder: Path, tmp_path: Path):
    """The background among them, which has no name in a bundle."""
    recipe = tasks.load(other_classes(tmp_path))
    assert isinstance(recipe, CropRecipe)
    spec = bundle.open(made).spec()
    began = CropTraining(opened(recipe, folder), tmp_path, going_on(Start(spec.content, spec.labels))).network()
    kernel, bias = began.get_layer("logits").get_weights()
    old = weights_of(spec.content)["logits"]
    for new, place in ((1, 1), (2, 2)):  # blue and the background
        assert np.array_equal(kernel[:, new], old[0][:, place])
        assert bias[new] == old[1][place]
    assert not np.array_equal(kernel[:, 0], old[0][:, 0])


@pytest.mark.long
def test_it_is_gone_on_from_by_one_command(made: Path, folder: Path, tmp_path: Path):
    order = ["fine-tune", str(made), str(other_classes(tmp_path)), "--data", str(folder), "--folder", str(tmp_path)]
    assert main(order) == 0
    assert bundle.open(tmp_path / "things@3.tapetum").spec().labels == ("green", "blue", "???")


# --- how it learns


def training(folder: Path, place: Path, **changed: Any) -> CropTraining:
    recipe = tasks.load(folder / "things.toml")
    assert isinstance(recipe, CropRecipe)
    fit = msgspec.structs.replace(recipe.fit, epochs=2, checkpoint_every_s=0.001)
    feeding = msgspec.structs.replace(recipe.feeding, sampling=Sampling(epoch=48, rare=0.0, seed=recipe.seed))
    recipe = msgspec.structs.replace(recipe, fit=fit, feeding=feeding, **changed)
    return CropTraining(opened(recipe, folder), place)


@pytest.mark.long
def test_a_training_that_is_stopped_goes_on_to_the_same_weights(folder: Path, tmp_path: Path):
    whole, legs = training(folder, tmp_path / "whole"), training(folder, tmp_path / "legs")
    assert whole.run().finished
    stops = iter([False] * 3 + [True])
    assert not legs.run(lambda: next(stops)).finished
    assert legs.run().stand.step == 12
    one, other = (read(run.checkpoints.best) for run in (whole, legs))
    assert one.keys() == other.keys() == arrays_of(whole.network()).keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    lines = [json.loads(line) for line in (tmp_path / "whole/journal.jsonl").read_text().splitlines()]
    assert {"loss", "top1"} <= lines[0].keys()
    assert [line["kind"] for line in lines].count("validation") == 2


def test_a_rare_class_counts_more_and_all_of_an_epoch_as_much_as_without(folder: Path):
    counted = Fit().counting({"common": 90.0, "rare": 10.0}).weights.classes
    assert counted["rare"] == pytest.approx(3 * counted["common"])
    assert 90 * counted["common"] + 10 * counted["rare"] == pytest.approx(100)
    assert Fit(weights=Weights(balance=0.0)).counting({"a": 90.0, "b": 10.0}).weights.classes == {"a": 1, "b": 1}
    every = Fit(weights=Weights(balance=1.0, classes={"b": 7.0})).counting({"a": 90.0, "b": 10.0, "c": 30.0})
    assert every.weights.classes["b"] == 7
    assert 90 * every.weights.classes["a"] == pytest.approx(30 * every.weights.classes["c"])


def test_what_is_shown_more_often_counts_less(folder: Path):
    crops = training(folder, folder).sets.crops("train")
    alike = shown(crops, Sampler(crops, Sampling(rare=0.0)))
    assert alike == {label: float((crops.truth == place).sum()) for place, label in enumerate(crops.labels)}
    more = shown(crops, Sampler(crops, Sampling(rare=0.0, classes={"red": 3.0})))
    assert more["red"] / more["blue"] == pytest.approx(3 * alike["red"] / alike["blue"])


def truth(number: int, ignored: bool = False) -> Truth:
    box = np.array([[0.2, 0.2, 0.8, 0.8]], np.float32)
    return Truth(box, np.array([number], np.int32), np.array([ignored]))


def test_a_crop_counts_by_its_class_and_not_at_all_where_nothing_is_to_be_seen():
    network = classifier(ClassifierArchitecture(TINY, SIDE), 3)
    learner = Learner(network, Weights(classes={"a": 1.0, "b": 4.0, "c": 1.0}, smoothing=0.0))
    pictures = np.zeros((4, SIDE, SIDE, 3), np.uint8)
    nothing = Truth(np.zeros((0, 4), np.float32), np.zeros(0, np.int32), np.zeros(0, bool))
    lesson = Lesson(pictures, (truth(0), truth(1), truth(2, ignored=True), nothing))
    taken, wanted, counts = learner.asked(lesson)
    assert taken.shape == pictures.shape
    assert wanted.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert counts.tolist() == [1, 4, 0, 0]
    scores = np.array([[0.5, 0.25, 0.25]] * 4, np.float32)
    loss = float(learner.compute_loss(None, wanted, scores, counts))
    assert loss == pytest.approx((-np.log(0.5) - 4 * np.log(0.25)) / 4, rel=1e-5)


# --- figures


def test_the_figures_are_those_of_their_definitions():
    labels = ("a", "b", "c")
    shown_, said = np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1, 3, 0])
    found = figures(shown_.astype(np.int32), said.astype(np.int32), labels)
    assert (found.crops, found.top1, found.balanced) == (8, 5 / 8, pytest.approx((3 / 4 + 2 / 4) / 2))
    assert found.matrix == ((3, 1, 0, 0), (1, 2, 0, 1), (0, 0, 0, 0))
    a, b, c = found.classes
    assert (a.precision, a.recall) == (3 / 4, 3 / 4)
    assert (b.precision, b.recall) == (pytest.approx(2 / 3), 2 / 4)
    assert (c.crops, c.precision, c.recall) == (0, None, None)
    assert "recall/c" not in flat(found)
    assert flat(found)["top1"] == 0.625


def test_scores_are_made_as_sure_as_they_are_right():
    random = np.random.default_rng(3)
    logits = random.normal(0, 1.5, (4000, 3))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    drawn = np.array([random.choice(3, p=one) for one in chances], np.int32)
    for factor in (0.5, 1.0, 2.0):
        sharper = np.exp(factor * logits)
        scores = (sharper / sharper.sum(axis=1, keepdims=True)).astype(np.float32)
        assert temperature(scores, drawn) == pytest.approx(factor, rel=0.15)


# --- sizes


@pytest.mark.parametrize("size", ["small", "base"])
def test_a_pretrained_backbone_fits_each_size(size: str):
    of = CLASSIFIERS[size]  # type: ignore[index]
    whole = SOURCES[of.pretrained].read()
    network = classifier(of.architecture(SIDE), 3)
    found = whole if of.backbone == SOURCES[of.pretrained].backbone else slimmed(whole, of.backbone)
    names = {
        layer.name for layer in network.layers if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    }
    assert names <= found.keys()
    assert network.output_shape == (None, 3)
