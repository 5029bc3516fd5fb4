"""A float model becomes one of whole numbers that answers as it did, and takes the pixels as they are."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tapetum.bundle.plain import contract_of
from tapetum.bundle.tflite import describe
from tapetum.inference.contract import Contract, Input
from tapetum.inference.preprocess import Preprocessor, Quantizer, table
from tapetum.inference.tflite import Detector, runtime
from tapetum.scene import Box
from tapetum_trainer import graph, ranges
from tapetum_trainer.errors import ModelError
from tapetum_trainer.layers import layer_errors
from tapetum_trainer.pairs import legalised
from tapetum_trainer.quantize import Quantization, Quantized, mixed, points_lost, quantize
from tests.trainer import tiny


@pytest.fixture(scope="module")
def small() -> Quantized:
    return quantize(tiny.network().written(), tiny.CONTRACT, tiny.pictures(8))


def outputs(content: bytes, contract: Contract, picture: np.ndarray) -> list[np.ndarray]:
    """What the model's outputs stand for, for a picture of its size."""
    detector = Detector(content, 1, contract)
    detector.detect(picture, 0.5)
    found = [detector._interpreter.get_tensor(place) for place in detector._results]
    return [spec.real(values) for spec, values in zip(detector.outputs, found, strict=True)]


def test_a_model_of_whole_numbers_answers_as_the_float_one(small: Quantized):
    for picture in tiny.pictures(4, seed=9):
        before = outputs(tiny.network().written(), tiny.CONTRACT, picture)
        after = outputs(small.content, small.contract, picture)
        assert max(np.abs(one - two).max() for one, two in zip(before, after, strict=True)) < 0.2
        assert max(np.abs(one - two).mean() for one, two in zip(before, after, strict=True)) < 0.02


def test_nothing_is_left_in_float_and_it_takes_less_than_half(small: Quantized):
    assert small.report.in_float == ()
    assert small.report.bytes_after < small.report.bytes_before / 2
    kernels = [one for _, one in graph.operators(graph.read(small.content), "CONV_2D")]
    tensors = graph.read(small.content).subgraphs[0].tensors
    assert all(len(tensors[one.inputs[1]].quantization.scale) == tensors[one.inputs[1]].shape[0] for one in kernels)


def test_what_the_input_holds_is_the_pixel_less_128_to_the_bit(small: Quantized):
    report = small.report
    assert (report.input.dtype, report.input.scale, report.input.zero_point) == ("int8", 1 / 128, 0)
    assert report.exact
    assert np.array_equal(table(small.contract.input)[:, 0], np.arange(256) - 128)


@pytest.mark.parametrize("level", [0, 90, 255])
def test_the_input_does_not_depend_on_the_pictures(level: int):
    """Dark, gray or bright ones alone."""
    flat = [np.full((64, 64, 3), level, np.uint8)]
    report = quantize(tiny.network().written(), tiny.CONTRACT, flat).report
    assert (report.input.scale, report.input.zero_point) == (1 / 128, 0)


def test_sigmoids_have_the_scale_that_the_runtime_fixes(small: Quantized):
    assert {(one.scale, one.zero_point) for one in small.report.outputs} == {(1 / 256, -128)}


def test_an_input_of_bytes_gives_the_same_answers_and_takes_the_pixel_as_it_is(small: Quantized):
    settings = Quantization(input="uint8")
    other = quantize(tiny.network().written(), tiny.CONTRACT, tiny.pictures(8), settings)
    assert (other.report.input.dtype, other.report.input.zero_point) == ("uint8", 128)
    assert np.array_equal(table(other.contract.input)[:, 0], np.arange(256))
    for picture in tiny.pictures(4, seed=5):
        one, two = (outputs(made.content, made.contract, picture) for made in (small, other))
        assert all(np.array_equal(*pair) for pair in zip(one, two, strict=True))


