"""Every type of input reaches the model as its contract says: by a model that gives back what it was given."""

import msgspec
import numpy as np
import pytest

from tapetum.errors import Unsuitable
from tapetum.inference.accelerators import Cpu
from tapetum.inference.contract import Contract
from tapetum.inference.decode import Classification
from tapetum.inference.messages import Setup
from tapetum.inference.process import Process
from tapetum.inference.tensors import TensorSpec
from tapetum.inference.tflite import Detector
from tests.inference.tiny import reshaping

LEVELS = np.array([[[10], [20], [30]], [[60], [50], [40]]], np.uint8)  # of 2 x 3 pixels, gray
KINDS = {"uint8": (1 / 256, 0), "int8": (1 / 256, -128), "float32": (0.0, 0)}


def classifier(dtype: str, channels: int = 1) -> bytes:
    """Return a model whose classes are the pixels of a picture of 3 x 2."""
    return reshaping((1, 2, 3, channels), (1, 6 * channels), dtype, *KINDS[dtype])


def ranked(found: np.ndarray) -> list[tuple[int, float]]:
    return [(int(row[0]), round(float(row[1]) * 256)) for row in found]


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_a_quantized_model_sees_the_levels_as_they_are(dtype: str):
    detector = Detector(classifier(dtype), 1)
    assert (detector.width, detector.height, detector.classes) == (3, 2, 6)
    assert ranked(detector.detect(LEVELS, 0.1)) == [(3, 60), (4, 50), (5, 40), (2, 30)]


@pytest.mark.parametrize("dtype", KINDS)
def test_a_gray_model_is_given_the_brightness_of_colours(dtype: str):
    detector = Detector(classifier(dtype), 1)
    assert detector.contract.input.channels == 1
    same = detector.detect(LEVELS, 0.0)
    assert (detector.detect(LEVELS.repeat(3, axis=2), 0.0) == same).all()


def test_a_float_model_is_given_what_its_contract_says():
    content = classifier("float32", channels=3)
    contract = Detector(content, 1).contract
    picture = msgspec.structs.replace(contract.input, mean=(0.0, 10.0, 20.0), std=(256.0, 128.0, 64.0))
    told = Contract(input=picture, decoder=Classification(scores="probability", most=18))
    pixels = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    expected = (pixels - np.array([0, 10, 20])) / np.array([256, 128, 64])
    found = Detector(content, 1, told).detect(pixels, 0.0)
    assert dict(zip(found[:, 0].astype(int).tolist(), found[:, 1].tolist(), strict=True)) == pytest.approx(
        {place: value for place, value in enumerate(expected.ravel()) if value >= 0}
    )


@pytest.mark.parametrize(
    ("shapes", "mean_std", "fit", "pad"),
    [
        ([(1, 84, 3549)], (0, 255), "letterbox", 114),
        ([(1, 10, 4), (1, 10), (1, 10), (1,)], (127.5, 127.5), "stretch", 128),
        ([(1, 2, 2, 5), (1, 2, 2, 2), (1, 2, 2, 2)], (127.5, 127.5), "stretch", 128),
        ([(1, 2, 2, 27), (1, 2, 2, 36)], (127, 128), "stretch", 128),
    ],
    ids=["yolo", "ssd", "centre", "efficientdet"],
)
def test_what_a_float_model_takes_is_the_convention_of_its_family(
    shapes: list[tuple[int, ...]], mean_std: tuple[float, float], fit: str, pad: int
):
    outputs = [TensorSpec("", shape, "float32") for shape in shapes]
    found = Contract.recognised([TensorSpec("images", (1, 416, 416, 3), "float32")], outputs).input
    assert (found.mean, found.std) == tuple((value,) * 3 for value in mean_std)
    assert (found.fit, found.pad) == (fit, pad)


@pytest.mark.parametrize(("dtype", "scale"), [("int8", float("nan")), ("uint8", -1.0)])
def test_an_input_that_cannot_be_filled_is_refused(dtype: str, scale: float):
    picture = TensorSpec("images", (1, 224, 224, 3), dtype, scale, 0)
    with pytest.raises(Unsuitable, match="its input cannot be filled"):
        Contract.recognised([picture], [TensorSpec("", (1, 10), "float32")])


def test_a_gray_model_runs_in_a_worker_as_any_other():
    process = Process(2048)
    try:
        found = process.load(Setup(accelerator=Cpu(), min_score=0.3), classifier("int8"))
    finally:
        process.kill()
    assert (found.contract.input.size, found.classes) == ((3, 2), 6)
