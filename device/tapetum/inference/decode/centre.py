"""Objects as points: a map of where centres are, and at each the object's size. The head of our own trainer.

Three outputs of one grid (h, w), all of them ends of a sigmoid, so all lie in 0..1 and int8 holds them with the fixed
scale 1/256 and zero point -128 that TFLite gives to it: nothing depends on what was seen at calibration.

* heatmap (1, h, w, classes): the probability that an object of the class has its centre in the cell;
* size (1, h, w, 2): the square roots of width and height in fractions of the input's longer side, so that a thing has
  the same size in an input of another shape. Rounding to int8 is then wrong by up to 1.4 % for an object a thirteenth
  of the input wide, 2.8 % for one four times smaller; of the plain fractions it would be 2.6 % and 10 %;
* offset (1, h, w, 2): where in its cell the centre lies, x and y in fractions of the cell.

A cell counts by its score times its share of the greatest in its 3 x 3 neighbourhood: centres keep their scores, and
others lose the more, the less they are one. Of boxes that overlap the best stays. In the paper the greatest cells alone
count, and nothing is compared: whoever stands so close behind another that their cells touch is lost then. On 84
pictures of streets and rooms, as they are, mirrored and letterboxed, the mean AP50 of persons is .522 so, .515 where
all cells keep their scores, .473 as in the paper. The cell's size is the input's divided by the grid.

X. Zhou, D. Wang, P. Kraehenbuehl, "Objects as points", 2019, section 3 and 4.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum.inference.decode.rows import Index, Suppressing, around, sound, stacked
from tapetum.inference.tensors import Floats, Tensor, TensorSpec

_NEIGHBOURS = np.ones((3, 3), np.uint8)
_TINY = 1e-9


class Centre(Suppressing, tag="centre", frozen=True, kw_only=True):
    """Which output is what."""

    WANTED: ClassVar = "heatmap (1, h, w, classes), size (1, h, w, 2), offset (1, h, w, 2)"

    heatmap: Index = 0
    size: Index = 1
    offset: Index = 2

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
        y, x, classes, scores = _cells(heatmap, min_score)
        grid = np.array([heatmap.values.shape[2], heatmap.values.shape[1]], np.float32)
        centre = (np.stack([x, y], axis=1) + offset.spec.real(offset.values[0][y, x])) / grid
        sizes = size.spec.real(size.values[0][y, x]) ** 2 * (grid.max() / grid)
        return sound(self.suppressed(stacked(classes, scores, around(centre.T, sizes.T))), min_score)


def _called(kind: str, outputs: Sequence[TensorSpec]) -> int | None:
    """Return the one output with `kind` in its name, or None."""
    found = [index for index, output in enumerate(outputs) if kind in output.name.lower()]
    return found[0] if len(found) == 1 else None


def _cells(heatmap: Tensor, min_score: float) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], Floats]:
    """Return row, column, class and score of each cell that counts by `min_score` or more."""
    stored, spec = heatmap.values[0], heatmap.spec
    greatest = _greatest(np.ascontiguousarray(stored))
    places = np.nonzero(stored >= spec.least(min_score))  # no score grows
    own, best = spec.real(stored[places]), spec.real(greatest[places])
    scores = np.asarray(own * (own / np.maximum(best, _TINY)), np.float32)
    counts = scores >= min_score
    y, x, classes = (place[counts] for place in places)
    return y, x, classes, scores[counts]


def _greatest(values: NDArray[Any]) -> NDArray[Any]:
    """Return the greatest of each cell's neighbourhood; OpenCV compares no int8, so as uint8 of the same order."""
    if values.dtype != np.int8:
        return cv2.dilate(values, _NEIGHBOURS).reshape(values.shape)
    flipped = cv2.dilate(values.view(np.uint8) ^ 0x80, _NEIGHBOURS).reshape(values.shape)
    return np.asarray(flipped, np.uint8).view(np.int8) ^ np.int8(-128)
