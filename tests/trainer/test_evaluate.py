"""How a model is judged: by COCO's rules, on what was looked for, at the rate of false alarms that one can bear."""

import contextlib
import io
import json as jsons
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tapetum import bundle
from tapetum.inference.contract import Contract, Input, ModelSpec
from tapetum_trainer.degrade import DarkSensor
from tapetum_trainer.errors import ModelError, RecipeError
from tapetum_trainer.evaluate import (
    Judged,
    answers,
    columns,
    evaluate,
    flat,
    json,
    latencies,
    load,
    of_spec,
    relabelled,
    scored,
    text,
)
from tapetum_trainer.evaluate.matches import Matches
from tests.trainer import tiny
from tests.trainer.labelled import Made, One, coco128, perfect, rows, street

THING = (0, 0.2, 0.2, 0.5, 0.6)


def noisy(pictures: Made, seed: int = 1) -> list[np.ndarray]:
    """Answers some of which are right: shifted, doubled, of another class, and from nowhere."""
    random = np.random.default_rng(seed)
    found = []
    for one in pictures.ones:
        boxes = [(number, np.array(box) + random.normal(0, 0.02, 4)) for number, *box in one.things] * 2
        boxes += [(int(random.integers(2)), np.sort(random.uniform(0, 1, (2, 2)), axis=0).ravel()) for _ in range(3)]
        found.append(rows(*((number, random.uniform(0.1, 1), *box) for number, box in boxes if box[2] > box[0] + 0.01)))
    return found


def test_a_perfect_detector_has_1_and_one_that_finds_nothing_0():
    pictures = street()
    best, none = scored(perfect(pictures), pictures), scored([rows()] * len(pictures), pictures)
    assert (best.ap, best.ap50, best.ap75) == pytest.approx((1, 1, 1))
    assert (none.ap, none.ap50, none.ap75) == (0, 0, 0)
    assert {rate: point.recall for rate, point in best.recall.items()} == {"0.1": 1, "1": 1}
    assert {point.recall for point in none.recall.values()} == {0}
    assert best.truths == none.truths == 24


