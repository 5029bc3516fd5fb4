"""Real models: one that finds what is there, and others that are refused with a reason and without harm."""

import importlib.util
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tapetum.errors import BundleError, ConfigError, InferenceError, Unreadable, Unsuitable
from tapetum.inference import labels
from tapetum.inference.client import Worker
from tapetum.inference.model import Crop
from tapetum.inference.process import Process
from tapetum.inference.settings import Inference
from tapetum.inference.tflite import Detector
from tapetum.scene import Box
from tests.inference.conftest import Picture, read

CHECKS_LITTLE = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None,
    reason="tflite-runtime checks a model less, and dies of some: in the worker, where it harms nobody",
)
NO_DETECTOR = r"those of a detector with post-processing are wanted"
REFUSED = {
    "negative/face_landmark_with_attention": (Unreadable, "unresolved custom op: Landmarks2TransformMatrix"),
    "negative/model_invoking_error": (Unreadable, "unresolved custom op: fake-op-double"),
    "negative/person_detect": (Unreadable, "quantized_dimension must be in range"),
    "negative/truncated_detect": (Unreadable, "not a valid Flatbuffer"),
    "coral/mobilenet_v1_0.25_128_quant": (Unsuitable, NO_DETECTOR),
    "coral/mobilenet_v2_1.0_224_quant": (Unsuitable, NO_DETECTOR),
    "mediapipe/face_detection_short_range": (Unsuitable, NO_DETECTOR),
    "mediapipe/selfie_segmentation": (Unsuitable, NO_DETECTOR),
    "tflm/hello_world_float": (Unsuitable, r"one RGB picture \(1, height, width, 3\) is wanted"),
    "tflm/hello_world_int8": (Unsuitable, r"one RGB picture \(1, height, width, 3\) is wanted"),
    "tflm/simple_add_model": (Unsuitable, "takes 2 inputs; one picture is wanted"),
    "yolo/yolov8n_full_integer_quant_416": (Unsuitable, NO_DETECTOR),
}


@pytest.fixture(scope="module")
def detector(ssd: Inference) -> Detector:
    return Detector(Path(ssd.model).read_bytes(), threads=1)


@pytest.mark.parametrize(
    ("name", "label", "box"),
    [
        ("000000000036", "person", (0.348, 0.309, 0.994, 1.0)),
        ("000000000025", "giraffe", (0.602, 0.141, 0.938, 0.838)),
        ("000000000081", "airplane", (0.060, 0.095, 0.973, 0.844)),
    ],
    ids=["person", "giraffe", "airplane"],
)
def test_the_best_detection_is_what_the_picture_shows(
    detector: Detector, ssd: Inference, data: Path, name: str, label: str, box: tuple[float, ...]
):
    best = detector.detect(read(data, name), 0.3)[0]
    assert labels.find(Path(ssd.model), ssd.labels)[int(best[0])] == label
    assert best[1] > 0.7
    assert Box(*best[2:].tolist()).iou(Box(*box)) > 0.6


def test_a_picture_of_nothing_has_no_detections(detector: Detector):
    assert detector.detect(np.full((300, 300, 3), 127, np.uint8), 0.5).shape == (0, 6)


def test_it_says_what_it_takes_and_how_much_it_tells_apart(detector: Detector):
    assert (detector.width, detector.height, detector.classes) == (300, 300, 90)


def test_the_same_picture_gives_the_same_answer(detector: Detector, picture: Picture):
    first = detector.detect(picture, 0.1)
    detector.detect(np.zeros_like(picture), 0.1)
    assert (detector.detect(picture, 0.1) == first).all()


@CHECKS_LITTLE
@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_cannot_be_used_is_refused_with_a_reason(data: Path, name: str):
    kind, reason = REFUSED[name]
    process = Process(Inference())
    try:
        with pytest.raises(BundleError, match=reason) as refused:
            process.load((data / f"models/{name}.tflite").read_bytes())
    finally:
        process.kill()
    assert type(refused.value) is kind


def test_every_model_that_must_be_refused_is_tried(data: Path):
    found = {f"negative/{path.stem}" for path in (data / "models/negative").glob("*.tflite")}
    assert found == {name for name in REFUSED if name.startswith("negative/")}


@CHECKS_LITTLE
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 64, b"\x1c\0\0\0TFL3" + b"\xff" * 4096], ids=["empty", "zeros", "garbage"]
)
def test_what_is_no_model_at_all_is_refused_without_harm(content: bytes):
    process = Process(Inference())
    try:
        with pytest.raises(Unreadable, match=r"the runtime cannot load it: .+"):
            process.load(content)
    finally:
        process.kill()


def spoilt(content: bytes, seed: int) -> bytes:
    """Return `content` with one or two bytes changed at its end, where a model's structure is told."""
    random = np.random.default_rng(seed)
    found = np.frombuffer(content, np.uint8).copy()
    places = random.integers(len(found) - 40_000, len(found), 1 + seed % 2)
    found[places] = random.integers(0, 256, len(places))
    return found.tobytes()


def outcome(content: bytes, picture: Picture) -> str:
    """Return what became of a model in a worker: the error's name, or "answered"."""
    process = Process(Inference(deadline_s=5))
    try:
        process.load(content)
        process.ask([Crop(1, Box(0, 0, 1, 1), picture)])
    except (BundleError, InferenceError) as error:
        return type(error).__name__
    finally:
        process.kill()
    return "answered"


def test_a_spoilt_model_is_refused_or_takes_its_worker_down_and_nothing_else(ssd: Inference, picture: Picture):
    content = Path(ssd.model).read_bytes()
    assert {outcome(spoilt(content, seed), picture) for seed in range(12)} >= {"answered", "Unreadable"}


@pytest.mark.long
@pytest.mark.timeout(600)
def test_no_spoilt_model_of_hundreds_takes_us_down(ssd: Inference, picture: Picture):
    content = Path(ssd.model).read_bytes()
    found = Counter(outcome(spoilt(content, seed), picture) for seed in range(500))
    print(found)
    assert found["answered"] > 50
    assert found["Unreadable"] > 50


@CHECKS_LITTLE
@pytest.mark.parametrize("name", ["negative/truncated_detect", "coral/mobilenet_v1_0.25_128_quant"])
def test_the_operator_is_told_key_and_file_of_a_model_that_is_refused(data: Path, ssd: Inference, name: str):
    model = str(data / f"models/{name}.tflite")
    with pytest.raises(ConfigError, match=rf"^inference\.model: {re.escape(model)}: .*{REFUSED[name][1]}"):
        Worker(Inference(model=model, labels=ssd.labels))
