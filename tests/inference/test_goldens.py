"""Known answers: real models on real pictures, through all that the product does to a picture and to an answer.

Average precision is that of the COCO API (pycocotools), and is held against a reference that shares nothing with the
product: RGB by OpenCV, a bare interpreter, one anchor and one box after another. With the same RGB the mean over the
classes is that of the reference. From a camera's YUV 4:2:0, in which colour is coarser, some detections near a
threshold come and go, and one of a class that is there once is a 60th of that mean; so the precision over all objects
is compared. CI takes every fourth picture, the marker `long` all.
"""

import contextlib
import io
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tapetum.inference import labels
from tapetum.inference.preprocess import Preprocessor
from tapetum.inference.tflite import Detector, runtime
from tapetum.scene import Box, Frame
from tests.inference.decode.examples import greedy

pycocotools = pytest.importorskip("pycocotools")

Picture = NDArray[np.uint8]
Found = list[tuple[str, float, Box]]
"""Label, score and box in fractions of the picture."""

SSD, YOLO = "coco_ssd_mobilenet_v1_quant/detect", "yolo/yolov8n_full_integer_quant_416"
LABELS = {SSD: "coco_ssd_mobilenet_v1_quant/labelmap.txt", YOLO: "yolo/coco-labels-2014_2017.txt"}
TO_YUV = np.array(
    [[65.481, 128.553, 24.966, 16], [-37.797, -74.203, 112, 128], [112, -93.786, -18.214, 128]], np.float32
) / np.array([255, 255, 255, 1], np.float32)
LEAST = 0.05  # score: what is below adds nothing to the precision of these models but time
REDUCED = 4  # CI takes one picture of so many
TOLERANCE, FROM_A_CAMERA = 0.005, 0.015


def read(path: Path) -> Picture:
    """Return a picture, (h, w, 3) RGB."""
    found = cv2.imread(str(path))
    assert found is not None
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


def as_frame(picture: Picture) -> Frame:
    """Return the picture as a camera gives it: planar YUV 4:2:0 (ITU-R BT.601), colour averaged over 2 x 2 pixels."""
    height, width = picture.shape[:2]
    even = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    planes = cv2.split(cv2.transform(even.astype(np.float32), TO_YUV))
    half = even.shape[1] // 2, even.shape[0] // 2
    y, u, v = planes[0][:height, :width], *(cv2.resize(one, half, interpolation=cv2.INTER_AREA) for one in planes[1:])
    luma, blue, red = (np.rint(plane).astype(np.uint8) for plane in (y, u, v))
    return Frame("camera", 1, 0, luma, blue, red, luma)


def load(data: Path, name: str) -> Detector:
    return Detector((data / f"models/{name}.tflite").read_bytes(), 2)


# --- classes


TOP_1 = {"cat.bmp": 286, "bird.bmp": 20, "grace_hopper.bmp": 653, "parrot.jpg": 89, "sunflower.bmp": 986}
NAMES = ("Egyptian cat", "chickadee", "military uniform", "macaw", "daisy")


@pytest.mark.parametrize(("picture", "name"), list(zip(TOP_1, NAMES, strict=True)))
def test_a_picture_is_of_the_class_that_it_is_known_to_be(data: Path, picture: str, name: str):
    detector = load(data, "coral/mobilenet_v2_1.0_224_quant")
    pixels, _ = Preprocessor(detector.contract.input).crop(
        as_frame(read(data / "models/coral" / picture)), Box(0, 0, 1, 1)
    )
    best = detector.detect(pixels, 0.1)[0]
    assert best[0] == TOP_1[picture]
    assert best[1] > 0.5
    known = labels.parse((data / "models/coral/imagenet_labels.txt").read_text())
    assert len(known) == detector.classes
    assert name in known[int(best[0])]


# --- faces


FACE = Box.of_pixels(178, 145, 358, 335, (600, 512))  # of grace_hopper.bmp, annotated by eye: brows to chin, ear to ear


@pytest.mark.parametrize("box", [Box(0, 0, 1, 1), Box(0.2, 0.1, 0.9, 0.7), Box(0.25, 0, 0.8, 1)], ids=str)
def test_a_face_is_found_where_it_is(data: Path, box: Box):
    detector = load(data, "mediapipe/face_detection_short_range")
    frame = as_frame(read(data / "models/coral/grace_hopper.bmp"))
    pixels, shown = Preprocessor(detector.contract.input).crop(frame, box)
    (best,) = detector.detect(pixels, 0.5)
    assert best[1] > 0.8
    assert within(shown, best[2:]).iou(FACE) > 0.7


