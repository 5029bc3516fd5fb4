"""Weights are put on int8's steps so that their errors cancel, and biases so that they fit."""

from typing import Any

import keras
import numpy as np
import pytest

from tapetum_trainer import fitted as fitting
from tapetum_trainer import graph
from tapetum_trainer.export import exported, float_contract
from tapetum_trainer.folded import weights_of
from tapetum_trainer.layers import layer_errors
from tapetum_trainer.moments import kernels, observed, watched
from tapetum_trainer.networks.detector import detector
from tapetum_trainer.quantize import Quantization, quantize, questions
from tapetum_trainer.rounding import STEPS, nearest, rounded
from tests.trainer import tiny
from tests.trainer.learnable import ARCHITECTURE, CLASSES, SIDE, picture

pytestmark = pytest.mark.timeout(300)
CONTRACT = float_contract(SIDE)
PICTURES = [picture((7, index))[0] for index in range(12)]


@pytest.fixture(scope="module")
def content() -> bytes:
    """A detector with depthwise convolutions, strides and additions; its weights are random."""
    keras.utils.set_random_seed(5)
    return exported(detector(ARCHITECTURE, CLASSES, norm=False))


def correlated(random: np.random.Generator, count: int, inputs: int) -> np.ndarray[Any, Any]:
    """Numbers that rise and fall together, as those behind a ReLU6."""
    common = random.random((count, 3))
    return np.clip(common @ random.normal(2, 1, (3, inputs)) + random.normal(0, 0.1, (count, inputs)), 0, 6)


def test_rounded_together_the_errors_of_weights_cancel():
    random = np.random.default_rng(1)
    samples, weights = correlated(random, 2000, 100), random.normal(0, 1, (1, 20, 100))
    covariance = np.cov(samples.T)[None]

    def error(found: np.ndarray[Any, Any]) -> float:
        moved = (found - weights)[0]
        return float(np.square((samples - samples.mean(axis=0)) @ moved.T).mean())

    assert error(rounded(weights, covariance)) < 0.25 * error(nearest(weights))


@pytest.mark.parametrize("tries", [1, 3])
def test_each_weight_is_a_whole_part_of_the_greatest_which_the_quantizer_takes_for_the_step(
    tries: int, monkeypatch: pytest.MonkeyPatch
):
    """Where the greatest weight gave way another step is looked for; where none is found, each goes to the nearest."""
    monkeypatch.setattr("tapetum_trainer.rounding._TRIES", tries)
    random = np.random.default_rng(2)
    samples, weights = correlated(random, 500, 4), random.normal(0, 1, (1, 300, 4))
    found = rounded(weights, np.cov(samples.T)[None])
    parts = found / (np.abs(found).max(axis=2, keepdims=True) / STEPS)
    assert np.abs(parts - np.rint(parts)).max() < 1e-6
    assert np.abs(found - weights).max() < 0.2
    alike = (found == nearest(weights)).all(axis=2).mean()
    assert alike < 0.5 if tries > 1 else alike > 0.5


def test_where_nothing_varies_each_weight_goes_to_the_nearest():
    weights = np.random.default_rng(3).normal(0, 1, (4, 1, 9))
    assert np.allclose(rounded(weights, np.zeros((4, 9, 9))), nearest(weights))


def test_what_is_taken_for_the_input_of_each_kernel_is_what_the_runtime_multiplies(content: bytes):
    """Put through the kernel, the samples give what the operator does: both kinds of convolution, strides 1 and 2."""
    model = graph.read(content)
    interpreter = watched(content)
    (question,) = questions(CONTRACT.input, "picture", PICTURES[:1])
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], question["picture"])
    interpreter.invoke()
    tensors, kinds = model.subgraphs[0].tensors, set()
    for kernel in kernels(model).values():
        inputs, operator = kernel.operator.inputs, kernel.operator
        bias = graph.constant(model, tensors[inputs[2]], "<f4")
        samples = kernel.samples(interpreter.get_tensor(inputs[0]), np.random.default_rng(4))
        found = np.einsum("gkn,gon->kgo", samples, kernel.weights).reshape(samples.shape[1], -1) + bias
        if operator.builtinOptions.fusedActivationFunction == graph.schema().ActivationFunctionType.RELU6:
            found = found.clip(0, 6)
        given = interpreter.get_tensor(operator.outputs[0]).reshape(-1, found.shape[1])
        if len(given) == len(found):  # all places were drawn
            kinds.add((kernel.depthwise, int(operator.builtinOptions.strideH)))
            assert np.allclose(np.sort(found, axis=0), np.sort(given, axis=0), atol=1e-4)
    assert kinds == {(False, 1), (True, 1), (True, 2)}


