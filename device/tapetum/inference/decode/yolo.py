"""YOLO, as its exports to TFLite give it before any suppression: one output of boxes and scores for every anchor.

YOLOv5: (1, n, 5 + classes): centre x, y, width, height, objectness, and a score for each class; a detection's score is
objectness times the best class. YOLOv8, YOLO11 and others without anchors: (1, 4 + classes, n) or transposed, with no
objectness. n is the number of cells of the grids with strides 8, 16, 32 (of some models 4 or 64 too), times 3 anchors
where there is objectness, so the shape alone tells which is which. All scores are probabilities. Boxes are in fractions
of the input (Ultralytics' own exports) or in its pixels (conversions by way of ONNX).

Most anchors see nothing: they are left out by comparing what is stored, before anything of them is made a real number.

J. Redmon et al., "You only look once: unified, real-time object detection", CVPR 2016; G. Jocher et al., YOLOv5 (2020),
YOLOv8 (2023), YOLO11 (2024).
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.decode.rows import Index, Side, Suppressing, around, sound, stacked
from tapetum.inference.tensors import Floats, Tensor, TensorSpec

Axis = Literal["first", "last"]
_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))
_ANCHORS = 3  # for each cell, where there is objectness
_FRACTION = 2.0  # the centre of a box in fractions of the input is never as far out as this


class Yolo(Suppressing, tag="yolo", frozen=True, kw_only=True):
    """How the output lies, and what its numbers mean."""

    WANTED: ClassVar = "(1, 4 + classes, n) or (1, n, 4 or 5 + classes), n the anchors of the input's size"
    MEAN_STD: ClassVar = (0.0, 255.0)
    FIT: ClassVar = "letterbox"
    PAD: ClassVar = 114

    output: Index = 0
    width: Side  # of the input, pixels
    height: Side
    anchors: Axis  # (1, anchors, channels) or (1, channels, anchors)
    objectness: bool = False
    unit: Literal["fraction", "pixel", "told"] = "told"  # of the boxes; told: by the largest centre of the picture

    @classmethod
    def recognised(cls, picture: TensorSpec, outputs: Sequence[TensorSpec]) -> "Yolo | None":
        """Return the decoder for this output, or None when it is another's."""
        if len(outputs) != 1 or len(outputs[0].shape) != 3:
            return None
        height, width = picture.shape[1:3]
        cells = {sum(-(-height // s) * -(-width // s) for s in strides) for strides in _STRIDES}
        _, rows, columns = outputs[0].shape
        several = {_ANCHORS * count for count in cells}
        axes: tuple[tuple[Axis, int], ...] = (("last", columns), ("first", rows))
        for anchors, count in axes:
            if count in cells | several:
                found = cls(width=width, height=height, anchors=anchors, objectness=count in several)
                return found if found.fits(outputs) else None
        return None

    def fits(self, outputs: Sequence[TensorSpec]) -> bool:
        """Whether the output has the shape that `decode` reads."""
        if self.output >= len(outputs):
            return False
        shape = outputs[self.output].shape
        return len(shape) == 3 and shape[0] == 1 and min(shape) > 0 and self.told_apart(outputs) > 0

    def told_apart(self, outputs: Sequence[TensorSpec]) -> int:
        """Return how many classes there are."""
        return outputs[self.output].shape[2 if self.anchors == "first" else 1] - self._first

    @property
    def _first(self) -> int:
        """The channel of the first class."""
        return 5 if self.objectness else 4

    def decode(self, outputs: Sequence[Tensor], min_score: float) -> Floats:
        """Return as of `AnyDecoder`."""
        spec, values = outputs[self.output].spec, outputs[self.output].values[0]
        table = values.T if self.anchors == "first" else values
        seen = spec.real(table[:, self._seeing(table, spec.least(min_score))])
        classes = seen[self._first :].argmax(axis=0)
        scores = seen[self._first + classes, np.arange(seen.shape[1])]
        edges = around(seen[:2], seen[2:4]) * self._factors(table, spec)
        rows = stacked(classes, scores * seen[4] if self.objectness else scores, edges)
        return sound(self.suppressed(rows[rows[:, 1] >= min_score]), min_score)

    def _seeing(self, table: NDArray[Any], least: float) -> NDArray[np.intp]:
        """Return the numbers of the anchors that may see something. table: (channels, anchors), as stored."""
        best = table[4] if self.objectness else table[4:].max(axis=0)
        return np.flatnonzero(best >= least)

    def _factors(self, table: NDArray[Any], spec: TensorSpec) -> Floats:
        """Return (4, 1): what makes left, top, right, bottom fractions."""
        pixels = self.unit == "pixel"
        if self.unit == "told":
            pixels = bool(spec.real(table[:2].max(keepdims=True)).max() > _FRACTION)
        size = (self.width, self.height) if pixels else (1, 1)
        return np.array([[1 / side] for side in size * 2], np.float32)
