"""From a detector's output tensors to detections.

SSD with post-processing (the TFLite_Detection_PostProcess operator): boxes (1, n, 4) as top, left, bottom, right in
fractions of the input, classes (1, n), scores (1, n), count (1). TensorFlow 1 exports give them in this order,
TensorFlow 2 exports as scores, boxes, count, classes; the order is told from the shapes, and where two are alike,
from the outputs' names or from which kind stands first.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta

from tapetum.errors import Unsuitable
from tapetum.inference.tensors import Floats, Tensor, TensorSpec
from tapetum.settings import Settings

Index = Annotated[int, Meta(ge=0, le=3)]


class Ssd(Settings, tag_field="type", tag="ssd", frozen=True, kw_only=True):
    """Which output is what."""

    boxes: Index
    classes: Index
    scores: Index

    def decode(self, outputs: Sequence[Tensor], min_score: float) -> Floats:
        """Return (k, 6): class, score, left, top, right, bottom in fractions of the input, best first.

        What is no number, empty, or below `min_score` is left out; boxes are cut to the input.
        """
        boxes, classes, scores = (outputs[index].floats() for index in (self.boxes, self.classes, self.scores))
        top, left, bottom, right = boxes.reshape(-1, 4).T
        rows = np.stack([classes.ravel(), scores.ravel(), left, top, right, bottom], axis=1)
        rows = rows[np.isfinite(rows).all(axis=1)]
        rows[:, 2:] = rows[:, 2:].clip(0, 1)
        sound = (rows[:, 1] >= min_score) & (rows[:, 4] > rows[:, 2]) & (rows[:, 5] > rows[:, 3]) & (rows[:, 0] >= 0)
        kept = rows[sound]
        kept[:, 1] = kept[:, 1].clip(0, 1)
        return kept[np.argsort(-kept[:, 1], kind="stable")]


def recognise(outputs: Sequence[TensorSpec]) -> Ssd:
    """Return the decoder for these outputs.

    Raises Unsuitable when they are not those of an SSD with post-processing.
    """
    shapes, names = [output.shape for output in outputs], [output.name for output in outputs]
    boxes = [index for index, shape in enumerate(shapes) if len(shape) == 3 and shape[-1] == 4]
    lists = [index for index, shape in enumerate(shapes) if len(shape) == 2]
    lengths = {shapes[index][1] for index in boxes + lists}
    if (len(shapes), len(boxes), len(lists), len(lengths)) != (4, 1, 2, 1):
        raise Unsuitable(
            f"its outputs are {', '.join(str(shape) for shape in shapes)}; those of a detector with "
            "post-processing are wanted: boxes (1, n, 4), classes (1, n), scores (1, n), count (1,)"
        )
    # TensorFlow 1 names its outputs ...PostProcess, :1, :2, :3 and puts classes first; 2 begins with the scores.
    boxes_first = boxes[0] < lists[0]
    named = [index for index in lists if "score" in names[index].lower()]
    scores = named[0] if len(named) == 1 else lists[1] if boxes_first else lists[0]
    classes = lists[0] if scores == lists[1] else lists[1]
    return Ssd(boxes=boxes[0], classes=classes, scores=scores)
