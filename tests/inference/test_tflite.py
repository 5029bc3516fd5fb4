"""Real models: one that finds what is there, and others that are refused with a reason and without harm."""

import re
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from tapetum import bundle
from tapetum.errors import BundleError, ConfigError, Unreadable, Unsuitable
from tapetum.inference import labels
from tapetum.inference.accelerators import Cpu
from tapetum.inference.client import Worker
from tapetum.inference.contract import Contract
from tapetum.inference.decode import BlazeFace, Centre, Classification, Ssd, Yolo
from tapetum.inference.messages import Setup
from tapetum.inference.preprocess import Preprocessor
from tapetum.inference.process import Process
from tapetum.inference.settings import Inference
from tapetum.inference.tflite import Detector
from tapetum.scene import Box
from tests.inference.conftest import CHECKS_LITTLE, Picture, read

SETUP = Setup(accelerator=Cpu(), min_score=0.3)
NO_DECODER = r"which no decoder reads; known are ssd: boxes"
NO_PICTURE = r"one picture \(1, height, width, channels\) is wanted, RGB with 3 or gray with 1"
REFUSED = {
    "negative/face_landmark_with_attention": (Unreadable, "unresolved custom op: Landmarks2TransformMatrix"),
    "negative/model_invoking_error": (Unreadable, "unresolved custom op: fake-op-double"),
    "negative/person_detect": (Unreadable, "quantized_dimension must be in range"),
    "negative/truncated_detect": (Unreadable, "not a valid Flatbuffer"),
    "mediapipe/selfie_segmentation": (Unsuitable, NO_DECODER),
    "tflm/hello_world_float": (Unsuitable, NO_PICTURE),
    "tflm/hello_world_int8": (Unsuitable, NO_PICTURE),
    "tflm/simple_add_model": (Unsuitable, "takes 2 inputs; one picture is wanted"),
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
    process = Process(2048)
    try:
        with pytest.raises(BundleError, match=reason) as refused:
            process.load(SETUP, (data / f"models/{name}.tflite").read_bytes())
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
    process = Process(2048)
    try:
        with pytest.raises(Unreadable, match=r"the runtime cannot load it: .+"):
            process.load(SETUP, content)
    finally:
        process.kill()


FAMILIES = {
    "coco_ssd_mobilenet_v1_quant/detect": (Ssd(boxes=0, classes=1, scores=2), 90, "uint8", "stretch"),
    "coral/mobilenet_v1_0.25_128_quant": (Classification(), 1001, "uint8", "stretch"),
    "coral/mobilenet_v2_1.0_224_quant": (Classification(), 1001, "uint8", "stretch"),
    "mediapipe/face_detection_short_range": (
        BlazeFace(width=128, height=128, grids=((8, 2), (16, 6))), 1, "float32", "letterbox",
    ),
    "yolo/yolov8n_full_integer_quant_416": (Yolo(width=416, height=416, anchors="last"), 80, "int8", "letterbox"),
}  # fmt: skip


def loaded(data: Path, name: str, contract: Contract | None = None) -> Detector:
    return Detector((data / f"models/{name}.tflite").read_bytes(), 1, contract)


def test_every_real_model_is_read_or_refused(data: Path):
    models = {str(path.relative_to(data / "models")) for path in (data / "models").glob("*/*.tflite")}
    assert models == {f"{name}.tflite" for name in FAMILIES.keys() | REFUSED.keys()}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_that_brings_no_contract_is_recognised(data: Path, name: str):
    detector = loaded(data, name)
    found = detector.contract
    assert (found.decoder, detector.classes, found.input.dtype, found.input.fit) == FAMILIES[name]
    assert (detector.inputs[0].shape[1:], len(detector.inputs)) == (found.input.shape, 1)
    assert found.decoder.fits(detector.outputs)


def test_tensors_are_called_as_the_signature_calls_them_where_there_is_one(data: Path):
    """Exporters leave little in a tensor's own name: here PartitionedCall:0."""
    signed, unsigned = loaded(data, "yolo/yolov8n_full_integer_quant_416"), loaded(data, next(iter(FAMILIES)))
    assert [spec.name for spec in (*signed.inputs, *signed.outputs)] == ["images", "output_0"]
    assert unsigned.outputs[0].name == "TFLite_Detection_PostProcess"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_with_the_contract_that_it_was_recognised_by_is_taken(data: Path, name: str):
    contract = loaded(data, name).contract
    written = msgspec.json.decode(msgspec.json.encode(contract), type=Contract)
    assert loaded(data, name, written).contract == contract


def changed(contract: Contract, **values: object) -> Contract:
    return msgspec.structs.replace(contract, input=msgspec.structs.replace(contract.input, **values))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"width": 320}, r"its input is \(416, 416, 3\) int8; its contract says \(416, 320, 3\) int8"),
        ({"channels": 1}, r"its contract says \(416, 416, 1\) int8"),
        ({"dtype": "uint8"}, r"its contract says \(416, 416, 3\) uint8"),
        ({"scale": 0.007}, r"scale 0.00392157 and zero point -128; its contract says 0.007 and -128"),
        ({"zero_point": 0}, r"its contract says 0.00392157 and 0"),
    ],
    ids=["size", "channels", "type", "scale", "zero point"],
)
def test_a_contract_of_another_input_is_refused(data: Path, values: dict[str, object], reason: str):
    contract = loaded(data, "yolo/yolov8n_full_integer_quant_416").contract
    with pytest.raises(Unsuitable, match=reason):
        loaded(data, "yolo/yolov8n_full_integer_quant_416", changed(contract, **values))


