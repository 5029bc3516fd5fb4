"""The first convolution over pairs of pixels: the same numbers to the bit, with fewer products of nothing.

Processors multiply eight bytes at a time, and a pixel has three: of its eight products five are by zero. A convolution
of stride 2 sees columns 2i, 2i + 1 and 2i + 2 (an even width is padded on the right alone). Where two pixels that lie
beside each other are one of six channels, which is the same memory, these are the pairs i and i + 1: a kernel of two,
of stride 1. It takes six products of eight for each pair, and for a row of three pixels two pairs.

The Edge TPU's compiler is not known to take strides that differ, so what is made for it keeps its pixels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer import graph

_NAME = "pairs"
_COLUMNS = 3  # of the kernel
_CHANNELS = 4  # of which two pixels still go into eight


def in_pairs(model: Any) -> Any:
    """Return the int8 model with its first convolution over pairs of pixels, where it is one that can be; in place."""
    subgraph = model.subgraphs[0]
    convolution = _first(model, subgraph)
    if convolution is None:
        return model
    picture = subgraph.tensors[convolution.inputs[0]]
    _, height, width, channels = map(int, picture.shape)
    kernel = graph.constant(model, subgraph.tensors[convolution.inputs[1]], "i1")
    if kernel is None:
        return model
    place = graph.reshaped(model, int(convolution.inputs[0]), (1, height, width // 2, 2 * channels), _NAME)
    _put(model, convolution, _paired(kernel), place, stride=1)
    return model


def of_pixels(model: Any) -> Any:
    """Return the model as it was before `in_pairs`, and another one as it is; in place."""
    subgraph = model.subgraphs[0]
    pairs = {place for place, tensor in enumerate(subgraph.tensors) if graph.name_of(tensor) == _NAME}
    made = [one for _, one in graph.operators(model, "RESHAPE") if pairs & set(one.outputs)]
    readers = [one for _, one in graph.operators(model, "CONV_2D") if pairs & set(one.inputs)]
    if len(made) != 1 or len(readers) != 1:
        return model
    kernel = graph.constant(model, subgraph.tensors[readers[0].inputs[1]], "i1")
    if kernel is not None:
        _put(model, readers[0], _parted(kernel), int(made[0].inputs[0]), stride=2)
        subgraph.operators.remove(made[0])
    return model


def legalised(content: bytes) -> bytes:
    """Return the model as `edgetpu_compiler` takes it, its pixels one by one, with the same answers to the bit."""
    model = graph.read(content)
    before = len(model.subgraphs[0].operators)
    model, changed = graph.with_resizes_legal(of_pixels(model))
    return graph.written(model) if changed or len(model.subgraphs[0].operators) < before else content


def _first(model: Any, subgraph: Any) -> Any | None:
    """Return the convolution that alone reads the picture, where it is one whose pixels can be paired."""
    known = graph.schema()
    readers = [one for one in subgraph.operators if subgraph.inputs[0] in one.inputs]
    picture = subgraph.tensors[subgraph.inputs[0]]
    if len(readers) != 1 or picture.type != known.TensorType.INT8 or len(picture.shape) != 4:
        return None
    convolution = readers[0]
    if graph.kind_name(graph.kind_of(model, convolution)[0]) != "CONV_2D":
        return None
    options, shape = convolution.builtinOptions, subgraph.tensors[convolution.inputs[1]].shape
    fits = (
        int(shape[2]) == _COLUMNS,
        int(shape[3]) == int(picture.shape[3]) <= _CHANNELS,
        int(picture.shape[2]) % 2 == 0,
        options.padding == known.Padding.SAME,
        (options.strideW, options.dilationWFactor) == (2, 1),
    )
    return convolution if all(fits) else None


def _paired(kernel: NDArray[Any]) -> NDArray[Any]:
    """Return (out, h, 2, 2 c) of a kernel (out, h, 3, c): nothing comes of the fourth pixel."""
    out, height, _, channels = kernel.shape
    wide = np.concatenate([kernel, np.zeros_like(kernel[:, :, :1])], axis=2)
    return wide.reshape(out, height, 2, 2 * channels)


def _parted(kernel: NDArray[Any]) -> NDArray[Any]:
    """Return the kernel that `_paired` was given."""
    out, height, _, channels = kernel.shape
    return np.ascontiguousarray(kernel.reshape(out, height, 4, channels // 2)[:, :, :_COLUMNS])


def _put(model: Any, convolution: Any, kernel: NDArray[Any], source: int, *, stride: int) -> None:
    """Let the convolution read the tensor `source` with this kernel and stride of columns."""
    graph.put(model, convolution, 1, kernel)
    model.subgraphs[0].tensors[convolution.inputs[1]].shape = list(kernel.shape)
    convolution.inputs = [source, *convolution.inputs[1:]]
    convolution.builtinOptions.strideW = stride
