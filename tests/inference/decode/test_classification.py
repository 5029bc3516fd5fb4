"""One score for each class, and no box."""

import numpy as np
import pytest

from tapetum.inference.decode import Classification, recognise
from tapetum.inference.tensors import Tensor, TensorSpec
from tests.inference.decode.examples import EXAMPLES, same

SCORES = [0.1, 0.6, 0.05, 0.25]
LOGITS = np.log(SCORES)


def output(values: list[float], dtype: str = "float32", scale: float = 0.0, zero_point: int = 0) -> list[Tensor]:
    spec = TensorSpec("", (1, len(values)), dtype, scale, zero_point)
    stored = np.rint(np.array(values) / scale + zero_point) if scale else np.array(values)
    return [Tensor(spec, stored.astype(dtype)[None])]


@pytest.mark.parametrize(
    "found",
    [
        output(SCORES),
        output([value + 3 for value in LOGITS]),
        output([value + 0.2 for value in LOGITS]),
        output(SCORES, "uint8", 1 / 256),
        output(SCORES, "int8", 1 / 256, -128),
        output(SCORES, "uint8", 1 / 255),
        output([float(value) for value in LOGITS], "int8", 0.02, 100),
        output([float(value) + 4 for value in LOGITS], "uint8", 0.02),
    ],
    ids=["softmax", "logits", "some of them less", "uint8", "int8", "by 255", "int8 logits", "logits above nothing"],
)
def test_probabilities_and_logits_are_told_apart(found: list[Tensor]):
    rows = Classification().decode(found, 0.08)
    assert rows[:, 0].tolist() == [1, 3, 0]
    assert rows[:, 1].tolist() == pytest.approx([0.6, 0.25, 0.1], abs=0.01)
    assert rows[:, 2:].tolist() == [[0, 0, 1, 1]] * 3


def test_several_classes_at_once_are_believed_when_it_is_said():
    scores = [0.9, 0.8, 0.1]
    assert Classification(scores="probability").decode(output(scores), 0.5)[:, 0].tolist() == [0, 1]
    assert Classification().decode(output(scores), 0.5).shape == (0, 6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_logits_are_made_probabilities_by_a_softmax(seed: int, dtype: str):
    example = EXAMPLES["classification by logits"]
    tensors = example.tensors(seed, dtype)
    powers = np.exp(tensors[0].floats().ravel().astype(np.float64))
    shares = powers / powers.sum()
    ranked = sorted(range(9), key=lambda kind: -shares[kind])
    expected = [[kind, shares[kind], 0, 0, 1, 1] for kind in ranked if shares[kind] >= 0.05]
    assert same(example.decoder.decode(tensors, 0.05), expected[:5])


@pytest.mark.parametrize("shape", [(1, 1001), (1, 2), (1, 1, 1, 1000)])
def test_a_list_of_scores_is_one_of_classes(shape: tuple[int, ...]):
    outputs = [TensorSpec("Softmax", shape, "uint8", 1 / 256)]
    found = recognise([TensorSpec("input", (1, 224, 224, 3), "uint8")], outputs)
    assert (found, found.told_apart(outputs)) == (Classification(), shape[-1])