def within(box: Box, edges: NDArray[Any]) -> Box:
    """Return what lies at `edges` of `box`."""
    across = [box.left + float(x) * box.width for x in edges[::2]]
    down = [box.top + float(y) * box.height for y in edges[1::2]]
    return Box(across[0], down[0], across[1], down[1])


# --- precision of the detectors


@dataclass(frozen=True)
class Truth:
    """A picture and what is in it: label, (x, y, width, height) in pixels, whether it is a crowd."""

    path: Path
    objects: list[tuple[str, list[float], bool]]


def coco128(data: Path, names: tuple[str, ...]) -> Iterator[Truth]:
    for path in sorted((data / "detection/coco128/images/train2017").glob("*.jpg")):
        height, width = read(path).shape[:2]
        lines = path.parents[2] / "labels/train2017" / f"{path.stem}.txt"
        rows = np.loadtxt(lines, ndmin=2) if lines.exists() and lines.stat().st_size else np.zeros((0, 5))
        rows[:, 1:3] -= rows[:, 3:5] / 2
        rows[:, 1:] *= [width, height, width, height]
        yield Truth(path, [(names[int(row[0])], row[1:].tolist(), False) for row in rows])


def in_json(folder: Path) -> Iterator[Truth]:
    found = json.loads((folder / "annotations/instances_train2017.json").read_text())
    names = {one["id"]: one["name"] for one in found["categories"]}
    for image in sorted(found["images"], key=lambda one: str(one["file_name"])):
        mine = [one for one in found["annotations"] if one["image_id"] == image["id"]]
        objects = [(names[one["category_id"]], one["bbox"], bool(one["iscrowd"])) for one in mine]
        yield Truth(folder / "train2017" / image["file_name"], objects)


@pytest.fixture(scope="module")
def truths(data: Path) -> list[Truth]:
    """Every picture of the three sets, once."""
    names = labels.parse((data / "models" / LABELS[YOLO]).read_text())
    sets = (coco128(data, names), in_json(data / "detection/tiny_coco"), in_json(data / "detection/coco_tiny"))
    return list({truth.path.name: truth for truth in itertools.chain(*sets)}.values())


def ours(data: Path, name: str, *, camera: bool) -> Callable[[Picture], Found]:
    """Return what the product does with a picture, in RGB or as a camera gives it."""
    detector, known = load(data, name), labels.parse((data / "models" / LABELS[name]).read_text())
    maker = Preprocessor(detector.contract.input)

    def find(picture: Picture) -> Found:
        pixels, shown = maker.crop(as_frame(picture), Box(0, 0, 1, 1)) if camera else maker.picture(picture)
        return [(known[int(row[0])], float(row[1]), within(shown, row[2:])) for row in detector.detect(pixels, LEAST)]

    return find


def bare(data: Path, name: str) -> Callable[[Picture], Found]:
    """Return the reference for the model `name`."""
    interpreter = runtime().Interpreter(model_path=str(data / f"models/{name}.tflite"), num_threads=2)
    interpreter.allocate_tensors()
    known = (data / "models" / LABELS[name]).read_text().split("\n")
    reference = bare_ssd if name == SSD else bare_yolo

    def find(picture: Picture) -> Found:
        return reference(interpreter, picture, known)

    return find


def bare_ssd(interpreter: Any, picture: Picture, known: list[str]) -> Found:
    small = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_AREA)
    boxes, classes, scores, count = answers(interpreter, small)
    found = []
    for number in range(int(count[0])):
        top, left, bottom, right = map(float, boxes[0][number])
        if scores[0][number] >= LEAST:
            box = Box(left, top, right, bottom).clipped()
            found.append((known[int(classes[0][number]) + 1], float(scores[0][number]), box))
    return found


