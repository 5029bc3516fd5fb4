"""A trained network leaves Keras as a model that the device knows how to read, and comes back out of it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tapetum.inference.decode import Centre
from tapetum.inference.tflite import Detector, runtime
from tapetum_trainer.errors import ModelError
from tapetum_trainer.export import exported, float_contract
from tapetum_trainer.folded import Start
from tapetum_trainer.networks.classifier import ClassifierArchitecture, classifier
from tapetum_trainer.networks.detector import Architecture, detector
from tapetum_trainer.networks.sizes import SIZES
from tapetum_trainer.quantize import quantize
from tapetum_trainer.scaling import real
from tapetum_trainer.targets import OUTPUTS
from tapetum_trainer.weights import SOURCES, put, slimmed
from tests.trainer.learnable import ARCHITECTURE, CLASSES, SIDE, picture
from tests.trainer.training import train

LABELS = tuple("abcdefgh"[:CLASSES])

pytestmark = pytest.mark.timeout(300)
TAKEN = {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESIZE_NEAREST_NEIGHBOR", "LOGISTIC"}
"""Operators that XNNPACK and an Edge TPU take in int8."""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A network that has learned a little, so that nothing in it is as it began."""
    return train(tmp_path_factory.mktemp("training"), 1, 4)[0]


@pytest.fixture(scope="module")
def content(network: Any) -> bytes:
    return exported(network)


@pytest.fixture(scope="module")
def small(content: bytes) -> bytes:
    pictures = (picture((7, index))[0] for index in range(8))
    return quantize(content, float_contract(SIDE), pictures).content


def said(content: bytes, pixels: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    interpreter = runtime().Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    stored = (
        real(pixels)[None] if entry["dtype"] is np.float32 else (pixels.astype(np.int16) - 128).astype(np.int8)[None]
    )
    interpreter.set_tensor(entry["index"], stored)
    interpreter.invoke()
    found = []
    for output in interpreter.get_output_details():
        values = interpreter.get_tensor(output["index"]).astype(np.float32)
        scale, zero_point = output["quantization"]
        found.append(scale * (values - zero_point) if scale else values)
    return found


def operators(content: bytes) -> set[str]:
    interpreter = runtime().Interpreter(model_content=content)
    return {one["op_name"] for one in interpreter._get_ops_details()} - {"DELEGATE"}


def test_the_device_recognises_what_was_exported_and_gets_the_network_s_answers(network: Any, content: bytes):
    model = Detector(content, 1)
    assert model.contract.decoder == Centre()
    assert [output.name for output in model.outputs] == list(OUTPUTS)
    pixels, _ = picture((5, 5))
    expected = network(real(pixels)[None], training=False)
    for name, values in zip(OUTPUTS, said(content, pixels), strict=True):
        assert np.abs(values - np.asarray(expected[name])).max() < 1e-4


def test_all_of_it_is_int8_and_of_operators_that_accelerators_take(content: bytes, small: bytes):
    assert operators(small) == TAKEN | {"RESHAPE"}  # of pixels into pairs
    interpreter = runtime().Interpreter(model_content=small)
    assert {detail["dtype"] for detail in interpreter.get_tensor_details()} <= {np.int8, np.int32}
    (entry,) = Detector(small, 1).inputs
    assert (entry.dtype, entry.scale, entry.zero_point) == ("int8", pytest.approx(1 / 128), 0)
    pixels, _ = picture((5, 5))
    for one, other in zip(said(content, pixels), said(small, pixels), strict=True):
        assert np.abs(one - other).max() < 0.1


@pytest.mark.parametrize("kind", ["content", "small"])
def test_weights_are_read_back_out_of_a_model_that_was_exported(
    network: Any, kind: str, request: pytest.FixtureRequest
):
    again = detector(ARCHITECTURE, CLASSES, norm=False)
    Start(request.getfixturevalue(kind), LABELS).put_into(again, LABELS)
    pixels, _ = picture((5, 5))
    expected, found = (one(real(pixels)[None], training=False) for one in (network, again))
    for name in OUTPUTS:
        limit = 1e-4 if kind == "content" else 0.1
        assert np.abs(np.asarray(found[name]) - np.asarray(expected[name])).max() < limit


def test_classes_begin_as_they_were_wherever_they_stand_and_others_as_the_network_had_them(
    network: Any, content: bytes
):
    again = detector(ARCHITECTURE, CLASSES + 1, norm=False)
    fresh = detector(ARCHITECTURE, CLASSES + 1, norm=False)
    fresh.set_weights(again.get_weights())
    Start(content, LABELS).put_into(again, ("new", *reversed(LABELS)))
    found, own = (one.get_layer("heatmap_logits").get_weights()[0] for one in (again, fresh))
    assert np.array_equal(found[..., 0], own[..., 0])
    pixels, _ = picture((5, 5))
    expected, said_now = (np.asarray(one(real(pixels)[None], training=False)["heatmap"]) for one in (network, again))
    assert np.abs(said_now[..., 1:] - expected[..., ::-1]).max() < 1e-4


def test_the_weights_of_another_network_are_refused(content: bytes):
    other = Architecture(ARCHITECTURE.backbone, SIDE, neck=24, depth=1)
    with pytest.raises(ModelError, match="it is of another network"):
        Start(content, LABELS).put_into(detector(other, CLASSES, norm=False), LABELS)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_made_with_a_grid_of_stride_eight(size: str):
    network = detector(SIZES[size].architecture(224), 5)  # type: ignore[index]
    assert network.get_layer("heatmap").output.shape == (None, 28, 28, 5)


CORAL = {"cat.bmp": {282, 285, 286}, "bird.bmp": {19, 20}, "grace_hopper.bmp": {652, 653}, "parrot.jpg": {88, 89}}
"""Pictures and their classes of ImageNet, counted from 0 and from 1."""


def top(network: Any, path: Path, side: int) -> int:
    found = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    pixels = np.asarray(cv2.resize(found, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    return int(np.argmax(network(real(pixels)[None], training=False)[0]))


@pytest.mark.parametrize(
    "name", ["efficientnet-lite0", pytest.param("mobilenet-v2", marks=pytest.mark.long)]
)  # the latter's package is fetched
def test_a_backbone_with_its_pretrained_weights_knows_what_it_has_learned(name: str, data: Path):
    source = SOURCES[name]
    network = classifier(ClassifierArchitecture(source.backbone, 224, head=1280), 1000)
    weights = source.read()
    assert len(put(network, weights)) == len(weights)
    network.get_layer("logits").set_weights(list(source.read_dense()))
    assert {
        picture: top(network, data / "models/coral" / picture, 224) in known for picture, known in CORAL.items()
    } == (dict.fromkeys(CORAL, True))


def test_the_strongest_channels_of_a_backbone_fit_a_thinner_one():
    source, size = SOURCES["efficientnet-lite0"], SIZES["base"]
    thin = slimmed(source.read(), size.backbone.upto(4))
    assert thin["s4b1_project"].kernel.shape == source.read()["s4b1_project"].kernel.shape
    assert "s5b1_project" not in thin
