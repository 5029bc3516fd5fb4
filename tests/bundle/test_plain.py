"""A plain model without a bundle: what it says of itself, and what is done where it says nothing."""

import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tapetum import bundle
from tapetum.bundle.plain import contract_of, input_of, labels_of
from tapetum.bundle.tflite import Description, Metadata, describe
from tapetum.errors import ConfigError, Unreadable, Unsuitable
from tapetum.inference.contract import Input
from tapetum.inference.decode import Ssd
from tapetum.inference.tensors import TensorSpec


def told(
    dtype: str = "float32", scale: float = 0.0, zero_point: int = 0, metadata: Metadata | None = None, channels: int = 3
) -> Description:
    """Return what a model of one input says of itself."""
    return Description((TensorSpec("in", (1, 20, 30, channels), dtype, scale, zero_point),), (), metadata)


def stored(taken: Input, pixel: int) -> list[float]:
    """Return what `pixel` becomes in each channel, by the formula of `Input`."""
    reals = [(pixel - mean) / std for mean, std in zip(taken.mean, taken.std, strict=True)]
    return [real / taken.scale + taken.zero_point if taken.scale else real for real in reals]


def test_an_ssd_is_recognised_though_its_file_leaves_the_shapes_to_the_runtime(model: Path):
    found = bundle.of_tflite(model)
    assert found.name == "detect@0"
    assert found.contract is not None
    assert found.contract.decoder == Ssd(boxes=0, classes=1, scores=2)
    assert (found.contract.input.width, found.contract.input.height) == (300, 300)
    assert (len(found.labels), found.labels[0]) == (90, "person")


def test_where_only_the_runtime_can_tell_the_worker_recognises_it():
    open_shape = replace(told(), outputs=(TensorSpec("out", (), "float32"),))
    assert contract_of(open_shape) is None


def test_a_model_that_is_no_detector_is_refused(data: Path):
    with pytest.raises(Unsuitable, match="its outputs are"):
        bundle.of_tflite(data / "models/mediapipe/selfie_segmentation.tflite")


def test_a_float_model_that_says_nothing_gets_minus_one_to_one():
    assert [stored(input_of(told()), pixel) for pixel in (0, 255)] == [[-1] * 3, [1] * 3]


@pytest.mark.parametrize("metadata", [Metadata(), Metadata(mean=(127.5,)), Metadata(std=(127.5,))])
def test_half_a_normalisation_is_none(metadata: Metadata):
    assert stored(input_of(told(metadata=metadata)), 255) == [1] * 3


def test_a_float_model_gets_what_its_metadata_say():
    assert stored(input_of(told(metadata=Metadata(mean=(0.0,), std=(255.0,)))), 255) == [1] * 3
    each = Metadata(mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0))
    assert stored(input_of(told(metadata=each)), 255) == [254, 126.5, 63]


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point"),
    [("uint8", 1 / 128, 128), ("uint8", 0.0, 0), ("int8", 1 / 255, -128), ("int8", 1 / 127.5, -1), ("int8", 0.0, 0)],
)
@pytest.mark.parametrize(
    "metadata", [None, Metadata(), Metadata(mean=(0.0,), std=(1.0,)), Metadata(mean=(0.0,), std=(0.0,))]
)
def test_a_quantized_model_gets_the_pixels_as_they_lie(
    dtype: str, scale: float, zero_point: int, metadata: Metadata | None
):
    taken = input_of(told(dtype, scale, zero_point, metadata))
    lowest = np.iinfo(dtype).min
    for pixel in (0, 100, 255):
        assert stored(taken, pixel) == pytest.approx([pixel + lowest] * 3)


def test_a_normalisation_of_no_more_than_a_level_is_passed_over():
    taken = input_of(told("uint8", 1 / 128, 128, Metadata(mean=(127.5,), std=(127.5,))))
    assert [stored(taken, pixel) for pixel in (0, 255)] == [[0] * 3, [255] * 3]


def test_a_quantized_model_gets_what_its_metadata_say_where_that_fits_into_its_numbers():
    taken = input_of(told("int8", 5 / 255, 0, Metadata(mean=(120.0, 110.0, 100.0), std=(70.0, 70.0, 70.0))))
    assert stored(taken, 255)[0] == pytest.approx(135 / 70 * 51)


