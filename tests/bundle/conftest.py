"""A real model as a bundle, and plain models beside it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tapetum import bundle
from tapetum.inference.contract import Expected, ModelSpec, Probe
from tapetum_trainer.pack import pack

PROVENANCE = bundle.Provenance(
    licence="Apache-2.0",
    made_by="tests",
    made_at="2025-01-31T12:00:00Z",
    recipe="as it was found",
    sources=(bundle.Source(name="COCO 2017", licence="CC-BY-4.0", address="https://cocodataset.org"),),
)
METRICS = {"AP50": 0.326, "AP50.person": 0.32}
CARD = "# A detector\n\nOf 90 kinds of things.\n"


@pytest.fixture(scope="session")
def model(data: Path) -> Path:
    """An SSD of 90 classes for uint8 pictures of 300 x 300, its labels beside it."""
    return data / "models/coco_ssd_mobilenet_v1_quant/detect.tflite"


@pytest.fixture(scope="session")
def picture(data: Path) -> NDArray[np.uint8]:
    """A woman with an umbrella, as the model takes it."""
    read = cv2.imread(str(data / "detection/coco128/images/train2017/000000000036.jpg"))
    assert read is not None
    return np.asarray(cv2.cvtColor(cv2.resize(read, (300, 300)), cv2.COLOR_BGR2RGB), np.uint8)


@pytest.fixture(scope="session")
def spec(model: Path, picture: NDArray[np.uint8]) -> ModelSpec:
    """The model with all that a bundle holds of it."""
    plain = bundle.of_tflite(model)
    probes = (
        Probe(picture, (Expected("person", 0.7, (0.3, 0.2, 0.9, 1.0)),), 0.2, 0.5),
        Probe(np.zeros_like(picture), ()),
    )
    return ModelSpec(
        "street@3", plain.content, plain.labels, plain.contract, {"person": 0.4}, {"edgetpu": b"compiled"}, probes
    )


@pytest.fixture(scope="session")
def packed(spec: ModelSpec) -> bytes:
    """`spec` as a bundle."""
    return pack(spec, PROVENANCE, METRICS, card=CARD)
