"""A real detector and real pictures with what is in them."""

import importlib.util
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tapetum.inference.client import Worker
from tapetum.inference.contract import ModelSpec
from tapetum.inference.model import Crop
from tapetum.inference.settings import Inference
from tests.inference.running import WHOLE, Running, Start, made
from tests.simulators.daemon import workers

Picture = NDArray[np.uint8]

_OLDER = importlib.util.find_spec("ai_edge_litert") is None
CHECKS_LITTLE = pytest.mark.skipif(
    _OLDER,
    reason="tflite-runtime checks a model less, and dies of some: in the worker, where it harms nobody",
)
ASKS_FOR_MORE = pytest.mark.skipif(
    _OLDER,
    reason="tflite-runtime asks for what the lock refuses by an error, which this stricter one counts as an attempt",
)


@pytest.fixture(scope="session")
def ssd(data: Path) -> Inference:
    """An SSD of 90 classes for crops of 300 x 300."""
    folder = data / "models/coco_ssd_mobilenet_v1_quant"
    return Inference(model=str(folder / "detect.tflite"), labels=str(folder / "labelmap.txt"))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An accelerator's library with the faults that its options name: `delegate.c`, built."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to build an accelerator's library with")
    built = tmp_path_factory.mktemp("delegate") / "delegate.so"
    source = Path(__file__).with_name("delegate.c")
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", str(built), str(source)]
    subprocess.run(command, check=True, timeout=60)
    return built


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


@pytest.fixture
def start() -> Iterator[Start]:
    """Start workers, and leave none behind."""
    started: list[Running] = []

    def begin(settings: Inference, spec: ModelSpec | None = None) -> Running:
        worker = Worker(spec, settings) if spec else made(settings)
        stop = threading.Event()
        threads = [threading.Thread(target=body, args=(stop,), daemon=True) for body in (worker.run, worker.try_others)]
        for thread in threads:
            thread.start()
        started.append(Running(worker, worker.port("camera"), stop, threads))
        return started[-1]

    yield begin
    for running in started:
        running.end()
    assert workers(os.getpid()) == []


@pytest.fixture
def running(start: Start, ssd: Inference) -> Running:
    return start(ssd)


@pytest.fixture
def crop(picture: Picture) -> Crop:
    return Crop(7, WHOLE, picture)
