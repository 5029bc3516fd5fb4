"""Faces, by anchors that are all of one size."""

import numpy as np
import pytest

from tapetum.inference.decode import BlazeFace, recognise
from tapetum.inference.tensors import Tensor, TensorSpec
from tests.inference.decode.examples import EXAMPLES, Row, cut, greedy, same

EXAMPLE = EXAMPLES["blazeface"]


def anchors() -> list[tuple[float, float]]:
    """Return the centres, layer after layer as MediaPipe's calculator does: strides 8, 16, 16, 16, two each a cell."""
    found = []
    for side, each in ((16, 2), (8, 6)):
        for y in range(side):
            for x in range(side):
                found += [((x + 0.5) / side, (y + 0.5) / side)] * each
    return found


def slowly(tensors: list[Tensor], min_score: float) -> list[Row]:
    """Decode one anchor after another."""
    boxes, scores = (tensor.floats()[0] for tensor in tensors)
    rows = []
    for (x, y), (dx, dy, width, height), logit in zip(anchors(), boxes[:, :4] / 128, scores[:, 0], strict=True):
        score = 1 / (1 + np.exp(-logit))
        if score >= min_score:
            left, top = x + dx - width / 2, y + dy - height / 2
            rows.append([0, score, left, top, left + width, top + height])
    return cut(greedy(rows, 0.3, blend=True)[:100], min_score)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("min_score", [0.1, 0.25, 0.6])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_all_anchors_at_once_are_the_same_as_one_after_another(seed: int, min_score: float, dtype: str):
    tensors = EXAMPLE.tensors(seed, dtype)
    assert same(EXAMPLE.decoder.decode(tensors, min_score), slowly(tensors, min_score))


@pytest.mark.parametrize(
    ("side", "count", "grids"),
    [(128, 896, ((8, 2), (16, 6))), (256, 896, ((16, 2), (32, 6))), (192, 2304, ((4, 1),))],
    ids=["short range", "back camera", "full range"],
)
def test_the_number_of_anchors_tells_the_grids(side: int, count: int, grids: tuple[tuple[int, int], ...]):
    picture = TensorSpec("input", (1, side, side, 3), "float32")
    outputs = [TensorSpec("scores", (1, count, 1), "float32"), TensorSpec("boxes", (1, count, 16), "float32")]
    found = recognise([picture], outputs)
    assert found == BlazeFace(regressors=1, scores=0, width=side, height=side, grids=grids)


def test_scores_far_out_are_certain_and_warn_of_nothing():
    boxes = np.tile(np.array([0, 0, 30, 30] + [0] * 12, np.float32), (1, 896, 1))
    scores = np.full((1, 896, 1), -1e30, np.float32)
    scores[0, 400] = 1e30
    tensors = [Tensor(TensorSpec("", one.shape, "float32"), one) for one in (boxes, scores)]
    assert EXAMPLE.decoder.decode(tensors, 0.5)[:, 1].tolist() == [1]
    assert EXAMPLE.decoder.decode(tensors, 0.0)[:2, 1].tolist() == pytest.approx([1, 0], abs=1e-30)
