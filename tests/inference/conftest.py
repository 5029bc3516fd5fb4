"""A real detector and real pictures with what is in them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tapetum.inference.settings import Inference

Picture = NDArray[np.uint8]


@pytest.fixture(scope="session")
def ssd(data: Path) -> Inference:
    """An SSD of 90 classes for crops of 300 x 300."""
    folder = data / "models/coco_ssd_mobilenet_v1_quant"
    return Inference(model=str(folder / "detect.tflite"), labels=str(folder / "labelmap.txt"))


@pytest.fixture(scope="session")
def picture(data: Path) -> Picture:
    """A woman with an umbrella, as the model takes it: (300, 300, 3) RGB."""
    return read(data, "000000000036")


def read(data: Path, name: str) -> Picture:
    """Return a picture of COCO, (300, 300, 3) RGB."""
    picture = cv2.imread(str(data / f"detection/coco128/images/train2017/{name}.jpg"))
    assert picture is not None
    small = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)