def test_the_quantizer_finds_nothing_left_to_round(content: bytes):
    asked = list(questions(CONTRACT.input, "picture", PICTURES))
    before = weights_of(fitting.fitted(content, {}, asked))
    after = weights_of(quantize(content, CONTRACT, PICTURES).content)
    assert before.keys() == after.keys()
    assert all(np.abs(before[name][0] - kernel).max() > 0 for name, (kernel, _) in weights_of(content).items())
    for name, (kernel, _) in before.items():
        assert np.abs(kernel - after[name][0]).max() < 1e-5 * np.abs(kernel).max()


def sqnr(content: bytes, weights: Any) -> float:
    """Of what comes before the ends, the mean, on pictures that it was not calibrated on."""
    made = quantize(content, CONTRACT, PICTURES, Quantization(weights=weights))
    found = layer_errors(content, CONTRACT, made.content, [picture((8, index))[0] for index in range(4)])
    return float(np.mean([one.sqnr_db for one in found if one.kind != "LOGISTIC"]))


def test_what_is_left_of_the_numbers_is_more_than_with_each_weight_rounded_by_itself(content: bytes):
    assert sqnr(content, "fitted") > sqnr(content, "nearest") + 1


def test_the_mean_of_what_a_layer_gives_stays(content: bytes):
    """The bias makes up for it."""
    asked = list(questions(CONTRACT.input, "picture", PICTURES))
    model = graph.read(content)
    found = kernels(model)
    seen = observed(content, found, asked)
    place = next(place for place, kernel in found.items() if kernel.depthwise)
    changed = graph.read(fitting.fitted(content, {}, asked))

    def mean(model: Any) -> np.ndarray[Any, Any]:
        kernel = kernels(model)[place]
        bias = graph.constant(model, model.subgraphs[0].tensors[kernel.operator.inputs[2]], "<f4")
        assert bias is not None
        return np.asarray(np.einsum("gon,gn->go", kernel.weights, seen[place].mean).reshape(-1) + bias)

    assert np.allclose(mean(model), mean(changed), atol=1e-5)


@pytest.mark.parametrize("weights", ["fitted", "nearest"])
def test_a_channel_that_died_stays_silent(weights: Any):
    """Its kernel is next to nothing, its bias is not: in the kernel's scale it is beyond int32."""
    made = tiny.network()
    first = next(one for _, one in graph.operators(made.model, "CONV_2D"))
    tensors = [made.graph.tensors[place] for place in first.inputs[1:3]]
    kernel, bias = (graph.constant(made.model, one, "<f4").copy() for one in tensors)
    kernel[0] *= 1e-6
    bias[0] = -3.7
    graph.put(made.model, first, 1, kernel)
    graph.put(made.model, first, 2, bias)
    content = quantize(made.written(), tiny.CONTRACT, tiny.pictures(8), Quantization(weights=weights)).content
    interpreter = watched(content)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.full((1, 64, 64, 3), 90, np.int8))
    interpreter.invoke()
    output = next(one for _, one in graph.operators(graph.read(content), "CONV_2D")).outputs[0]
    values = interpreter.get_tensor(output)[..., 0].astype(int)
    zero_point = graph.read(content).subgraphs[0].tensors[output].quantization.zeroPoint[0]
    assert (values == zero_point).all()
