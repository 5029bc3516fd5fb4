"""One model of each family, by what its outputs look like, with any numbers in them; and what decoding is, slowly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.decode import AnyDecoder, BlazeFace, Centre, Classification, EfficientDet, Ssd, Yolo
from tapetum.inference.tensors import Tensor, TensorSpec

Shape = tuple[int, ...]
Row = list[float]
"""Class, score, left, top, right, bottom."""


@dataclass(frozen=True)
class Output:
    """An output, and between which real numbers it lies."""

    name: str
    shape: Shape
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Example:
    """A model of a family: what its decoder is, what it takes, and what it gives."""

    decoder: AnyDecoder
    size: tuple[int, int]  # (width, height) of its input
    outputs: tuple[Output, ...]
    recognised: bool = True  # by its tensors alone

    @property
    def picture(self) -> TensorSpec:
        return TensorSpec("picture", (1, self.size[1], self.size[0], 3), "uint8", 1 / 128, 128)

    def specs(self, dtype: str = "float32") -> list[TensorSpec]:
        return [spec(output, dtype) for output in self.outputs]

    def tensors(self, seed: int, dtype: str = "float32") -> list[Tensor]:
        """Return outputs with any numbers; few of them high, as in a real answer, and no box without a width."""
        random = np.random.default_rng(seed)
        return [stored(0.02 + 0.98 * random.random(one.shape) ** 4, spec(one, dtype), one) for one in self.outputs]


def spec(output: Output, dtype: str) -> TensorSpec:
    if dtype == "float32":
        return TensorSpec(output.name, output.shape, dtype)
    scale = (output.high - output.low) / 255
    return TensorSpec(output.name, output.shape, dtype, scale, int(np.iinfo(dtype).min - round(output.low / scale)))


def stored(share: NDArray[Any], spec: TensorSpec, output: Output) -> Tensor:
    """Return the numbers `share` (0..1) of the way from the lowest to the highest that the output holds."""
    real = output.low + share * (output.high - output.low)
    if not spec.scale:
        return Tensor(spec, real.astype(np.float32))
    bounds = np.iinfo(spec.dtype)
    return Tensor(spec, np.rint(real / spec.scale + spec.zero_point).clip(bounds.min, bounds.max).astype(spec.dtype))


def as_floats(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the same real numbers in a float model's tensors."""
    return [Tensor(replace(one.spec, dtype="float32", scale=0.0, zero_point=0), one.floats()) for one in tensors]


_LEVELS = [(16, 16), (8, 8), (4, 4), (2, 2), (1, 1)]
EXAMPLES = {
    "ssd": Example(
        Ssd(boxes=0, classes=1, scores=2),
        (300, 300),
        (Output("a", (1, 10, 4)), Output("b", (1, 10), 0, 90), Output("c", (1, 10)), Output("d", (1,), 0, 10)),
    ),
    "efficientdet": Example(
        EfficientDet(classes=(0, 1, 2, 3, 4), boxes=(5, 6, 7, 8, 9)),
        (128, 128),
        (
            *(Output(f"class-{n}", (1, *grid, 27), -8, 3) for n, grid in enumerate(_LEVELS)),
            *(Output(f"box-{n}", (1, *grid, 36), -2, 2) for n, grid in enumerate(_LEVELS)),
        ),
    ),
    "yolo 5": Example(
        Yolo(width=64, height=96, anchors="first", objectness=True), (64, 96), (Output("a", (1, 378, 8)),)
    ),
    "yolo 8": Example(Yolo(width=64, height=96, anchors="last"), (64, 96), (Output("a", (1, 7, 126)),)),
    "yolo 8 transposed": Example(Yolo(width=64, height=96, anchors="first"), (64, 96), (Output("a", (1, 126, 5)),)),
    "centre": Example(
        Centre(),
        (320, 240),
        (Output("heatmap", (1, 15, 20, 3)), Output("size", (1, 15, 20, 2)), Output("offset", (1, 15, 20, 2))),
    ),
    "blazeface": Example(
        BlazeFace(width=128, height=128, grids=((8, 2), (16, 6))),
        (128, 128),
        (Output("a", (1, 896, 16), -20, 60), Output("b", (1, 896, 1), -9, 3)),
    ),
    "classification": Example(Classification(scores="probability"), (224, 224), (Output("a", (1, 9)),), False),
    "classification by logits": Example(
        Classification(scores="logit"), (224, 224), (Output("a", (1, 1, 1, 9), -4, 9),), False
    ),
}


def greedy(rows: Sequence[Row], iou: float, *, blend: bool = False) -> list[Row]:
    """Return what is left of `rows`, best first: each takes away those after it, of its class, that overlap it."""
    waiting = sorted(rows, key=lambda row: -row[1])
    found = []
    while waiting:
        best = waiting[0]
        same = [row for row in waiting if row is best or (row[0] == best[0] and doubles(best, row, iou))]
        waiting = [row for row in waiting if not any(row is one for one in same)]
        weight = sum(row[1] for row in same)
        means = [sum(row[1] * row[edge] for row in same) / weight if weight else 0.0 for edge in range(2, 6)]
        found.append([*best[:2], *(means if blend else best[2:])])
    return found


def doubles(one: Row, other: Row, iou: float) -> bool:
    """Whether two boxes overlap by more than `iou`, computed in the precision of the product."""
    (a, b), single = (np.array(row[2:], np.float32) for row in (one, other)), np.float32
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(single(0), width) * max(single(0), height)
    areas = [max(single(0), c[2] - c[0]) * max(single(0), c[3] - c[1]) for c in (a, b)]
    return bool(shared > single(iou) * (areas[0] + areas[1] - shared))


def cut(rows: Sequence[Row], min_score: float) -> list[Row]:
    """Return the rows that say something, their boxes cut to the input, best first."""
    found = []
    for kind, score, *edges in rows:
        box = [min(1.0, max(0.0, edge)) for edge in edges]
        if all(map(math.isfinite, (score, *edges))) and score >= min_score and box[2] > box[0] and box[3] > box[1]:
            found.append([kind, min(1.0, score), *box])
    return sorted(found, key=lambda row: -row[1])


def same(found: NDArray[np.float32], expected: Sequence[Row]) -> bool:
    """Whether these are the same rows, but for what float32 cannot tell."""
    wanted = np.array(expected, np.float64).reshape(-1, 6)
    return found.shape == wanted.shape and bool(np.allclose(found, wanted, atol=2e-6))