def test_figures_are_those_of_pycocotools_used_plainly(tmp_path: Path):
    """From files, as its users write them, in pictures of 640 x 480."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    pictures = street(count=12, seed=4)
    found = noisy(pictures)
    corners = np.array([640, 480, 640, 480])
    truth = {
        "images": [{"id": index + 1, "width": 640, "height": 480} for index in range(12)],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}],
        "annotations": [
            plain(index, thing[0], np.array(thing[1:]) * corners) | {"id": 100 * index + place + 1, "iscrowd": 0}
            for index, one in enumerate(pictures.ones)
            for place, thing in enumerate(one.things)
        ],
    }
    told = [
        plain(index, row[0], row[2:].astype(float) * corners) | {"score": float(row[1])}
        for index, every in enumerate(found)
        for row in every
    ]
    (tmp_path / "truth.json").write_text(jsons.dumps(truth))
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(str(tmp_path / "truth.json"))
        work = COCOeval(gt, gt.loadRes(told), "bbox")
        work.evaluate()
        work.accumulate()
        work.summarize()
    ours = scored(found, pictures)
    figures = ours.ap, ours.ap50, ours.ap75, ours.sizes.small, ours.sizes.medium, ours.sizes.large
    assert figures == pytest.approx(work.stats[:6], abs=1e-6)
    assert 0.2 < ours.ap50 < 0.95
    by_class = work.eval["precision"][:, :, :, 0, -1].mean(axis=(0, 1))
    assert [one.ap for one in ours.classes] == pytest.approx(by_class, abs=1e-6)


def plain(index: int, number: float, edges: np.ndarray) -> dict:
    left, top, right, bottom = map(float, edges)
    box = [left, top, right - left, bottom - top]
    return {"image_id": index + 1, "category_id": int(number) + 1, "bbox": box, "area": box[2] * box[3]}


def test_what_is_ignored_is_neither_wanted_nor_punished():
    pictures = Made(("person",), [One([THING], [(0, 0.6, 0.1, 0.95, 0.9)])])
    beside = rows((0, 0.9, *THING[1:]), (0, 0.95, 0.61, 0.2, 0.7, 0.5), (0, 0.94, 0.7, 0.2, 0.9, 0.8))
    found = scored([beside], pictures)
    assert found.ap == pytest.approx(1)
    assert (found.truths, found.recall["0.1"].recall, found.classes[0].best.false_positives) == (1, 1, 0)


def test_a_class_that_was_not_looked_for_in_a_picture_does_not_count_there():
    pictures = Made(("person", "car"), [One([THING, (1, 0.6, 0.6, 0.9, 0.9)]), One([THING], unknown=(1,))])
    found = perfect(pictures)
    found[1] = np.concatenate([found[1], rows((1, 0.99, 0.1, 0.1, 0.3, 0.3), (1, 0.98, 0.5, 0.5, 0.8, 0.8))])
    assert scored(found, pictures).ap == pytest.approx(1)
    pictures.ones[1].unknown = ()
    assert scored(found, pictures).ap == pytest.approx(0.5 + 0.5 / 3)


def test_a_thing_of_a_class_that_was_not_looked_for_everywhere_in_a_picture_is_not_wanted_there():
    """As where one person of many has a box."""
    pictures = Made(("person",), [One([THING]), One([THING], unknown=(0,))])
    found = scored([perfect(pictures)[0], rows()], pictures)
    assert (found.ap, found.truths) == (pytest.approx(1), 1)


def test_a_class_of_which_there_is_nothing_is_left_out_of_the_mean():
    pictures = Made(("person", "car"), [One([THING])])
    found = scored(perfect(pictures), pictures)
    assert (found.ap, found.classes[1].ap, found.classes[1].truths, found.sizes.small) == (1, None, 0, None)
    assert "-" in text(evaluate(Judged("x", pictures.labels, lambda _: perfect(pictures)[0]), pictures))


def test_a_class_of_a_few_things_weighs_little_in_the_figure_that_chooses():
    pictures = Made(("person", "car"), [One([THING] * 1), *(One([(1, *THING[1:])]) for _ in range(9))])
    found = [rows(), *perfect(pictures)[1:]]
    told = scored(found, pictures)
    assert told.ap50 == pytest.approx(0.5)
    assert told.weighed == pytest.approx(0.75)


def test_sizes_are_told_by_the_share_of_the_picture_however_large_it_is():
    """A tenth of 640 pixels is 64, medium, in pictures of 64 and of 1280 pixels."""
    for size in ((48, 64), (960, 1280)):
        pictures = Made(("person",), [One([(0, 0.1, 0.1, 0.2, 0.2)], size=size)])
        sizes = scored(perfect(pictures), pictures).sizes
        assert (sizes.small, sizes.medium, sizes.large) == (None, pytest.approx(1), None)


RANKED = Matches(
    scores=np.array([0.9, 0.8, 0.8, 0.6, 0.4, 0.3], np.float32),
    hits=np.array([True, True, False, True, False, True]),
    truths=5,
    pictures=10,
)


def test_a_rate_of_false_alarms_gives_the_most_that_can_be_found():
    """No threshold cuts between two answers of the same score."""
    none, one, two = (RANKED.with_false_positives(rate) for rate in (0.05, 0.1, 0.2))
    assert (none.recall, none.false_positives) == (0.2, 0)
    assert (one.recall, one.false_positives, one.min_score) == (0.6, 0.1, 0.5)
    assert (two.recall, two.false_positives) == (0.8, 0.2)


def test_the_best_threshold_is_that_of_the_best_f1():
    """By hand: after 1, 3, 4, 5, 6 answers 2/6, 4/8, 6/9, 6/10, 8/11."""
    best = RANKED.best()
    assert (best.f1, best.recall, best.precision) == pytest.approx((8 / 11, 0.8, 4 / 6))
    for min_score, right in ((0.9, 1), (0.5, 3), (0.31, 3), (0.95, 0)):
        assert RANKED.at(min_score).recall == right / 5
    assert RANKED.at(best.min_score).f1 == best.f1


def test_classes_of_a_model_are_told_by_ours():
    ours = columns(("person", "vehicle"), ("tree", "car", "bus", "person"), {"vehicle": ["car", "bus"]})
    assert ours.tolist() == [-1, 1, 1, 0]
    found = relabelled(rows((1, 0.5, *THING[1:]), (0, 0.4, *THING[1:]), (9, 0.3, *THING[1:])), ours)
    assert found[:, :2].tolist() == [[1, 0.5]]


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({"rider": ["person"]}, "rider: there is no such class; there are person, vehicle"),
        ({"vehicle": ["van"]}, "vehicle = van: the model has no such label; it has tree, car"),
        ({"vehicle": ["car"], "person": ["car"]}, "car means two classes"),
        (None, "the model knows none of person, vehicle; it knows tree, car: give a mapping"),
    ],
)
def test_a_mapping_that_cannot_be_is_told(mapping: dict | None, told: str):
    with pytest.raises(RecipeError, match=told):
        columns(("person", "vehicle"), ("tree", "car"), mapping)


def sighted(pictures: Made) -> Judged:
    """A model that knows the truth, unless the picture is dark."""
    found = perfect(pictures)
    nothing = rows()
    return Judged("sighted", pictures.labels, lambda one: found[one[0, 0, 0]] if one.mean() > 50 else nothing)


def test_conditions_and_cameras_are_told_apart():
    pictures = street()
    for index, one in enumerate(pictures.ones):
        one.group, one.level = ("yard", 128) if index < 3 else ("road", 10)
    conditions = {"night": lambda one: one // 8, "as it is": lambda one: one}
    found = evaluate(sighted(pictures), pictures, conditions=conditions)
    assert found.groups["yard"].ap50 == pytest.approx(1)
    assert (found.groups["road"].ap50, found.conditions["night"].ap50) == (0, 0)
    assert found.conditions["as it is"] == found.scores
    assert (found.groups["yard"].pictures, found.scores.pictures) == (3, 6)
    for word in ("night", "yard", "road", "AP50", "recall at 0.1 FP", "sighted: 6 pictures, 24 things"):
        assert word in text(found)


def test_the_same_gives_the_same_bytes():
    pictures = street()
    model = Judged("noisy", pictures.labels, lambda one: noisy(pictures)[one[0, 0, 0]])
    two = [json(evaluate(model, pictures, conditions={"dark": dark()})) for _ in range(2)]
    assert two[0] == two[1]
    kept = jsons.loads(two[0])
    assert kept["scores"]["classes"][0]["label"] == "person"
    assert len(kept["scores"]["classes"][0]["curve"]) == 101
    assert flat(evaluate(model, pictures).scores)["ap50"] == pytest.approx(kept["scores"]["ap50"], abs=1e-6)


def dark() -> Callable[[np.ndarray], np.ndarray]:
    """A night that leaves the first pixel, by which the made-up model knows the picture."""
    sensor = DarkSensor(0.04, seed=1)

    def picture(one: np.ndarray) -> np.ndarray:
        found = sensor.picture(one)
        found[0, 0] = one[0, 0]
        return found

    return picture


def test_a_real_model_finds_persons_as_well_as_it_is_known_to(data: Path, tmp_path: Path):
    """SSD MobileNet v1, of which the first training saw such pictures: AP50 of person .32 on others of COCO."""
    pictures = coco128(data, tmp_path, ("person", "dog"))
    folder = data / "models/coco_ssd_mobilenet_v1_quant"
    model = load(folder / "detect.tflite")
    found = evaluate(model, pictures).scores
    assert (found.pictures, found.classes[0].truths) == (len(pictures), 254)
    assert 0.28 < found.classes[0].ap50 < 0.5
    assert found.classes[0].sizes.large > 3 * (found.classes[0].sizes.small or 0)


def test_boxes_of_a_letterboxed_input_are_told_in_the_picture():
    """A picture twice as wide as high, and the same between two bars of the pad's gray, as a square."""
    contract = Contract(
        input=Input(width=64, height=64, dtype="float32", mean=(128,) * 3, std=(128,) * 3, fit="letterbox", pad=90),
        decoder=tiny.CONTRACT.decoder,
    )
    model = of_spec(ModelSpec("x@1", tiny.network().written(), ("a", "b"), contract), min_score=0.3)
    square = np.full((64, 64, 3), 90, np.uint8)
    square[16:48] = tiny.pictures(1)[0][16:48]
    wide, whole = model.ask(np.ascontiguousarray(square[16:48])), model.ask(square)
    assert len(whole) > 0
    expected = whole.copy()
    expected[:, 3::2] = (whole[:, 3::2] * 64 - 16) / 32
    expected[:, 2:] = expected[:, 2:].clip(0, 1)
    expected = expected[expected[:, 5] > expected[:, 3]]
    assert np.allclose(wide, expected, atol=1e-5)


