"""What the detector should say of a picture: boxes on the grid that `tapetum.inference.decode.centre` reads.

Around the cell of each centre lies a Gaussian: so wide, each way, that a box of the same size put anywhere within its
radius still overlaps the true one by an intersection over union of 0.7 (H. Law and J. Deng, "CornerNet", 2018, with a
radius for each axis as in Z. Liu et al., "Training-time-friendly network for real-time object detection", 2020). Of
boxes that claim the same cell, the smaller has it: the larger one has other cells around.

What is ignored (a crowd, too small to see) is neither wanted nor punished: its area has no weight in its class. Nor has
a class that nobody looked for in a picture. Where a box is a teacher's guess, it counts as much as its score, and the
cells around it are as little punished as around a true one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

OUTPUTS = ("heatmap", "size", "offset")
"""What a detector gives, in the order in which the decoder takes it."""
STRIDE = 8
"""Pixels of the input along a side of a cell."""
RADIUS = float(2**0.5 * (1 - (2 * 0.7 / 1.7) ** 0.5))
"""Of a box's side: a shift by (x, y) within the ellipse of these radii leaves an IoU of 0.7, worst at 45 degrees."""
NEAR = 0.4  # cells where the Gaussian is at least this learn the box too: a peak may come out beside its cell
SMALLEST = 0.5  # cells: what is smaller (root of the area) is ignored


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of one picture.

    boxes: (k, 4) left, top, right, bottom, fractions. classes: (k,), below 0: not known which. ignored: (k,) bool.
    scores: (k,) 0..1, how sure each box is; None: all are true. known: (classes,) bool, which were looked for in the
    picture; None: all.
    """

    boxes: Floats
    classes: NDArray[np.int32]
    ignored: NDArray[np.bool_]
    scores: Floats | None = None
    known: NDArray[np.bool_] | None = None

    @property
    def certainty(self) -> Floats:
        """(k,) how sure each box is."""
        return np.ones(len(self.boxes), np.float32) if self.scores is None else self.scores


class Targets(NamedTuple):
    """Of B pictures, on a grid (h, w), all float32.

    heatmap: (B, h, w, C), 1 at centres. positive: the same shape, the weight of each centre, 0 elsewhere. negative: the
    same shape, the weight of saying that nothing is here. size, offset: (B, h, w, 2), as the decoder reads them. mask:
    (B, h, w), the weight of the box in each cell.
    """

    heatmap: Floats
    positive: Floats
    negative: Floats
    size: Floats
    offset: Floats
    mask: Floats


HINT = "hint_"
"""What the names of targets begin with that are a teacher's."""


def with_hints(
    truths: Sequence[Truth], hints: Sequence[Truth], grid: tuple[int, int], classes: int
) -> dict[str, Floats]:
    """Return by their names the targets of a batch, and those that a teacher's hints give, where there are any."""
    found = targets(truths, grid, classes)._asdict()
    if hints:
        soft = targets(hints, grid, classes, soft=True)._asdict()
        found |= {f"{HINT}{name}": values for name, values in soft.items()}
    return found


def targets(truths: Sequence[Truth], grid: tuple[int, int], classes: int, *, soft: bool = False) -> Targets:
    """Return the targets of a batch; `grid` is (h, w). soft: a Gaussian is as high as its box is sure, and not 1."""
    shape = (len(truths), *grid)
    found = Targets(
        heatmap=np.zeros((*shape, classes), np.float32),
        positive=np.zeros((*shape, classes), np.float32),
        negative=np.ones((*shape, classes), np.float32),
        size=np.zeros((*shape, 2), np.float32),
        offset=np.zeros((*shape, 2), np.float32),
        mask=np.zeros(shape, np.float32),
    )
    for index, truth in enumerate(truths):
        _paint(Targets(*(part[index] for part in found)), truth, soft=soft)
    return found