@pytest.mark.parametrize(
    "metadata",
    [
        Metadata(mean=(1.0, 2.0), std=(1.0,)),
        Metadata(mean=(float("nan"),), std=(1.0,)),
        Metadata(mean=(0.0,), std=(float("inf"),)),
    ],
)
def test_a_normalisation_that_is_none_is_refused(metadata: Metadata):
    with pytest.raises(Unreadable, match="its metadata have the"):
        input_of(told(metadata=metadata))


def test_a_deviation_of_nothing_is_refused():
    with pytest.raises(Unsuitable, match="its input cannot be served: Expected `float` > 0"):
        input_of(told(metadata=Metadata(mean=(0.0,), std=(0.0,))))


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((1, 20, 30, 4), "uint8", r"its inputs are \(1, 20, 30, 4\); one picture"),
        ((2, 20, 30, 3), "uint8", "one picture"),
        ((20, 30, 3), "uint8", "one picture"),
        ((), "uint8", "one picture"),
        ((1, 20, 30, 3), "int16", "its input is int16; uint8, int8 or float32 is wanted"),
        ((1, 20, 5000, 3), "uint8", "cannot be served: Expected `int` <= 4096 - at `\\$.width`"),
        ((1, 0, 30, 3), "uint8", "cannot be served: Expected `int` >= 1 - at `\\$.height`"),
    ],
)
def test_a_model_that_takes_something_else_is_refused(shape: tuple[int, ...], dtype: str, expected: str):
    with pytest.raises(Unsuitable, match=expected):
        input_of(Description((TensorSpec("in", shape, dtype),), (), None))


def test_a_model_of_two_inputs_is_refused(data: Path):
    with pytest.raises(Unsuitable, match=r"its inputs are \(1, 128, 128, 1\), \(1, 128, 128, 1\); one picture"):
        input_of(describe((data / "models/tflm/simple_add_model.tflite").read_bytes()))


def test_a_zero_point_that_no_byte_has_is_refused():
    with pytest.raises(Unsuitable, match=r"cannot be served: Expected `int` <= 255 - at `\$\.zero_point`"):
        input_of(told("uint8", 1.0, 2**40))


# --- labels


def copied(data: Path, name: str, folder: Path, *packed: tuple[str, str]) -> Path:
    """Copy a model into `folder`, with other files packed behind it."""
    path = folder / "model.tflite"
    content = (data / f"models/{name}.tflite").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = min(entry.header_offset for entry in archive.infolist())
    path.write_bytes(content[:start])
    with zipfile.ZipFile(path, "a") as archive:
        for file, text in packed:
            archive.writestr(file, text)
    return path


def test_the_labels_are_those_that_the_metadata_name(data: Path, tmp_path: Path):
    files = ("a-readme.txt", "read me"), ("imagenet_labels.txt", "cat\ndog")
    path = copied(data, "coral/mobilenet_v1_0.25_128_quant", tmp_path, *files)
    assert labels_of(path, describe(path.read_bytes()), "") == ("cat", "dog")


def test_a_text_that_the_metadata_do_not_call_labels_is_not_taken_for_them(data: Path, tmp_path: Path):
    path = copied(data, "coral/mobilenet_v1_0.25_128_quant", tmp_path, ("a-readme.txt", "read me"))
    with pytest.raises(ConfigError, match=r"inference\.labels: model\.tflite brings no labels"):
        labels_of(path, describe(path.read_bytes()), "")


def test_the_operators_labels_go_before_those_of_the_metadata(data: Path, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    path = data / "models/coral/mobilenet_v1_0.25_128_quant.tflite"
    found = describe(path.read_bytes())
    assert labels_of(path, found, str(tmp_path / "mine.txt")) == ("mine",)
    assert len(labels_of(path, found, "")) == 1001


def test_the_names_that_a_yolo_exporter_packs_are_its_labels(data: Path):
    path = data / "models/yolo/yolov8n_full_integer_quant_416.tflite"
    labels = labels_of(path, describe(path.read_bytes()), "")
    assert (len(labels), labels[0], labels[79]) == (80, "person", "toothbrush")


# --- files


def test_a_model_is_called_by_its_file(model: Path, tmp_path: Path):
    path = tmp_path / "My Model.v2.tflite"
    shutil.copyfile(model, path)
    (tmp_path / "labelmap.txt").write_text("a\nb")
    assert (bundle.of_tflite(path).name, bundle.of_tflite(path).labels) == ("My Model.v2@0", ("a", "b"))


def test_what_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(Unreadable, match="there is no such file"):
        bundle.of_tflite(tmp_path / "nowhere.tflite")
    with pytest.raises(Unreadable, match="it is no file"):
        bundle.of_tflite(tmp_path)
