"""What preparing a picture and reading an answer cost, beside what the model costs; each ratio is of one run.

`scripts/test tests/inference/test_cost.py -s` prints the figures.
"""

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tapetum.inference.contract import Input
from tapetum.inference.decode import Yolo
from tapetum.inference.preprocess import Preprocessor, Quantizer
from tapetum.inference.tensors import Tensor, TensorSpec
from tapetum.inference.tflite import Detector
from tapetum.scene import Box, Frame
from tests.inference.decode.examples import EXAMPLES, as_floats

pytestmark = pytest.mark.alone

Picture = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
MODELS = {
    "ssd": ("coco_ssd_mobilenet_v1_quant/detect", 0.1),
    "yolo": ("yolo/yolov8n_full_integer_quant_416", 0.1),
    "blazeface": ("mediapipe/face_detection_short_range", 0.8),
    "classification": ("coral/mobilenet_v2_1.0_224_quant", 0.1),
}
"""A real model of each family, and the share of its own time that reading its answer may take."""


def best_ms(*calls: Callable[[], object], rounds: int = 25) -> list[float]:
    """Return the shortest time of each, milliseconds; they take turns, so that what disturbs one disturbs all."""
    found = [float("inf")] * len(calls)
    for _ in range(rounds):
        for index, call in enumerate(calls):
            start = time.perf_counter()
            call()
            found[index] = min(found[index], (time.perf_counter() - start) * 1e3)
    return found


@pytest.fixture(scope="module")
def frame() -> Frame:
    """A picture of 1920 x 1080, smooth as real ones are."""
    random = np.random.default_rng(0)
    planes = [
        cv2.resize(random.integers(16, 236, (27, 48), np.uint8), size, interpolation=cv2.INTER_CUBIC)
        for size in ((1920, 1080), (960, 540), (960, 540))
    ]
    y, u, v = (np.asarray(plane, np.uint8) for plane in planes)
    return Frame("camera", 1, 0, y, u, v, y)


def converted(i420: Picture, box: Box, size: tuple[int, int]) -> Picture:
    """Return the crop as it is mostly made: the whole picture to RGB, then cut, then resized."""
    rgb = cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420)
    return np.asarray(cv2.resize(rgb[box.slices(rgb)], size, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("size", [(300, 300), (224, 224)], ids=["300", "224"])
@pytest.mark.parametrize(
    ("box", "budget"),
    [(Box(0, 0, 1, 1), 0.5), (Box(0.3, 0.2, 0.6, 0.7), 0.8), (Box(0.4, 0.3, 0.5, 0.5), 0.8)],
    ids=["all of it", "576 x 540", "192 x 216"],
)
def test_a_crop_costs_little_beside_converting_all_of_it(frame: Frame, size: tuple[int, int], box: Box, budget: float):
    maker = Preprocessor(Input(width=size[0], height=size[1]))
    i420 = np.concatenate([frame.y.ravel(), frame.u.ravel(), frame.v.ravel()]).reshape(1620, 1920)
    ours, bare = best_ms(lambda: maker.crop(frame, box), lambda: converted(i420, box, size))
    print(f"{ours:.3f} ms, converting all: {bare:.3f} ms, ratio {ours / bare:.2f}")
    assert ours < budget * bare


@pytest.mark.parametrize("family", MODELS)
def test_reading_an_answer_costs_little_beside_the_model(data: Path, family: str):
    """On a real picture, at the score from which detections are reported."""
    name, share = MODELS[family]
    detector = Detector((data / f"models/{name}.tflite").read_bytes(), 1)
    picture = cv2.imread(str(data / "detection/coco128/images/train2017/000000000036.jpg"))
    assert picture is not None
    pixels, _ = Preprocessor(detector.contract.input).picture(np.ascontiguousarray(picture[:, :, ::-1]))
    interpreter, quantizer = detector._interpreter, Quantizer(detector.contract.input)
    filled = np.empty(detector.contract.input.shape, detector.contract.input.dtype)
    detector.detect(pixels, 0.3)
    places = zip(detector.outputs, detector._results, strict=True)
    outputs = [Tensor(spec, interpreter.get_tensor(place)) for spec, place in places]
    decoding, filling, invoking = best_ms(
        lambda: detector.contract.decoder.decode(outputs, 0.3),
        lambda: quantizer.into(pixels, filled),
        interpreter.invoke,
    )
    print(f"{family}: decode {decoding:.3f} ms, fill {filling:.3f} ms, invoke {invoking:.2f} ms")
    assert decoding + filling < share * invoking


def test_leaving_out_what_sees_nothing_as_it_is_stored_is_cheaper_than_real_numbers_of_all():
    spec = TensorSpec("", (1, 84, 3549), "int8", 1 / 255, -128)
    values = np.random.default_rng(1).integers(-128, -60, spec.shape).astype(np.int8)
    values[0, 7, ::200] = 100
    decoder, tensor = Yolo(width=416, height=416, anchors="last"), Tensor(spec, values)
    stored, real = best_ms(lambda: decoder.decode([tensor], 0.5), lambda: decoder.decode(as_floats([tensor]), 0.5))
    print(f"as stored {stored:.3f} ms, as real numbers {real:.3f} ms, ratio {stored / real:.2f}")
    assert stored < 0.9 * real


@pytest.mark.parametrize("name", ["efficientdet", "centre"])
def test_heads_without_a_model_here_cost_no_more_than_a_yolo(name: str):
    """The same numbers as the examples of the decoders, a tenth of them candidates."""
    yolo, other = EXAMPLES["yolo 8"], EXAMPLES[name]
    reference, tensors = yolo.tensors(1, "int8"), other.tensors(1, "int8")
    ours, theirs = best_ms(
        lambda: other.decoder.decode(tensors, 0.9), lambda: yolo.decoder.decode(reference, 0.9), rounds=50
    )
    print(f"{name}: {ours:.3f} ms, yolo: {theirs:.3f} ms")
    assert ours < 8 * theirs
