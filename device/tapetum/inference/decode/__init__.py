"""From a model's output tensors to detections: one module for each family of models, one contract for all.

A decoder is a setting (`type = "ssd"` in a bundle's manifest); `decode` takes the outputs in the model's order and
returns (k, 6) float32: class, score, left, top, right, bottom in fractions of the input, best first.
"""

from tapetum.inference.decode.ssd import Ssd, recognise
from tapetum.inference.tensors import Floats

AnyDecoder = Ssd

__all__ = ["AnyDecoder", "Floats", "Ssd", "recognise"]