def _paint(into: Targets, truth: Truth, *, soft: bool) -> None:
    """Write one picture's targets into its part of the batch."""
    height, width, _ = into.heatmap.shape
    cells = np.array([width, height], np.float32)
    edges = (truth.boxes.reshape(-1, 2, 2).clip(0, 1) * cells).astype(np.float32)
    sizes = edges[:, 1] - edges[:, 0]
    there = (sizes > 0).all(axis=1)
    wanted = there & ~truth.ignored & (truth.classes >= 0) & (sizes.prod(axis=1) >= SMALLEST**2)
    if truth.known is not None:
        into.negative[:, :, ~truth.known] = 0
    _ignore(into.negative, edges[there & ~wanted], truth.classes[there & ~wanted])
    order = np.flatnonzero(wanted)[np.argsort(sizes[wanted].prod(axis=1), kind="stable")]
    if len(order):
        bells = _objects(into, edges[order], truth.classes[order], truth.certainty[order])
        _heat(into, bells * truth.certainty[order, None, None] if soft else bells, truth.classes[order])


def _ignore(negative: Floats, edges: Floats, classes: NDArray[np.int32]) -> None:
    """Take the weight off every cell that a box (k, 2, 2) reaches into, in its class, or in all."""
    starts, stops = np.floor(edges[:, 0]).astype(int), np.ceil(edges[:, 1]).astype(int)
    for (left, top), (right, bottom), kind in zip(starts, stops, classes, strict=True):
        negative[top:bottom, left:right, kind if kind >= 0 else slice(None)] = 0


def _heat(into: Targets, bells: Floats, classes: NDArray[np.int32]) -> None:
    """Paint (k, h, w) around the centres of each class."""
    for kind in np.unique(classes):
        np.max(bells[classes == kind], axis=0, out=into.heatmap[:, :, kind])


def _objects(into: Targets, edges: Floats, classes: NDArray[np.int32], certainty: Floats) -> Floats:
    """Paint boxes (k, 2, 2), in cells, the smallest first; return (k, h, w), a Gaussian around the centre of each."""
    height, width, _ = into.heatmap.shape
    cells = np.array([width, height], np.float32)
    centres, sizes = edges.mean(axis=1), edges[:, 1] - edges[:, 0]
    at = np.minimum(centres, cells - 0.5).astype(int)
    bells = _bells(at, sizes, (height, width))
    _heat(into, bells, classes)
    np.maximum.at(into.positive, (at[:, 1], at[:, 0], classes), certainty)
    into.negative[into.heatmap >= NEAR] = 1  # where it is known what is there, though the class was not looked for
    own = bells >= NEAR
    claims = own.copy()
    claims[np.arange(len(at)), at[:, 1], at[:, 0]] = True
    owner = claims.argmax(axis=0)
    y, x = np.nonzero(claims.any(axis=0))
    whose = _centres_first(owner, at)[y, x]
    into.mask[y, x] = bells[whose, y, x] * certainty[whose]
    into.size[y, x] = np.sqrt(sizes[whose] / cells.max())
    into.offset[y, x] = (centres[whose] - np.stack([x, y], axis=1)).clip(0, 1)
    return bells


def _centres_first(owner: NDArray[np.intp], at: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the owners (h, w), the cell of a centre always being that of the smallest box with its centre there."""
    first = np.full(owner.shape, len(at))
    np.minimum.at(first, (at[:, 1], at[:, 0]), np.arange(len(at)))
    return np.where(first < len(at), first, owner)


def _bells(at: NDArray[np.intp], sizes: Floats, grid: tuple[int, int]) -> Floats:
    """Return (k, h, w): around each centre cell `at` (k, 2) x, y a Gaussian as wide and high as the box allows."""
    sigma = (2 * RADIUS * sizes + 1) / 6  # of CenterNet: three sigmas are the radius and half a cell
    rows, columns = (np.arange(length, dtype=np.float32) for length in grid)
    across = np.exp(-((columns - at[:, :1]) ** 2) / (2 * sigma[:, :1] ** 2))
    down = np.exp(-((rows - at[:, 1:]) ** 2) / (2 * sigma[:, 1:] ** 2))
    return np.asarray(down[:, :, None] * across[:, None, :], np.float32)
