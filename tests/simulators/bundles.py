"""Real detectors as bundles, with probes whose answers the models themselves were asked for."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum import bundle
from tapetum.inference.accelerators import Cpu
from tapetum.inference.contract import Expected, ModelSpec, Probe
from tapetum.inference.messages import Setup
from tapetum.inference.process import Process
from tapetum_trainer.pack import pack

Picture = NDArray[np.uint8]
_SURE = 0.5  # score of what a probe expects: what is doubtful may be otherwise on another processor
_MEMORY_MB = 2048


@cache
def ssd(data: Path) -> ModelSpec:
    """Return an SSD of 90 classes for pictures of 300 x 300, `ssd@1`."""
    found = bundle.of_tflite(data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite")
    return _probed(replace(found, name="ssd@1"), data)


@cache
def yolo(data: Path) -> ModelSpec:
    """Return a YOLOv8n of 80 classes for pictures of 416 x 416, int8, `yolo@1`."""
    folder = data / "models/yolo"
    model, labels = folder / "yolov8n_full_integer_quant_416.tflite", folder / "coco-labels-2014_2017.txt"
    return _probed(replace(bundle.of_tflite(model, str(labels)), name="yolo@1"), data)


def packed(spec: ModelSpec) -> bytes:
    return pack(spec, bundle.Provenance(licence="none"), {})


def with_box_moved(spec: ModelSpec) -> ModelSpec:
    """Return it with a probe that expects the first thing somewhere else."""
    first, *others = spec.probes[0].expected
    moved = replace(first, box=(0.0, 0.0, 0.1, 0.1))
    return replace(spec, probes=(replace(spec.probes[0], expected=(moved, *others)), *spec.probes[1:]))


def _probed(spec: ModelSpec, data: Path) -> ModelSpec:
    """Return the model with two probes: a bus and people, and a gray picture."""
    assert spec.contract is not None
    read = cv2.imread(str(data / "models/yolo/bus.jpg"))
    assert read is not None
    bus = np.asarray(cv2.cvtColor(cv2.resize(read, spec.contract.input.size), cv2.COLOR_BGR2RGB), np.uint8)
    gray = np.full_like(bus, 127)
    probes = tuple(Probe(picture, answer) for picture, answer in zip((bus, gray), _asked(spec, bus, gray), strict=True))
    assert probes[0].expected
    assert not probes[1].expected
    return replace(spec, probes=probes)


def _asked(spec: ModelSpec, *pictures: Picture) -> Sequence[tuple[Expected, ...]]:
    """Return what the model is sure to see in each picture."""
    worker = Process(_MEMORY_MB)
    try:
        worker.load(Setup(accelerator=Cpu(), min_score=0.3, contract=spec.contract), spec.content)
        answers = [worker.ask([picture])[0][0] for picture in pictures]
    finally:
        worker.kill()
    return [tuple(_expected(spec, row) for row in rows if row[1] >= _SURE) for rows in answers]


def _expected(spec: ModelSpec, row: NDArray[np.float32]) -> Expected:
    left, top, right, bottom = (float(edge) for edge in np.clip(row[2:], 0, 1))
    return Expected(spec.labels[int(row[0])], float(row[1]), (left, top, right, bottom))


@cache
def classifier(data: Path) -> ModelSpec:
    """Return a classifier of ImageNet's classes for pictures of 224 x 224, uint8, `imagenet@1`; its probe is a cat."""
    folder = data / "models/coral"
    found = bundle.of_tflite(folder / "mobilenet_v2_1.0_224_quant.tflite", str(folder / "imagenet_labels.txt"))
    short = [label.partition(",")[0] for label in found.labels]
    labels = tuple("???" if label in short[:place] else label for place, label in enumerate(short))
    spec = replace(found, name="imagenet@1", labels=labels)
    assert spec.contract is not None
    read = cv2.imread(str(folder / "cat.bmp"))
    assert read is not None
    cat = np.asarray(cv2.cvtColor(cv2.resize(read, spec.contract.input.size), cv2.COLOR_BGR2RGB), np.uint8)
    (expected,) = _asked(spec, cat)
    return replace(spec, probes=(Probe(cat, expected),))
