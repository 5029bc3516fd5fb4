"""EfficientDet without post-processing: a pyramid of anchors."""

import numpy as np
import pytest

from tapetum.inference.decode import EfficientDet, recognise
from tapetum.inference.tensors import Tensor, TensorSpec
from tests.inference.decode.examples import EXAMPLES, Row, cut, greedy, same

EXAMPLE = EXAMPLES["efficientdet"]
GRIDS = (16, 8, 4, 2, 1)


def slowly(tensors: list[Tensor], min_score: float) -> list[Row]:
    """Decode one anchor after another: level, row, column, octave, aspect; sizes in pixels of a 128 x 128 input."""
    rows = []
    for level, grid in enumerate(GRIDS):
        logits, codes = tensors[level].floats().reshape(-1, 3), tensors[level + 5].floats().reshape(-1, 4)
        places = [(y, x, o, a) for y in range(grid) for x in range(grid) for o in range(3) for a in (1.0, 2.0, 0.5)]
        stride = 128 / grid
        for (y, x, octave, aspect), scores, (ty, tx, th, tw) in zip(places, logits, codes, strict=True):
            best = int(scores.argmax())
            score = 1 / (1 + np.exp(-scores[best]))
            if score >= min_score:
                size = 3.0 * stride * 2 ** (octave / 3)
                width, height = size * aspect**0.5, size / aspect**0.5
                across, down = (x + 0.5) * stride + tx * width, (y + 0.5) * stride + ty * height
                half = np.exp(tw) * width / 2, np.exp(th) * height / 2
                edges = across - half[0], down - half[1], across + half[0], down + half[1]
                rows.append([best, score, *(edge / 128 for edge in edges)])
    return cut(greedy(rows, 0.45)[:100], min_score)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("min_score", [0.5, 0.8])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_all_anchors_at_once_are_the_same_as_one_after_another(seed: int, min_score: float, dtype: str):
    tensors = EXAMPLE.tensors(seed, dtype)
    assert same(EXAMPLE.decoder.decode(tensors, min_score), slowly(tensors, min_score))


@pytest.mark.parametrize(("side", "scale"), [(320, 3.0), (448, 3.0), (512, 4.0)], ids=["Lite 0", "Lite 2", "Lite 3"])
def test_the_levels_are_told_in_any_order(side: int, scale: float):
    grids = [-(-side // stride) for stride in (8, 16, 32, 64, 128)]
    classes = [TensorSpec("", (1, grid, grid, 810), "float32") for grid in grids]
    boxes = [TensorSpec("", (1, grid, grid, 36), "float32") for grid in grids]
    found = recognise([TensorSpec("image", (1, side, side, 3), "uint8")], [*boxes[::-1], *classes])
    assert found == EfficientDet(classes=(5, 6, 7, 8, 9), boxes=(4, 3, 2, 1, 0), anchor_scale=scale)


def test_of_four_classes_the_names_tell_which_are_boxes():
    outputs = [TensorSpec(f"{kind}_net/{n}", (1, n, n, 36), "float32") for n in (4, 2) for kind in ("box", "class")]
    found = recognise([TensorSpec("image", (1, 64, 64, 3), "uint8")], outputs)
    assert found == EfficientDet(classes=(1, 3), boxes=(0, 2))