def test_a_mean_for_each_channel_is_kept():
    wanted = Input(width=64, height=64, dtype="float32", mean=(123.675, 116.28, 103.53), std=(58.4, 57.1, 57.4))
    contract = Contract(input=wanted, decoder=tiny.CONTRACT.decoder)
    made = quantize(tiny.network().written(), contract, tiny.pictures(8))
    assert not made.report.exact
    stood_for = (table(made.contract.input) - float(made.report.input.zero_point)) * made.report.input.scale
    assert np.abs(stood_for - table(wanted)).max() <= made.report.input.scale * 0.51


def test_constants_of_half_the_length_are_made_whole_first():
    made = tiny.network()
    tiny.halve_kernels(made)
    report = quantize(made.written(), tiny.CONTRACT, tiny.pictures(8)).report
    whole = quantize(tiny.network().written(), tiny.CONTRACT, tiny.pictures(8)).report
    assert report.in_float == ()
    assert report.bytes_after == pytest.approx(whole.bytes_after, rel=0.02)


@pytest.mark.parametrize("by", [2, 4, 8])
def test_enlarging_as_the_edge_tpu_takes_it_gives_the_same_to_the_bit(by: int):
    content = tiny.network(by).written()
    before = quantize(content, tiny.CONTRACT, tiny.pictures(8))
    after = quantize(content, tiny.CONTRACT, tiny.pictures(8), Quantization(edge_tpu=True))
    assert [version(made, "RESIZE_NEAREST_NEIGHBOR") for made in (before, after)] == [3, 2]
    for made in ((before.content, legalised(before.content)), (content, legalised(content))):
        contracts = [before.contract if made[0] is before.content else tiny.CONTRACT] * 2
        for picture in tiny.pictures(4, seed=3):
            one, two = (outputs(*pair, picture) for pair in zip(made, contracts, strict=True))
            assert all(np.array_equal(*pair) for pair in zip(one, two, strict=True))
    assert legalised(after.content) == after.content


def version(made: Quantized, kind: str) -> int:
    """The greatest version of its kind that some operator in the model has."""
    model = graph.read(made.content)
    return max(graph.kind_of(model, one)[1] for _, one in graph.operators(model, kind))


def test_enlarging_by_another_factor_is_left_as_it_is():
    made = tiny.Network(side=8)
    made.graph.outputs.append(made.enlarged(made.graph.inputs[0], 3))
    assert legalised(made.written()) == made.written()


def test_a_real_detector_of_faces_keeps_its_answers(data: Path):
    """BlazeFace, quantized with 60 pictures, on 40 others: what it finds, it finds where it was, as sure."""
    content = (data / "models/mediapipe/face_detection_short_range.tflite").read_bytes()
    contract = contract_of(describe(content))
    assert contract is not None
    paths = sorted((data / "detection/voc100/images").glob("*.jpg"))
    pictures = [np.asarray(cv2.imread(str(path))[:, :, ::-1], np.uint8) for path in paths]
    made = quantize(content, contract, pictures[40:])
    assert made.report.in_float == ()
    before, after = Detector(content, 1, contract), Detector(made.content, 1, made.contract)
    count = met = 0
    for picture in pictures[:40]:
        pixels = Preprocessor(contract.input).picture(picture)[0]
        found, wanted = after.detect(pixels, 0.3), before.detect(pixels, 0.5)
        count += len(wanted)
        met += sum(any(alike(one, other) for other in found) for one in wanted)
    assert count >= 10
    assert met >= 0.8 * count


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    return Box(*map(float, one[2:])).iou(Box(*map(float, other[2:]))) > 0.7 and abs(one[1] - other[1]) < 0.2


