"""What goes into the kernels of a float model when it looks at pictures: mean and covariance, for each convolution.

For a convolution the numbers under its kernel are one sample, (n,) with n = height * width * channels; for a depthwise
one they are a sample for each channel by itself. A few hundred places of each picture are enough, drawn anew in each.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tapetum.inference.tflite import runtime
from tapetum_trainer import graph

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

_PLACES = 128  # of each picture
_MOST = 1 << 24  # numbers of a covariance: 128 MiB


@dataclass(slots=True)
class Moments:
    """Mean (groups, n) and covariance (groups, n, n), of what was added up to now."""

    count: int = 0
    total: Array = field(default_factory=lambda: np.zeros((1, 1)))
    squares: Array = field(default_factory=lambda: np.zeros((1, 1, 1)))

    def add(self, samples: Floats) -> None:
        """Take in (groups, count, n)."""
        self.count += samples.shape[1]
        self.total = self.total + samples.sum(axis=1, dtype=np.float64)
        self.squares = self.squares + (samples.transpose(0, 2, 1) @ samples)

    @property
    def mean(self) -> Array:
        """The mean of each group's samples."""
        return self.total / self.count

    @property
    def covariance(self) -> Array:
        """The covariance of each group's samples."""
        return self.squares / self.count - self.mean[:, :, None] * self.mean[:, None]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A convolution in a float model whose weights are constants of its own.

    weights: (groups, outputs, n), in the order of `samples`; depthwise: each channel is a group.
    """

    operator: Any
    depthwise: bool
    values: Floats

    @property
    def weights(self) -> Array:
        """The kernel, sorted by what is added up."""
        whole = self.values.astype(np.float64)
        if self.depthwise:
            return whole.reshape(-1, whole.shape[-1]).T[:, None]
        return whole.reshape(1, len(whole), -1)

    def sorted_back(self, weights: Array) -> Floats:
        """Return what `weights` gives, changed, as the model keeps it."""
        found = weights[:, 0].T if self.depthwise else weights
        return np.asarray(found.reshape(self.values.shape), np.float32)

    def samples(self, picture: Floats, random: np.random.Generator) -> Floats:
        """Return (groups, count, n) of the input (1, h, w, c), from places drawn at random."""
        windows = self._windows(picture[0])
        count = windows.shape[0] * windows.shape[1]
        chosen = random.choice(count, min(count, _PLACES), replace=False)
        found = windows[np.unravel_index(chosen, windows.shape[:2])]  # (count, c, height, width)
        if self.depthwise:
            return found.reshape(*found.shape[:2], -1).transpose(1, 0, 2)
        return found.transpose(0, 2, 3, 1).reshape(1, len(found), -1)

    def _windows(self, values: Floats) -> Floats:
        """Return (h, w, c, height, width): what lies under the kernel at each place of the output."""
        options = self.operator.builtinOptions
        steps, sides = (options.strideH, options.strideW), self.values.shape[1:3]
        widths = (options.dilationHFactor, options.dilationWFactor)
        reach = tuple((side - 1) * width + 1 for side, width in zip(sides, widths, strict=True))
        if options.padding == graph.schema().Padding.SAME:
            around = [_around(*one) for one in zip(values.shape[:2], reach, steps, strict=True)]
            values = np.pad(values, (*around, (0, 0)))
        windows = sliding_window_view(values, reach, axis=(0, 1))[:: steps[0], :: steps[1]]
        return windows[..., :: widths[0], :: widths[1]]


def _around(length: int, reach: int, step: int) -> tuple[int, int]:
    """Return how many zeros TensorFlow's SAME puts before and behind."""
    whole = max(0, (-(-length // step) - 1) * step + reach - length)
    return whole // 2, whole - whole // 2


def kernels(model: Any) -> dict[int, Kernel]:
    """Return the convolutions of the first subgraph that can be looked at, by their place among its operators.

    Left out are kernels that several share, that are no constants, or are so large that their covariance is.
    """
    subgraph, known = model.subgraphs[0], graph.schema().BuiltinOperator
    users = [int(place) for one in subgraph.operators for place in one.inputs]
    found = {}
    for place, operator in enumerate(subgraph.operators):
        kind = graph.kind_of(model, operator)[0]
        if kind not in (known.CONV_2D, known.DEPTHWISE_CONV_2D):
            continue
        tensor = subgraph.tensors[operator.inputs[1]]
        values = graph.constant(model, tensor, "<f4") if tensor.type == graph.schema().TensorType.FLOAT32 else None
        if values is None or users.count(int(operator.inputs[1])) > 1:
            continue
        kernel = Kernel(operator, kind == known.DEPTHWISE_CONV_2D, values)
        groups, _, added = kernel.weights.shape
        fits = values.shape[-1] == subgraph.tensors[operator.inputs[0]].shape[-1]  # neither groups nor a multiplier
        if fits and groups * added**2 <= _MOST:
            found[place] = kernel
    return found


def observed(
    content: bytes, kernels: Mapping[int, Kernel], asked: Iterable[Mapping[str, NDArray[Any]]]
) -> dict[int, Moments]:
    """Return the moments of what went into each of `kernels`. asked: inputs by name, of one tensor each."""
    readers: dict[int, list[int]] = {}
    for place, kernel in kernels.items():
        readers.setdefault(int(kernel.operator.inputs[0]), []).append(place)
    found = {place: Moments() for place in kernels}
    random = np.random.default_rng(1)
    with warnings.catch_warnings(action="ignore"):  # that keeping all tensors takes memory
        interpreter = runtime().Interpreter(
            model_content=content, num_threads=1, experimental_preserve_all_tensors=True
        )
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    for question in asked:
        interpreter.set_tensor(entry["index"], next(iter(question.values())))
        interpreter.invoke()
        for tensor, places in readers.items():
            values = interpreter.get_tensor(tensor)
            for place in places:
                found[place].add(kernels[place].samples(values, random))
    return found


def watched(content: bytes) -> Any:
    """Return an interpreter of the model that keeps every tensor."""
    keep = {"experimental_preserve_all_tensors": True}
    with warnings.catch_warnings(action="ignore"):  # that it takes memory
        interpreter = runtime().Interpreter(model_content=content, num_threads=1, **keep)
    interpreter.allocate_tensors()
    return interpreter