def bare_yolo(interpreter: Any, picture: Picture, known: list[str]) -> Found:
    height, width = picture.shape[:2]
    scale = 416 / max(height, width)
    across, down = round(width * scale), round(height * scale)
    left, top = (416 - across) // 2, (416 - down) // 2
    canvas = np.full((416, 416, 3), 114, np.uint8)
    canvas[top : top + down, left : left + across] = cv2.resize(picture, (across, down), interpolation=cv2.INTER_AREA)
    (answer,) = answers(interpreter, (canvas.astype(np.int16) - 128).astype(np.int8))
    details = interpreter.get_output_details()[0]
    factor, zero = details["quantization"]
    rows = []
    for x, y, w, h, *scores in ((answer[0].astype(np.float64) - zero) * factor).T.tolist():
        score = max(scores)
        if score >= LEAST:
            rows.append([float(scores.index(score)), score, x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    found = []
    for kind, score, *edges in greedy(rows, 0.45)[:100]:
        x1, y1, x2, y2 = (min(1.0, max(0.0, edge)) * 416 for edge in edges)
        box = Box((x1 - left) / across, (y1 - top) / down, (x2 - left) / across, (y2 - top) / down)
        found.append((known[int(kind)], score, box))
    return found


def answers(interpreter: Any, pixels: NDArray[Any]) -> list[NDArray[Any]]:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[None])
    interpreter.invoke()
    return [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]


def ap50(truths: list[Truth], answers: list[Found], *, by_class: bool) -> float:
    """Return the average precision at an IoU of 0.5 as the COCO API computes it: the mean over classes, or of all."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    names = sorted({label for truth in truths for label, _, _ in truth.objects})
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = {"info": {}, "images": [{"id": number} for number in range(len(truths))]}
        known.dataset["categories"] = [{"id": number, "name": name} for number, name in enumerate(names)]
        known.dataset["annotations"] = [
            {"id": number, "area": entry["bbox"][2] * entry["bbox"][3], **entry}
            for number, entry in enumerate(objects(truths, names), start=1)
        ]
        known.createIndex()
        evaluation = COCOeval(known, known.loadRes(list(detections(truths, answers, names))), "bbox")
        evaluation.params.useCats = int(by_class)
        for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
            step()
    return float(evaluation.stats[1])


def objects(truths: list[Truth], names: list[str]) -> Iterator[dict[str, Any]]:
    for number, truth in enumerate(truths):
        for label, box, crowd in truth.objects:
            yield {"image_id": number, "category_id": names.index(label), "bbox": box, "iscrowd": int(crowd)}


def detections(truths: list[Truth], answers: list[Found], names: list[str]) -> Iterator[dict[str, Any]]:
    """Yield what was found; of a class that is in no picture the mean over classes knows nothing."""
    for number, (truth, found) in enumerate(zip(truths, answers, strict=True)):
        shape = read(truth.path).shape
        for label, score, box in found:
            if label in names:
                left, top, right, bottom = box.pixels(shape)
                bbox = [left, top, right - left, bottom - top]
                yield {"image_id": number, "category_id": names.index(label), "bbox": bbox, "score": score}


def check_precision(data: Path, name: str, truths: list[Truth], least: float) -> None:
    ways = {
        "reference": bare(data, name),
        "RGB": ours(data, name, camera=False),
        "camera": ours(data, name, camera=True),
    }
    found = {way: [find(read(truth.path)) for truth in truths] for way, find in ways.items()}
    means = {way: ap50(truths, answers, by_class=True) for way, answers in found.items()}
    alls = {way: ap50(truths, answers, by_class=False) for way, answers in found.items()}
    for way in ways:
        print(f"{name}, {len(truths)} pictures, {way}: over classes {means[way]:.4f}, objects {alls[way]:.4f}")
    assert means["RGB"] == pytest.approx(means["reference"], abs=TOLERANCE)
    assert alls["camera"] == pytest.approx(alls["reference"], abs=FROM_A_CAMERA)
    assert means["RGB"] > least


@pytest.mark.parametrize(("name", "least"), [(SSD, 0.3), (YOLO, 0.45)], ids=["ssd", "yolo"])
def test_the_precision_is_that_of_the_reference(data: Path, truths: list[Truth], name: str, least: float):
    check_precision(data, name, truths[::REDUCED], least)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "least"), [(SSD, 0.28), (YOLO, 0.44)], ids=["ssd", "yolo"])
def test_the_precision_on_all_pictures_is_that_of_the_reference(
    data: Path, truths: list[Truth], name: str, least: float
):
    check_precision(data, name, truths, least)