def test_a_contract_of_other_outputs_is_refused(data: Path):
    contract = msgspec.structs.replace(loaded(data, "coral/mobilenet_v1_0.25_128_quant").contract, decoder=Centre())
    with pytest.raises(Unsuitable, match=r"its outputs are \(1, 1001\); its contract's decoder reads heatmap"):
        loaded(data, "coral/mobilenet_v1_0.25_128_quant", contract)


def test_the_contract_says_what_the_model_is_given(data: Path):
    """A picture in an eighth of the levels, and a contract that says so, is the same to the model."""
    name = "coral/mobilenet_v2_1.0_224_quant"
    detector = loaded(data, name)
    cat = cv2.imread(str(data / "models/coral/cat.bmp"))
    assert cat is not None
    pixels, _ = Preprocessor(detector.contract.input).picture(np.ascontiguousarray(cat[:, :, ::-1]))
    told = loaded(data, name, changed(detector.contract, mean=(16.0,) * 3, std=(16.0,) * 3))
    right, wrong, again = (
        one.detect(given, 0.01)[0] for one, given in ((detector, pixels), (detector, pixels // 8), (told, pixels // 8))
    )
    assert right[0] == again[0] == 286
    assert again[1] == pytest.approx(right[1], abs=0.2)
    assert wrong[0] != 286 or wrong[1] < again[1] - 0.05


@CHECKS_LITTLE
def test_a_model_that_is_refused_harms_none_that_runs(data: Path, ssd: Inference, picture: Picture):
    """Two workers at once, as when a new model is tried beside the old one."""
    running = Process(2048)
    try:
        running.load(SETUP, Path(ssd.model).read_bytes())
        before, _ = running.ask([picture])
        for name in REFUSED:
            refusing = Process(2048)
            try:
                with pytest.raises(BundleError, match=REFUSED[name][1]):
                    refusing.load(SETUP, (data / f"models/{name}.tflite").read_bytes())
            finally:
                refusing.kill()
            after, _ = running.ask([picture])
            assert (after[0] == before[0]).all()
            assert len(after[0])
    finally:
        running.kill()


@CHECKS_LITTLE
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("negative/truncated_detect", "an offset in it leads out of the file; is it complete"),
        ("mediapipe/selfie_segmentation", NO_DECODER),
    ],
)
def test_the_operator_is_told_key_and_file_of_a_model_that_is_refused(
    data: Path, ssd: Inference, name: str, reason: str
):
    model = str(data / f"models/{name}.tflite")
    settings = Inference(model=model, labels=ssd.labels)
    with pytest.raises(ConfigError, match=rf"^inference\.model: {re.escape(model)}: .*{reason}"):
        Worker(bundle.load(settings), settings)
