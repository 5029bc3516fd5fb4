"""From a model's output tensors to detections: one module for each family of models, one contract for all.

A decoder is a setting (`type = "ssd"` in a bundle's manifest). `decode(outputs, min_score)` takes the outputs in the
model's order and returns (k, 6) float32: class, score, left, top, right, bottom in fractions of the input, best first;
what is no number, empty or below `min_score` is left out, boxes are cut to the input. `recognised` tells a family by
what its outputs look like, `fits` whether the outputs are those that `decode` reads, `told_apart` how many classes
there are, 0 where that is not to be seen. `MEAN_STD`, `FIT` and `PAD` are what the family's models take where their
tensors do not say it.
"""

from collections.abc import Sequence
from typing import get_args

from tapetum.errors import Unsuitable
from tapetum.inference.decode.blazeface import BlazeFace
from tapetum.inference.decode.centre import Centre
from tapetum.inference.decode.classification import Classification
from tapetum.inference.decode.efficientdet import EfficientDet
from tapetum.inference.decode.ssd import Ssd
from tapetum.inference.decode.yolo import Yolo
from tapetum.inference.tensors import Floats, TensorSpec

AnyDecoder = Ssd | EfficientDet | Yolo | Centre | BlazeFace | Classification

__all__ = [
    "AnyDecoder",
    "BlazeFace",
    "Centre",
    "Classification",
    "EfficientDet",
    "Floats",
    "Ssd",
    "Yolo",
    "recognise",
]


def recognise(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> AnyDecoder:
    """Return the decoder for the outputs of a model that takes one picture, `inputs[0]` (1, height, width, channels).

    Raises Unsuitable when they are of no family that is known.
    """
    families: tuple[type[AnyDecoder], ...] = get_args(AnyDecoder)
    for family in families:
        found = family.recognised(inputs[0], outputs)
        if found is not None:
            return found
    shapes = ", ".join(str(output.shape) for output in outputs) or "none"
    known = "; ".join(f"{family.__struct_config__.tag}: {family.WANTED}" for family in families)
    raise Unsuitable(f"its outputs are {shapes}, which no decoder reads; known are {known}")
