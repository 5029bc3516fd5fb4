"""YOLO: boxes and scores of every anchor, and most of them see nothing."""

from typing import Literal

import msgspec
import numpy as np
import pytest

from tapetum.errors import Unsuitable
from tapetum.inference.decode import Yolo, recognise
from tapetum.inference.tensors import Tensor, TensorSpec
from tests.inference.decode.examples import EXAMPLES, Example, Row, cut, greedy, same

MODELS = {name: example for name, example in EXAMPLES.items() if isinstance(example.decoder, Yolo)}


def slowly(example: Example, tensor: Tensor, min_score: float) -> list[Row]:
    """Decode one anchor after another."""
    decoder = example.decoder
    assert isinstance(decoder, Yolo)
    table = tensor.floats()[0]
    rows = []
    for anchor in table if decoder.anchors == "first" else table.T:
        x, y, width, height = anchor[:4]
        scores = [score * anchor[4] for score in anchor[5:]] if decoder.objectness else list(anchor[4:])
        best = max(range(len(scores)), key=lambda kind: scores[kind])
        if scores[best] >= np.float32(min_score):
            rows.append([best, scores[best], x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    return cut(greedy(rows, decoder.iou)[: decoder.most], min_score)


@pytest.mark.parametrize("example", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("min_score", [0.2, 0.4, 0.7])
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8"])
def test_all_anchors_at_once_are_the_same_as_one_after_another(
    example: Example, seed: int, min_score: float, dtype: str
):
    tensors = example.tensors(seed, dtype)
    assert same(example.decoder.decode(tensors, min_score), slowly(example, tensors[0], min_score))


@pytest.mark.parametrize("unit", ["told", "pixel"])
@pytest.mark.parametrize("seed", range(4))
def test_boxes_in_pixels_are_those_in_fractions_times_the_size(seed: int, unit: Literal["told", "pixel"]):
    (tensor,) = EXAMPLES["yolo 8"].tensors(seed)
    decoder = EXAMPLES["yolo 8"].decoder
    assert isinstance(decoder, Yolo)
    expected = decoder.decode([tensor], 0.3)
    tensor.values[0, :4] *= np.array([[64], [96], [64], [96]])
    found = msgspec.structs.replace(decoder, unit=unit).decode([tensor], 0.3)
    assert same(found, expected.tolist())


def picture(width: int, height: int) -> TensorSpec:
    return TensorSpec("images", (1, height, width, 3), "float32")


@pytest.mark.parametrize(
    ("size", "shape", "expected"),
    [
        ((416, 416), (1, 84, 3549), ("last", False, 80)),
        ((640, 640), (1, 84, 8400), ("last", False, 80)),
        ((640, 640), (1, 8400, 84), ("first", False, 80)),
        ((640, 384), (1, 5, 5040), ("last", False, 1)),
        ((640, 640), (1, 25200, 85), ("first", True, 80)),
        ((320, 320), (1, 6300, 6), ("first", True, 1)),
        ((1280, 1280), (1, 102000, 85), ("first", True, 80)),
        ((640, 640), (1, 84, 34000), ("last", False, 80)),
        ((416, 416), (1, 2535, 85), ("first", True, 80)),
    ],
    ids=["8n 416", "8 640", "8 transposed", "11 of one class, wide", "5s", "5 of one class", "5s6", "8-p2", "3-tiny"],
)
def test_the_shape_tells_which_it_is(size: tuple[int, int], shape: tuple[int, ...], expected: tuple[str, bool, int]):
    outputs = [TensorSpec("output", shape, "float32")]
    found = recognise([picture(*size)], outputs)
    assert isinstance(found, Yolo)
    assert (found.anchors, found.objectness, found.told_apart(outputs)) == expected
    assert (found.width, found.height) == size


def test_an_output_for_another_size_of_picture_is_none_of_it():
    with pytest.raises(Unsuitable, match="no decoder reads"):
        recognise([picture(320, 320)], [TensorSpec("output", (1, 84, 8400), "float32")])


@pytest.mark.parametrize("scale", [1.0, 416.0], ids=["fractions", "pixels"])
def test_boxes_in_pixels_are_told_from_fractions_by_the_anchors_that_see_nothing_too(scale: float):
    """One small thing in the corner, by which it could not be told, and an unsure anchor that is far too large."""
    values = np.zeros((1, 6, 3549), np.float32)
    values[0, 2:4, 0] = 2.4 * scale
    values[0, :2] = scale * np.linspace(0, 1, 3549)
    values[0, :, 7] = [0.002 * scale, 0.001 * scale, 0.002 * scale, 0.001 * scale, 0.9, 0.1]
    decoder = Yolo(width=416, height=416, anchors="last")
    found = decoder.decode([Tensor(TensorSpec("", values.shape, "float32"), values)], 0.5)
    assert found[0].tolist() == pytest.approx([0, 0.9, 0.001, 0.0005, 0.003, 0.0015])
