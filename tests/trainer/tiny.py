"""A float detector as small as one can be, written operator by operator: no training, no TensorFlow, a millisecond.

Its weights are random, its answers mean nothing; but they depend on the picture, and all that is done to a real one can
be done to it.
"""

from typing import Any

import numpy as np

from tapetum.inference.contract import Contract, Input
from tapetum.inference.decode import Centre
from tapetum_trainer import graph

SIDE = 64
CLASSES = 2
CONTRACT = Contract(
    input=Input(width=SIDE, height=SIDE, dtype="float32", mean=(128,) * 3, std=(128,) * 3), decoder=Centre()
)


class Network:
    """A `.tflite` under construction."""

    def __init__(self, side: int = SIDE, seed: int = 1) -> None:
        known = graph.schema()
        self.known, self.random = known, np.random.default_rng(seed)
        self.model = known.ModelT()
        self.model.version, self.model.description = 3, b"tiny"
        self.model.buffers, self.model.operatorCodes = [known.BufferT()], []
        self.model.signatureDefs, self.model.metadata = [], []
        self.graph = known.SubGraphT()
        self.graph.tensors, self.graph.operators, self.graph.name = [], [], b"main"
        self.model.subgraphs = [self.graph]
        self.graph.inputs, self.graph.outputs = [self.tensor("picture", (1, side, side, 3))], []

    def tensor(self, name: str, shape: tuple[int, ...], content: Any = None) -> int:
        tensor = self.known.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name.encode(), list(shape), 0
        tensor.type = self.known.TensorType.FLOAT32
        if content is not None:
            kinds = {"float32": "FLOAT32", "float16": "FLOAT16", "int32": "INT32"}
            tensor.type = getattr(self.known.TensorType, kinds[content.dtype.name])
            buffer = self.known.BufferT()
            buffer.data = np.frombuffer(content.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def add(self, kind: str, version: int, inputs: list[int], shape: tuple[int, ...], **options: Any) -> int:
        """Add an operator; returns its output. options: `kind`'s class of options, by the names of its fields."""
        name = options.pop("name", f"{kind.lower()}_{len(self.graph.operators)}")
        given = self.tensor(name, shape)
        operator = self.known.OperatorT()
        operator.opcodeIndex = graph.operator_code(self.model, kind, version)
        operator.inputs, operator.outputs = inputs, [given]
        if options:
            title = options.pop("options")
            operator.builtinOptionsType = getattr(self.known.BuiltinOptions, title)
            operator.builtinOptions = getattr(self.known, f"{title}T")()
            for field, value in options.items():
                setattr(operator.builtinOptions, field, value)
        self.graph.operators.append(operator)
        return given

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(self.graph.tensors[tensor].shape)

    def convolved(self, source: int, channels: int, stride: int, gain: float = 1.0, relu: bool = True) -> int:
        """Add a convolution, 3 x 3 where it strides and 1 x 1 where not."""
        _, height, width, depth = self.shape(source)
        side = 3 if stride > 1 else 1
        spread = gain * np.sqrt(2 / (side * side * depth))
        kernel = self.random.normal(0, spread, (channels, side, side, depth)).astype(np.float32)
        place = len(self.graph.operators)
        inputs = [source, self.tensor(f"kernel_{place}", kernel.shape, kernel)]
        inputs += [self.tensor(f"bias_{place}", (channels,), np.zeros(channels, np.float32))]
        found = self.known.ActivationFunctionType
        return self.add(
            "CONV_2D", 1, inputs, (1, -(-height // stride), -(-width // stride), channels), options="Conv2DOptions",
            padding=self.known.Padding.SAME, strideW=stride, strideH=stride,
            fusedActivationFunction=found.RELU6 if relu else found.NONE, name=f"conv_{place}",
        )  # fmt: skip

    def enlarged(self, source: int, by: int = 2) -> int:
        """Add nearest enlarging with half-pixel centres, as TensorFlow writes it."""
        _, height, width, depth = self.shape(source)
        size = self.tensor(f"size_{len(self.graph.operators)}", (2,), np.array([height * by, width * by], np.int32))
        return self.add(
            "RESIZE_NEAREST_NEIGHBOR", 3, [source, size], (1, height * by, width * by, depth),
            options="ResizeNearestNeighborOptions", alignCorners=False, halfPixelCenters=True,
        )  # fmt: skip

    def head(self, source: int, channels: int, name: str) -> None:
        """Add an output that ends in a sigmoid."""
        logits = self.convolved(source, channels, 1, gain=3, relu=False)
        self.graph.outputs.append(self.add("LOGISTIC", 1, [logits], self.shape(logits), name=name))

    def written(self) -> bytes:
        return graph.written(self.model)


def network(by: int = 2, seed: int = 1) -> Network:
    """Return a detector with the head of the trainer's own; its last grid is one enlarged by `by`."""
    made = Network(seed=seed)
    found = made.graph.inputs[0]
    for channels in (8, 16, 16) + (16,) * (by // 2):
        found = made.convolved(found, channels, 2)
    while made.shape(found)[1] * by > SIDE // 8:
        found = made.convolved(found, 16, 2)
    found = made.enlarged(found, by)
    for channels, name in ((CLASSES, "heatmap"), (2, "size"), (2, "offset")):
        made.head(found, channels, name)
    return made


def halve_kernels(made: Network) -> None:
    """Keep the kernels of the convolutions in float16, each widened by an operator, as converters do."""
    for operator in [one for _, one in graph.operators(made.model, "CONV_2D")]:
        kernel = made.graph.tensors[operator.inputs[1]]
        numbers = graph.constant(made.model, kernel, "<f4")
        short = made.tensor(f"{graph.name_of(kernel)}_half", numbers.shape, numbers.astype(np.float16))
        widened = made.known.OperatorT()
        widened.opcodeIndex = graph.operator_code(made.model, "DEQUANTIZE", 1)
        widened.inputs, widened.outputs = [short], [operator.inputs[1]]
        made.graph.operators.insert(0, widened)
        made.model.buffers[kernel.buffer].data, kernel.buffer = None, 0


def pictures(count: int, seed: int = 1, side: int = SIDE) -> list[Any]:
    """Return pictures with something in them: blurred noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 8, 8, 3), np.uint8)
    return [np.ascontiguousarray(one.repeat(side // 8, 0).repeat(side // 8, 1)) for one in coarse]
