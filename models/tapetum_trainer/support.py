"""Which operators the Edge TPU and a GPU take, by what their makers publish. Nothing of it was tried on either.

Edge TPU: https://coral.ai/docs/edgetpu/models-intro (supported operators), and for versions google-coral/edgetpu #845
(TRANSPOSE_CONV 4), #187, #396, #420 (RESIZE_* 3). GPU: https://ai.google.dev/edge/litert/performance/gpu (supported
operators). What is not in a list is told as not taken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_ANY = 99
_EDGE_TPU = {
    "ADD": _ANY, "AVERAGE_POOL_2D": _ANY, "CONCATENATION": _ANY, "CONV_2D": 5, "DEPTHWISE_CONV_2D": _ANY,
    "EXPAND_DIMS": _ANY, "FULLY_CONNECTED": _ANY, "L2_NORMALIZATION": _ANY, "LOGISTIC": _ANY, "MAXIMUM": _ANY,
    "MAX_POOL_2D": _ANY, "MEAN": _ANY, "MINIMUM": _ANY, "MUL": _ANY, "PACK": _ANY, "PAD": _ANY, "PRELU": _ANY,
    "QUANTIZE": _ANY, "REDUCE_MAX": _ANY, "REDUCE_MIN": _ANY, "RELU": _ANY, "RELU6": _ANY, "RELU_N1_TO_1": _ANY,
    "RESHAPE": _ANY, "RESIZE_BILINEAR": 2, "RESIZE_NEAREST_NEIGHBOR": 2, "RSQRT": _ANY, "SLICE": _ANY, "SOFTMAX": _ANY,
    "SPACE_TO_DEPTH": _ANY, "SPLIT": _ANY, "SQUEEZE": _ANY, "STRIDED_SLICE": _ANY, "SUB": _ANY, "SUM": _ANY,
    "SQUARED_DIFFERENCE": _ANY, "TANH": _ANY, "TRANSPOSE": _ANY, "TRANSPOSE_CONV": 3,
}  # fmt: skip
"""Kind of operator -> the latest version that is taken; the compiler then available is 16.0 of 2021."""
_GPU = {
    "ADD": _ANY, "AVERAGE_POOL_2D": _ANY, "CONCATENATION": _ANY, "CONV_2D": _ANY, "DEPTHWISE_CONV_2D": 2, "EXP": _ANY,
    "FULLY_CONNECTED": _ANY, "LOGISTIC": _ANY, "LSTM": 2, "MAXIMUM": _ANY, "MAX_POOL_2D": _ANY, "MINIMUM": _ANY,
    "MUL": _ANY, "PAD": _ANY, "PRELU": _ANY, "RELU": _ANY, "RELU6": _ANY, "RESHAPE": _ANY, "RESIZE_BILINEAR": 3,
    "SOFTMAX": _ANY, "STRIDED_SLICE": _ANY, "SUB": _ANY, "TRANSPOSE_CONV": _ANY,
}  # fmt: skip
_WITH_KERNEL = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_WITHOUT_ACTIVATION = ("AVERAGE_POOL_2D", "CONCATENATION", "MAX_POOL_2D")
_MOST_OF_SOFTMAX = 16_000


@dataclass(frozen=True, slots=True)
class View:
    """An operator as the rules look at it. dtypes, shapes: of inputs and outputs that are no constants.

    constants: the places of the inputs that are. options: of the schema, None where it has none.
    """

    kind: str
    version: int
    dtypes: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    constants: frozenset[int]
    options: Any


def edge_tpu(one: View) -> str:
    """Return why the Edge TPU's compiler does not take the operator; "" where it does."""
    return next(_reasons_of_edge_tpu(one), "")


def _reasons_of_edge_tpu(one: View) -> Iterator[str]:
    yield from _listed(one, _EDGE_TPU)
    if foreign := sorted(set(one.dtypes) - {"int8", "uint8"}):
        yield f"it is {foreign[0]}; int8 is wanted throughout"
    yield from (reason for rule in _RULES if (reason := rule(one)))
    if any(shape and shape[0] != 1 for shape in one.shapes):
        yield "it works on more than one picture at once"
    if any(sum(side > 1 for side in shape) > 3 for shape in one.shapes):
        yield "more than three of its dimensions are above 1"


def _kernel(one: View) -> str:
    return "its kernel is no constant" if one.kind in _WITH_KERNEL and 1 not in one.constants else ""


def _activation(one: View) -> str:
    fused = one.kind in _WITHOUT_ACTIVATION and bool(getattr(one.options, "fusedActivationFunction", False))
    return "an activation is fused into it" if fused else ""


def _dilation(one: View) -> str:
    ways = [getattr(one.options, f"dilation{way}Factor", 1) for way in "WH"]
    unequal = one.kind == "DEPTHWISE_CONV_2D" and ways[0] != ways[1]
    return "it is dilated differently across and down" if unequal else ""


def _strides(one: View) -> str:
    ways = [getattr(one.options, f"stride{way}", 1) for way in "WH"]
    unequal = one.kind in _WITH_KERNEL and ways[0] != ways[1]
    return (
        "its strides across and down differ, of which the list says nothing; --edge-tpu parts pixels in pairs"
        if unequal
        else ""
    )


def _softmax(one: View) -> str:
    most = max((_area(shape) for shape in one.shapes), default=0)
    return f"it has {most} elements, more than 16,000" if one.kind == "SOFTMAX" and most > _MOST_OF_SOFTMAX else ""


def _area(shape: tuple[int, ...]) -> int:
    found = 1
    for side in shape:
        found *= side
    return found


_RULES: tuple[Callable[[View], str], ...] = (_kernel, _activation, _dilation, _strides, _softmax)


def gpu(one: View) -> str:
    """Return why a GPU does not take the operator; "" where it does, int8 too: it computes with half floats."""
    return next(_reasons_of_gpu(one), "")


def _reasons_of_gpu(one: View) -> Iterator[str]:
    if one.kind == "DEQUANTIZE" and 0 in one.constants:
        return  # a kernel kept in float16, which it reads as it is
    yield from _listed(one, _GPU)
    if foreign := sorted(set(one.dtypes) - {"float32", "float16", "int8", "uint8"}):
        yield f"it is {foreign[0]}; floats or int8 are wanted"
    if any(shape and shape[0] != 1 for shape in one.shapes):
        yield "it works on more than one picture at once"


def _listed(one: View, table: dict[str, int]) -> Iterator[str]:
    if one.kind not in table:
        yield "it is not in the list of those taken"
    elif one.version > table[one.kind]:
        yield f"it is version {one.version}; up to {table[one.kind]} is taken"