def test_the_first_layers_are_nearly_those_of_the_float_model_and_a_coarse_one_is_seen(small: Quantized):
    content = tiny.network().written()
    found = layer_errors(content, tiny.CONTRACT, small.content, tiny.pictures(4, seed=2))
    assert [one.kind for one in found].count("CONV_2D") == 7
    assert [one.name for one in found if one.kind == "LOGISTIC"] == ["heatmap", "size", "offset"]
    assert found[0].sqnr_db > 30
    dull = quantize(content, tiny.CONTRACT, [one // 16 + 120 for one in tiny.pictures(8)])  # little contrast
    worse = layer_errors(content, tiny.CONTRACT, dull.content, tiny.pictures(4, seed=2))
    assert worse[0].sqnr_db < found[0].sqnr_db - 15


def test_one_picture_that_goes_far_beyond_the_others_does_not_make_all_others_coarse():
    seen = {"min": np.zeros((1, 1)), "max": np.ones((1, 1))}
    found = seen
    for _ in range(8):
        found = ranges.collected(found, seen)
    far = ranges.settled(ranges.collected(found, {"min": np.full((1, 1), -100), "max": np.full((1, 1), 1.5)}), False)
    assert (far["min"].tolist(), far["max"].tolist()) == ([[-1]], [[1.5]])


def test_no_steps_are_spent_where_a_sigmoid_has_reached_its_end():
    seen = {"min": np.full((1, 1), -30.0), "max": np.full((1, 1), 3.0)}
    assert ranges.settled(seen, into_sigmoid=True)["min"] == -ranges.LOGIT
    assert 256 / (1 + np.exp(ranges.LOGIT)) < 0.5001
    made = graph.read(quantize(tiny.network().written(), tiny.CONTRACT, tiny.pictures(8)).content)
    for part, one in graph.operators(made, "LOGISTIC"):
        assert part.tensors[one.inputs[0]].quantization.scale[0] < 2 * ranges.LOGIT / 250


def test_what_was_lost_is_told_in_points():
    lost = points_lost({"ap": 0.5, "ap50": 0.75, "other": 1.0}, {"ap": 0.375, "ap50": 0.8})
    assert lost == pytest.approx({"ap": 12.5, "ap50": -5.0})


def test_calibration_takes_pictures_in_turn_as_they_are_and_changed():
    flat = [np.full((2, 2, 3), 10, np.uint8)] * 4
    found = [int(one[0, 0, 0]) for one in mixed(flat, [lambda one: one * 2])]
    assert found == [10, 20, 10, 20]


def test_no_more_pictures_are_read_than_are_wanted():
    def endless():
        while True:
            yield tiny.pictures(1)[0]

    assert quantize(tiny.network().written(), tiny.CONTRACT, endless(), Quantization(pictures=3)).report.pictures == 3


def test_what_cannot_be_quantized_is_told(small: Quantized, data: Path):
    content = tiny.network().written()
    with pytest.raises(ModelError, match="there are no pictures"):
        quantize(content, tiny.CONTRACT, [])
    with pytest.raises(ModelError, match=r"what came out cannot be used: .*; do the pictures"):
        quantize(content, tiny.CONTRACT, [np.full((64, 64, 3), 128, np.uint8)])
    with pytest.raises(ModelError, match="is quantized already"):
        quantize(small.content, small.contract, tiny.pictures(1))
    with pytest.raises(ModelError, match="the model cannot be read"):
        quantize(content[: len(content) // 2], tiny.CONTRACT, tiny.pictures(1))


def test_the_device_writes_into_the_input_what_calibration_saw(small: Quantized):
    """By the runtime's own tensor: pixel 0, 1, ... 255 in the first rows."""
    interpreter = runtime().Interpreter(model_content=small.content)
    interpreter.allocate_tensors()
    place = interpreter.get_input_details()[0]["index"]
    pixels = np.resize(np.arange(256, dtype=np.uint8), (64, 64, 3))
    Quantizer(small.contract.input).into(pixels, interpreter.tensor(place)()[0])
    assert np.array_equal(interpreter.get_tensor(place)[0].astype(int), pixels.astype(int) - 128)
