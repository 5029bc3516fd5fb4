"""Objects as points: a map of where centres are, and at each the object's size. The head of our own trainer.

Three outputs of one grid (h, w), all of them ends of a sigmoid, so all lie in 0..1 and int8 holds them with the fixed
scale 1/256 and zero point -128 that TFLite gives to it: nothing depends on what was seen at calibration.

* heatmap (1, h, w, classes): the probability that an object of the class has its centre in the cell;
* size (1, h, w, 2): the square roots of width and height in fractions of the input. Rounding to int8 is then wrong by
  up to 1.4 % for an object a thirteenth of the input wide, 2.8 % for one four times smaller; of the plain fractions it
  would be 2.6 % and 10 %;
* offset (1, h, w, 2): where in its cell the centre lies, x and y in fractions of the cell.

A cell is a centre where it is the greatest of its 3 x 3 neighbourhood, which takes the place of suppression by overlap;
of equal neighbours the first in reading order stays. Only the best 1,024 such cells are compared: a flat map, of which
every cell is one, would take seconds and gigabytes. The cell's size is the input's divided by the grid.

X. Zhou, D. Wang, P. Kraehenbuehl, "Objects as points", 2019, section 3 and 4.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.inference.decode.rows import CANDIDATES, Family, Index, around, kept, sound, stacked
from tapetum.inference.tensors import Floats, Tensor, TensorSpec
from tapetum.settings import Count

_NEIGHBOURS = np.ones((3, 3), np.uint8)


class Centre(Family, tag="centre", frozen=True, kw_only=True):
    """Which output is what."""

    WANTED: ClassVar = "heatmap (1, h, w, classes), size (1, h, w, 2), offset (1, h, w, 2)"

    heatmap: Index = 0
    size: Index = 1
    offset: Index = 2
    most: Count = 100  # detections, the best

    @classmethod
    def recognised(cls, picture: TensorSpec, outputs: Sequence[TensorSpec]) -> "Centre | None":  # noqa: ARG003  others look at it
        """Return the decoder for these outputs, or None when they are another's: by their names, else in this order."""
        if len(outputs) != 3:
            return None
        named = {kind: _called(kind, outputs) for kind in ("heatmap", "size", "offset")}
        known = {kind: index for kind, index in named.items() if index is not None}
        found = cls(**known) if len(set(known.values())) == 3 else cls()
        return found if found.fits(outputs) else None

    def fits(self, outputs: Sequence[TensorSpec]) -> bool:
        """Whether the outputs have the shapes that `decode` reads."""
        if max(self.heatmap, self.size, self.offset) >= len(outputs):
            return False
        heatmap, size, offset = (outputs[index].shape for index in (self.heatmap, self.size, self.offset))
        return len(heatmap) == 4 and heatmap[0] == 1 and min(heatmap) > 0 and size == offset == (*heatmap[:3], 2)

    def told_apart(self, outputs: Sequence[TensorSpec]) -> int:
        """Return how many classes there are."""
        return outputs[self.heatmap].shape[3]

    def decode(self, outputs: Sequence[Tensor], min_score: float) -> Floats:
        """Return as of `AnyDecoder`."""
        heatmap, size, offset = (outputs[index] for index in (self.heatmap, self.size, self.offset))
        y, x, classes = _peaks(heatmap, min_score)
        scores = heatmap.spec.real(heatmap.values[0][y, x, classes])
        grid = np.array([heatmap.values.shape[2], heatmap.values.shape[1]], np.float32)
        centre = (np.stack([x, y], axis=1) + offset.spec.real(offset.values[0][y, x])) / grid
        sizes = size.spec.real(size.values[0][y, x]) ** 2
        return sound(stacked(classes, scores, around(centre.T, sizes.T)), min_score)[: self.most]


def _called(kind: str, outputs: Sequence[TensorSpec]) -> int | None:
    """Return the one output with `kind` in its name, or None."""
    found = [index for index, output in enumerate(outputs) if kind in output.name.lower()]
    return found[0] if len(found) == 1 else None


def _peaks(heatmap: Tensor, min_score: float) -> tuple[NDArray[np.intp], ...]:
    """Return row, column and class of each cell that is the greatest around it and of `min_score`, as stored."""
    values = _comparable(np.ascontiguousarray(heatmap.values[0]))
    greatest = cv2.dilate(values, _NEIGHBOURS).reshape(values.shape)
    seen = heatmap.values[0] >= heatmap.spec.least(min_score)
    peaks = np.flatnonzero(seen & (values == greatest))
    best = np.sort(peaks[np.argsort(-values.ravel()[peaks].astype(np.float32), kind="stable")[:CANDIDATES]])
    return _firsts(*np.unravel_index(best, values.shape))


def _comparable(values: NDArray[Any]) -> NDArray[Any]:
    """Return int8 as uint8 of the same order: OpenCV compares no int8."""
    return values.view(np.uint8) ^ 0x80 if values.dtype == np.int8 else values


def _firsts(y: NDArray[np.intp], x: NDArray[np.intp], classes: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
    """Return the peaks without those that have a neighbour of their class among the earlier that stay."""
    near = (abs(np.subtract.outer(y, y)) <= 1) & (abs(np.subtract.outer(x, x)) <= 1)
    stays = kept(np.triu(near & np.equal.outer(classes, classes), 1))
    return y[stays], x[stays], classes[stays]
