"""SSD with post-processing (the TFLite_Detection_PostProcess operator), and EfficientDet-Lite by TFLite Model Maker.

Boxes (1, n, 4) as top, left, bottom, right in fractions of the input, classes (1, n), scores (1, n), count (1). Exports
of TensorFlow 1 give them in this order; those of TensorFlow 2 and Model Maker as count, scores, classes, boxes in their
signature, and in any order among the outputs. The names end with the place in the signature
(`StatefulPartitionedCall:1`, `output_1`); where they do not, the order of the outputs is taken.
"""

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta

from tapetum.inference.decode.rows import Family, Index, sound, stacked
from tapetum.inference.tensors import Floats, Tensor, TensorSpec

_PLACE = re.compile(r"\d+$")


class Ssd(Family, tag="ssd", frozen=True, kw_only=True):
    """Which output is what."""

    WANTED: ClassVar = "boxes (1, n, 4), classes (1, n), scores (1, n), count (1,)"

    boxes: Index
    classes: Index
    scores: Index
    first_class: Annotated[int, Meta(ge=0, le=1)] = 0  # the number of the first label; 1 where 0 is the background

    @classmethod
    def recognised(cls, picture: TensorSpec, outputs: Sequence[TensorSpec]) -> "Ssd | None":  # noqa: ARG003  others look at it
        """Return the decoder for these outputs, or None when they are another's."""
        boxes = [index for index, output in enumerate(outputs) if output.shape[2:] == (4,)]
        lists = [index for index, output in enumerate(outputs) if len(output.shape) == 2]
        if (len(outputs), len(boxes), len(lists)) != (4, 1, 2):
            return None
        scores = _scores(boxes[0], lists, [output.name for output in outputs])
        found = cls(boxes=boxes[0], classes=sum(lists) - scores, scores=scores)
        return found if found.fits(outputs) else None

    def fits(self, outputs: Sequence[TensorSpec]) -> bool:
        """Whether the outputs have the shapes that `decode` reads."""
        if max(self.boxes, self.classes, self.scores) >= len(outputs):
            return False
        boxes, classes, scores = (outputs[index].shape for index in (self.boxes, self.classes, self.scores))
        return len(boxes) == 3 and boxes[0] == 1 and boxes[2] == 4 and classes == scores == boxes[:2]

    def told_apart(self, outputs: Sequence[TensorSpec]) -> int:  # noqa: ARG002  others read it there
        """Return how many classes there are: these outputs do not say it, 0."""
        return 0

    def decode(self, outputs: Sequence[Tensor], min_score: float) -> Floats:
        """Return as of `AnyDecoder`."""
        boxes, classes, scores = (outputs[index].floats() for index in (self.boxes, self.classes, self.scores))
        top, left, bottom, right = boxes.reshape(-1, 4).T
        rows = stacked(classes.ravel() - self.first_class, scores.ravel(), np.stack([left, top, right, bottom]))
        return sound(rows, min_score)


def _scores(boxes: int, lists: list[int], names: list[str]) -> int:
    """Return which of two `lists` holds the scores: what its name says; else the later where boxes come first."""
    named = [index for index in lists if "score" in names[index].lower()]
    if len(named) == 1:
        return named[0]
    places = _places(names)
    earlier, later = sorted(lists, key=lambda index: places[index])
    return later if places[boxes] < places[earlier] else earlier


def _places(names: list[str]) -> list[int]:
    """Return each output's place in the model's signature, by the number at the end of its name, where all differ.

    TensorFlow 1 gives the first output no number: it is the one before :1.
    """
    numbers = [int(found[0]) if (found := _PLACE.search(name)) else 0 for name in names]
    return numbers if len(set(numbers)) == len(numbers) else list(range(len(names)))
