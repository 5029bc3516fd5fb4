"""The first convolution over pairs of pixels: the same numbers, and the pixels again where weights are read back."""

import statistics
import time
from pathlib import Path

import numpy as np
import pytest

from tapetum import bundle
from tapetum.inference.tflite import Detector
from tapetum_trainer import graph
from tapetum_trainer.folded import weights_of
from tapetum_trainer.pairs import in_pairs, of_pixels
from tapetum_trainer.quantize import Quantization, quantize
from tests.trainer import tiny
from tests.trainer.test_quantize import outputs

WHOLE = quantize(tiny.network().written(), tiny.CONTRACT, tiny.pictures(8), Quantization(edge_tpu=True))


def kinds(content: bytes) -> list[str]:
    return list(graph.given(graph.read(content)).values())


def first(content: bytes) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Return the kernel's shape and the strides, of rows and of columns, of the first convolution."""
    model = graph.read(content)
    _, convolution = next(graph.operators(model, "CONV_2D"))
    shape = model.subgraphs[0].tensors[convolution.inputs[1]].shape
    return tuple(map(int, shape)), (convolution.builtinOptions.strideH, convolution.builtinOptions.strideW)


@pytest.mark.parametrize("wanted", ["int8", "uint8"])
def test_the_answers_are_the_same_to_the_bit(wanted: str):
    settings = Quantization(input=wanted)  # type: ignore[arg-type]
    found = quantize(tiny.network().written(), tiny.CONTRACT, tiny.pictures(8), settings)
    assert kinds(found.content)[: 1 + (wanted == "uint8")] == [*["QUANTIZE"] * (wanted == "uint8"), "RESHAPE"]
    assert first(found.content) == ((8, 3, 2, 6), (2, 1))
    assert first(WHOLE.content) == ((8, 3, 3, 3), (2, 2))
    random = np.random.default_rng(4)
    for picture in [*tiny.pictures(3, seed=9), *random.integers(0, 256, (3, tiny.SIDE, tiny.SIDE, 3), np.uint8)]:
        one, two = (outputs(made.content, made.contract, picture) for made in (found, WHOLE))
        assert all(np.array_equal(*pair) for pair in zip(one, two, strict=True))


@pytest.mark.parametrize("as_bytes", [False, True])
def test_what_was_paired_can_be_parted_again(as_bytes: bool):
    model = in_pairs(graph.read(WHOLE.content))
    paired = graph.read(graph.written(graph.with_input_as_bytes(model) if as_bytes else model))
    again = graph.written(of_pixels(paired))
    if as_bytes:
        assert kinds(again) == ["QUANTIZE", *kinds(WHOLE.content)]
        return
    assert first(again) == first(WHOLE.content)
    assert kinds(again) == kinds(WHOLE.content)
    for picture in tiny.pictures(3, seed=9):
        one, two = (outputs(content, WHOLE.contract, picture) for content in (again, WHOLE.content))
        assert all(np.array_equal(*pair) for pair in zip(one, two, strict=True))


def test_what_begins_otherwise_is_left_as_it_is():
    other = tiny.Network(side=64)
    other.head(other.enlarged(other.convolved(other.graph.inputs[0], 8, 1)), 2, "heatmap")  # of stride 1
    for content in (tiny.network().written(), other.written()):  # the first is of floats
        model = graph.read(content)
        assert graph.written(in_pairs(model)) == graph.written(graph.read(content))
        assert graph.written(of_pixels(model)) == graph.written(graph.read(content))


@pytest.mark.long
@pytest.mark.alone
def test_it_takes_less_time():
    content = bundle.named(bundle.SHIPPED).read_bytes()
    spec = bundle.open(content).spec()
    apart = graph.written(of_pixels(graph.read(spec.content)))
    paired = graph.written(in_pairs(graph.read(apart)))
    detectors = [Detector(one, 1, spec.contract) for one in (apart, paired)]
    picture = np.random.default_rng(1).integers(0, 256, (256, 256, 3), np.uint8)
    taken: list[list[float]] = [[], []]
    for _ in range(300):
        for detector, times in zip(detectors, taken, strict=True):
            began = time.process_time()
            detector.said(picture)
            times.append(time.process_time() - began)
    ratio = statistics.median(taken[1]) / statistics.median(taken[0])
    print(f"in pairs it takes {ratio:.3f} of the time")
    assert ratio < 1


def test_weights_are_read_back_as_they_were():
    path = Path(__file__).parents[2] / "models/bundles/tapetum-nano@1.tapetum"
    content = bundle.open(path).spec().content
    paired = graph.written(in_pairs(graph.read(content)))
    assert first(paired) == ((32, 3, 2, 6), (2, 1))
    before, after = weights_of(content), weights_of(paired)
    assert before.keys() == after.keys()
    assert all(np.array_equal(*pair) for name in before for pair in zip(before[name], after[name], strict=True))
