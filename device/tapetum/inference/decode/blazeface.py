"""Faces: BlazeFace as MediaPipe ships it, and models with the same head.

Two outputs: regressors (1, n, 4 + 2 points) as centre x, y, width, height and key points, in pixels of the input and
counted from the anchor's centre; scores (1, n, 1) before the sigmoid. The anchors are the centres of the cells of one
or more grids, several in the same place, all of the input's size (MediaPipe's SsdAnchorsCalculator with
`fixed_anchor_size`, offset 0.5). The short range model has 2 for each cell of stride 8 and 6 of stride 16: 896 anchors
for 128 x 128. It knows one class, faces; its key points are not used. Overlapping boxes are blended.

V. Bazarevsky, Y. Kartynnik, A. Vakunov, K. Raveendran, M. Grundmann, "BlazeFace: sub-millisecond neural face detection
on mobile GPUs", CVPR workshop 2019.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from tapetum.inference.decode.rows import Index, Side, Suppressing, around, logit, sigmoid, sound, stacked
from tapetum.inference.tensors import Floats, Tensor, TensorSpec
from tapetum.settings import Count, Fraction

Grid = tuple[Side, Count]  # stride in pixels of the input, anchors for each cell
_GRIDS: tuple[tuple[Grid, ...], ...] = (
    ((8, 2), (16, 6)),  # short range, front camera: 128 x 128
    ((16, 2), (32, 6)),  # back camera: 256 x 256
    ((4, 1),),  # full range: 192 x 192
)


class BlazeFace(Suppressing, tag="blazeface", frozen=True, kw_only=True):
    """Which output is what, and where the anchors are."""

    WANTED: ClassVar = "regressors (1, n, 4 + 2 points), scores (1, n, 1), n the anchors of the input's size"
    FIT: ClassVar = "letterbox"
    PAD: ClassVar = 0

    regressors: Index = 0
    scores: Index = 1
    width: Side  # of the input, pixels
    height: Side
    grids: Annotated[tuple[Grid, ...], Meta(min_length=1)]
    iou: Fraction = 0.3  # MediaPipe's `min_suppression_threshold`

    @classmethod
    def recognised(cls, picture: TensorSpec, outputs: Sequence[TensorSpec]) -> "BlazeFace | None":
        """Return the decoder for these outputs, or None when they are another's."""
        height, width = picture.shape[1:3]
        scores = [index for index, output in enumerate(outputs) if output.shape[2:] == (1,)]
        if len(outputs) != 2 or len(scores) != 1:
            return None
        for grids in _GRIDS:
            found = cls(regressors=1 - scores[0], scores=scores[0], width=width, height=height, grids=grids)
            if found.fits(outputs):
                return found
        return None

    def fits(self, outputs: Sequence[TensorSpec]) -> bool:
        """Whether the outputs have the shapes that `decode` reads."""
        if max(self.regressors, self.scores) >= len(outputs):
            return False
        boxes, scores = outputs[self.regressors].shape, outputs[self.scores].shape
        count = len(_anchors(self.width, self.height, self.grids))
        return scores == (1, count, 1) and boxes[:2] == (1, count) and len(boxes) == 3 and boxes[2] >= 4

    def told_apart(self, outputs: Sequence[TensorSpec]) -> int:  # noqa: ARG002  others read it there
        """Return how many classes there are: faces alone."""
        return 1

    def decode(self, outputs: Sequence[Tensor], min_score: float) -> Floats:
        """Return as of `AnyDecoder`."""
        boxes, logits = outputs[self.regressors], outputs[self.scores]
        seeing = np.flatnonzero(logits.values[0, :, 0] >= logits.spec.least(logit(min_score) - 1e-3))
        scores = sigmoid(logits.spec.real(logits.values[0, seeing, 0]))
        sides = np.array([self.width, self.height] * 2, np.float32)
        found = boxes.spec.real(boxes.values[0, seeing, :4]) / sides
        centre = _anchors(self.width, self.height, self.grids)[seeing] + found[:, :2]
        rows = stacked(np.zeros(len(seeing)), scores, around(centre.T, found[:, 2:].T))
        return sound(self.blended(rows[rows[:, 1] >= min_score]), min_score)


@lru_cache(maxsize=8)
def _anchors(width: int, height: int, grids: tuple[Grid, ...]) -> Floats:
    """Return the anchors' centres (n, 2), x and y in fractions of the input."""
    return np.concatenate([_centres(-(-width // stride), -(-height // stride), count) for stride, count in grids])


def _centres(columns: int, rows: int, count: int) -> Floats:
    """Return the centres of a grid's cells, `count` times each, row after row."""
    y, x = np.mgrid[:rows, :columns].reshape(2, -1).repeat(count, axis=1)
    return np.stack([(x + 0.5) / columns, (y + 0.5) / rows], axis=1, dtype=np.float32)