def test_latency_is_measured_in_turn_beside_a_reference():
    asked: list[str] = []

    def noting(name: str, work: int) -> Judged:
        def ask(_: object) -> np.ndarray:
            asked.append(name)
            sum(range(work))
            return rows()

        return Judged(name, ("a",), ask)

    first, second = latencies([noting("a", 20_000), noting("b", 200_000)], tiny.pictures(2), rounds=5)
    assert asked == ["a", "b"] * 7
    assert (first.name, first.ratio) == ("a", 1)
    assert second.ratio > 3


def test_latency_is_that_of_an_answer_on_the_device():
    """Which reads no answer below its least score: reading a thousand doubtful ones takes a millisecond."""
    spec = ModelSpec("tiny", tiny.network().written(), ("a", "b"), tiny.CONTRACT, {"a": 0.6, "b": 0.2})
    model, (picture,) = of_spec(spec, 0.01), tiny.pictures(1)
    assert model.as_on_device is not None
    wanted = [row for row in model.ask(picture).tolist() if row[1] >= 0.2]
    assert 0 < len(wanted) < len(model.ask(picture))
    assert model.as_on_device(picture).tolist() == wanted
    asked: list[str] = []

    def noting(name: str) -> Callable[[object], np.ndarray]:
        return lambda _: (asked.append(name), rows())[1]

    latencies([Judged("x", ("a",), noting("every one"), as_on_device=noting("the sure ones"))], [picture], rounds=1)
    assert set(asked) == {"the sure ones"}


def test_a_file_that_is_no_model_is_told(tmp_path: Path):
    (tmp_path / "x.tflite").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"x.tflite: "):
        load(tmp_path / "x.tflite")
    with pytest.raises(ModelError, match="there is no such file"):
        load(tmp_path / "y.tflite")


def test_answers_can_be_asked_for_some_of_the_pictures():
    pictures = street()
    found = answers(sighted(pictures), pictures, indices=[1, 4])
    assert scored(found, pictures, [1, 4]).ap == pytest.approx(1)


def test_of_a_bundle_the_device_s_own_preprocessing_is_used(data: Path):
    """A plain model and the contract that a bundle would bring of it answer alike."""
    path = data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite"
    spec = bundle.of_tflite(path)
    picture = np.asarray(np.random.default_rng(1).integers(0, 255, (90, 120, 3)), np.uint8)
    assert np.array_equal(load(path).ask(picture), of_spec(spec).ask(picture))
