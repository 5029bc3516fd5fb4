"""The head of our own trainer: where centres are, and how large their objects."""

import itertools
import time
import tracemalloc

import numpy as np
import pytest

from tapetum.inference.decode import Centre, recognise
from tapetum.inference.tensors import Tensor, TensorSpec
from tests.inference.decode.examples import EXAMPLES, Row, cut, greedy, same

PICTURE = TensorSpec("picture", (1, 240, 320, 3), "int8", 1 / 255, -128)
EXAMPLE = EXAMPLES["centre"]


def neighbours(y: int, x: int, kind: int) -> list[tuple[int, int, int]]:
    return [(y + dy, x + dx, kind) for dy, dx in itertools.product((-1, 0, 1), repeat=2) if dy or dx]


def slowly(tensors: list[Tensor], min_score: float, iou: float = 0.45) -> list[Row]:
    """Decode one cell after another: a cell's score times its share of the greatest around it, the best box stays."""
    heatmap, size, offset = (tensor.floats()[0] for tensor in tensors)
    rows, columns, _ = heatmap.shape
    found = []
    for cell in np.ndindex(heatmap.shape):
        y, x, kind = cell
        around = [place for place in neighbours(*cell) if 0 <= place[0] < rows and 0 <= place[1] < columns]
        score = heatmap[cell] * (heatmap[cell] / max(heatmap[cell], *(heatmap[place] for place in around)))
        if score >= np.float32(min_score):
            (dx, dy), (width, height) = offset[y, x], size[y, x] ** 2
            across, down = (x + dx) / columns, (y + dy) / rows
            width, height = width * max(rows, columns) / columns, height * max(rows, columns) / rows
            box = [across - width / 2, down - height / 2, across + width / 2, down + height / 2]
            found.append([kind, score, *box])
    best = sorted(found, key=lambda row: -row[1])[:1024]
    return cut(greedy(best, iou), min_score)[:100]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("min_score", [0.01, 0.3, 0.6])
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8"])
def test_all_cells_at_once_are_the_same_as_one_after_another(seed: int, min_score: float, dtype: str):
    tensors = EXAMPLE.tensors(seed, dtype)
    assert same(EXAMPLE.decoder.decode(tensors, min_score), slowly(tensors, min_score))


def one_by_one(scores: list[float], sides: float) -> list[Tensor]:
    """Return what a model says that sees something in each cell of a row, in 20 columns, `sides` of its width large."""
    values = [np.zeros((1, 1, 20, 1)), np.full((1, 1, 20, 2), sides**0.5), np.full((1, 1, 20, 2), 0.5)]
    values[0][0, 0, : len(scores), 0] = scores
    return [Tensor(TensorSpec("", one.shape, "float32"), one.astype(np.float32)) for one in values]


def test_two_who_stand_in_touching_cells_are_two():
    assert len(Centre().decode(one_by_one([0.9, 0.8], 0.04), 0.5)) == 2


def test_one_thing_seen_from_touching_cells_is_one():
    assert Centre().decode(one_by_one([0.7, 0.9, 0.8], 0.9), 0.3)[:, 1].tolist() == [np.float32(0.9)]


def test_beside_a_centre_a_cell_counts_by_its_share_of_it():
    found = Centre().decode(one_by_one([0.9, 0.6], 0.04), 0.1)
    assert found[:, 1].tolist() == pytest.approx([0.9, 0.6 * 0.6 / 0.9])
    assert len(Centre().decode(one_by_one([0.9, 0.6], 0.04), 0.5)) == 1


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_flat_map_of_which_every_cell_is_a_centre_costs_little(dtype: str):
    shape = (1, 64, 64, 3)
    stored = np.full(shape, 0.5 if dtype == "float32" else 0).astype(dtype)
    scale = 0.0 if dtype == "float32" else 1 / 256
    heatmap = Tensor(TensorSpec("heatmap", shape, dtype, scale, -128 if scale else 0), stored)
    others = [Tensor(TensorSpec(name, (1, 64, 64, 2), dtype, scale, heatmap.spec.zero_point), stored[..., :2])
              for name in ("size", "offset")]  # fmt: skip
    tracemalloc.start()
    try:
        start_s = time.process_time()
        found = Centre().decode([heatmap, *others], 0.3)
        taken_s, (_, peak) = time.process_time() - start_s, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0 < len(found) <= 100
    assert (found[:, 1] == 0.5).all()
    assert peak < 64 << 20
    assert taken_s < 2


def test_of_more_cells_than_are_compared_the_best_stay():
    heatmap = np.full((1, 100, 100, 1), 0.4, np.float32)
    heatmap[0, 90:99:2, 90:99:2] = 0.9
    names = {"heatmap": heatmap, "size": np.full((1, 100, 100, 2), 0.1), "offset": np.full((1, 100, 100, 2), 0.5)}
    tensors = [Tensor(TensorSpec(name, one.shape, "float32"), one.astype(np.float32)) for name, one in names.items()]
    found = Centre().decode(tensors, 0.1)
    assert (found[:, 1] == np.float32(0.9)).sum() == 25
    assert len(found) == 100


def head(width: float, height: float, x: float, y: float) -> list[Tensor]:
    """Return what a perfect int8 model says of one object: centre and size in fractions of the input."""
    values = [np.zeros((30, 40, 2)), np.zeros((30, 40, 2)), np.zeros((30, 40, 2))]
    row, column = int(y * 30), int(x * 40)
    values[0][row, column, 1] = 0.9
    values[1][row, column] = width**0.5, (height * 30 / 40) ** 0.5  # of the longer side
    values[2][row, column] = x * 40 - column, y * 30 - row
    spec = TensorSpec("", (1, 30, 40, 2), "int8", 1 / 256, -128)
    return [Tensor(spec, (np.rint(one * 256).clip(0, 255) - 128).astype(np.int8)[None]) for one in values]


@pytest.mark.parametrize("pixels", [6, 24, 100, 320])
def test_int8_holds_a_box_to_three_percent_of_its_size(pixels: int):
    width = height = pixels / 320
    x, y = 0.5 if pixels > 100 else 0.31, 0.5 if pixels > 100 else 0.67
    found = Centre().decode(head(width, height, x, y), 0.5)
    assert found[0, :2].tolist() == pytest.approx([1, 0.9], abs=0.002)
    expected = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    assert abs(found[0, 2:] - expected).max() < 0.03 * width + 0.5 / 256 / 30


SHAPES = {"offset": (1, 15, 20, 2), "heatmap": (1, 15, 20, 2), "size": (1, 15, 20, 2)}


@pytest.mark.parametrize("order", list(itertools.permutations(SHAPES)))
def test_names_tell_the_outputs_where_their_shapes_are_alike(order: tuple[str, ...]):
    outputs = [TensorSpec(f"StatefulPartitionedCall/{name}:0", SHAPES[name], "int8", 1 / 256, -128) for name in order]
    found = recognise([PICTURE], outputs)
    assert found == Centre(heatmap=order.index("heatmap"), size=order.index("size"), offset=order.index("offset"))
    assert found.told_apart(outputs) == 2


def test_without_names_the_order_tells():
    outputs = [TensorSpec(f"Identity_{number}", (1, 15, 20, 2), "int8", 1 / 256, -128) for number in range(3)]
    assert recognise([PICTURE], outputs) == Centre()


@pytest.mark.parametrize(("rows", "columns"), [(16, 16), (12, 16), (16, 12)])
def test_a_size_is_told_in_fractions_of_the_longer_side(rows: int, columns: int):
    heatmap, size, offset = (np.zeros((1, rows, columns, depth), np.float32) for depth in (1, 2, 2))
    heatmap[0, 6, 5, 0], size[0, 6, 5], offset[0, 6, 5] = 0.9, (0.5, 0.25), (0.5, 0.5)
    tensors = [Tensor(TensorSpec("", one.shape, "float32"), one) for one in (heatmap, size, offset)]
    (row,) = Centre().decode(tensors, 0.5)
    wide, high = 0.5**2 * 16, 0.25**2 * 16  # cells: as many whichever way the input lies
    left, top, right, bottom = row[2:] * (columns, rows, columns, rows)
    assert (left, top, right, bottom) == pytest.approx((5.5 - wide / 2, 6.5 - high / 2, 5.5 + wide / 2, 6.5 + high / 2))
