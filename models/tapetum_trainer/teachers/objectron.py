"""The teacher: an SSD-MobileNetV2 of 300 x 300 pixels, trained on Open Images V4, as MediaPipe's Objectron ships it.

It tells 23 things apart, among them all that the shipped detector knows. Its weights are under the Apache License 2.0
(the `license` of the npm package; the LICENSE of the wheel), so labels made by it may be used and passed on.

The network gives, for each of 1,917 anchors, a box in the anchor's own terms and 24 logits, of which the first is the
background's. Anchors and terms are those of the TensorFlow Object Detection API (`multiple_grid_anchor_generator`, with
`reduce_boxes_in_lowest_layer`; `faster_rcnn_box_coder` with the scales 10, 10, 5, 5), as written down in MediaPipe's
`objectron/calculators` and `object_detection_ssd_mobilenetv2_oidv4` settings.

W. Liu et al., "SSD: single shot multibox detector", ECCV 2016. A. Kuznetsova et al., "The Open Images dataset V4", IJCV
128:1956-1981, 2020.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.decode.rows import sigmoid
from tapetum.inference.preprocess import resize
from tapetum.inference.tflite import runtime
from tapetum_trainer.teachers.answers import Answers, Floats, Pixels

SIDE = 300
NAMES = (
    "???", "Bicycle", "Boot", "Laptop", "Person", "Chair", "Cattle", "Desk", "Cat", "Computer mouse",
    "Computer monitor", "Box", "Mug", "Coffee cup", "Stationary bicycle", "Table", "Bottle", "High heels", "Vehicle",
    "Footwear", "Dog", "Book", "Camera", "Car",
)  # fmt: skip
"""What each logit stands for; the first is the background."""

SHIPPED: Mapping[str, tuple[str, ...]] = {
    "person": ("Person",),
    "vehicle": ("Car", "Vehicle"),
    "bicycle": ("Bicycle",),
    "cat": ("Cat",),
    "dog": ("Dog",),
}
"""The labels of the shipped detector, and what of the teacher's answers stands for each."""

_GRIDS = (19, 10, 5, 3, 2, 1)
_SCALES = np.linspace(0.2, 0.95, len(_GRIDS))
_ASPECTS = (1.0, 2.0, 0.5, 3.0, 1 / 3)
_KEY = "objectron-oidv4-fp16"
_LOWEST = 0.1  # the scale of the square anchor in the lowest layer, which has three instead of six


class Objectron:
    """The network, loaded: a picture in, what it says of each anchor out. It belongs to one thread."""

    def __init__(self, content: bytes, classes: Mapping[str, Sequence[str]] = SHIPPED, threads: int = 1) -> None:
        """Load the .tflite `content`; classes: each label that is wanted, and which of `NAMES` stand for it.

        Raises ValueError for a name that the network does not know.
        """
        self.labels = tuple(classes)
        self._columns = [[_column(name) for name in names] for names in classes.values()]
        self.key = ",".join([_KEY, *(f"{label}={'+'.join(names)}" for label, names in classes.items())])
        self._network: Any = runtime().Interpreter(model_content=content, num_threads=threads)
        self._network.allocate_tensors()
        self._input = self._network.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in self._network.get_output_details()]
        self._reduced = np.empty((SIDE, SIDE, 3), np.uint8)

    def answers(self, pixels: Pixels) -> Answers:
        """Return what it says of a picture (h, w, 3) RGB uint8: the mean of its answers to it and to its mirror image.

        Boxes are (1917, 4), fractions of the picture, and may reach out of it; scores (1917, labels).
        """
        resize(pixels, self._reduced)
        boxes, logits = self._asked(self._reduced)
        mirrored, others = self._asked(self._reduced[:, ::-1])
        twin = _twins()
        flipped = mirrored[twin]
        flipped[:, [0, 2]] = 1 - flipped[:, [2, 0]]
        scores = (sigmoid(logits) + sigmoid(others[twin])) / 2
        best = np.stack([scores[:, columns].max(axis=1) for columns in self._columns], axis=1)
        return Answers(np.asarray((boxes + flipped) / 2, np.float32), best)

    def _asked(self, picture: Pixels) -> tuple[Floats, Floats]:
        """Return boxes (1917, 4) and logits (1917, 24) for (300, 300, 3)."""
        self._network.set_tensor(self._input, (picture[None] / np.float32(127.5)) - np.float32(1))
        self._network.invoke()
        codes, logits = (self._network.get_tensor(output)[0] for output in self._outputs)
        return decoded(codes), logits


def decoded(codes: Floats) -> Floats:
    """Return left, top, right, bottom (1917, 4) of the codes y, x, height, width (1917, 4) of each anchor's box."""
    x, y, width, height = anchors().T
    centre = np.stack([codes[:, 1] / 10 * width + x, codes[:, 0] / 10 * height + y], axis=1)
    half = np.stack([np.exp(codes[:, 3] / 5) * width, np.exp(codes[:, 2] / 5) * height], axis=1) / 2
    return np.concatenate([centre - half, centre + half], axis=1, dtype=np.float32)


@cache
def anchors() -> Floats:
    """Return the anchors (1917, 4): centre x and y, width, height, fractions of the picture."""
    layers = [_layer(grid, _shapes(index)) for index, grid in enumerate(_GRIDS)]
    return np.concatenate(layers).astype(np.float32)


def _shapes(index: int) -> list[tuple[float, float]]:
    """Return width and height of each anchor of a layer, fractions of the picture."""
    scale = _SCALES[index]
    kinds = [(scale, aspect) for aspect in _ASPECTS]
    if index == 0:
        kinds = [(_LOWEST, 1.0), (scale, 2.0), (scale, 0.5)]
    else:
        following = 1.0 if index + 1 == len(_SCALES) else _SCALES[index + 1]
        kinds.append(((scale * following) ** 0.5, 1.0))
    return [(size * aspect**0.5, size / aspect**0.5) for size, aspect in kinds]


def _layer(grid: int, shapes: list[tuple[float, float]]) -> NDArray[np.float64]:
    """Return the anchors of one layer: row by row, cell by cell, shape by shape."""
    centres = (np.arange(grid) + 0.5) / grid
    y, x, shape = np.meshgrid(centres, centres, np.arange(len(shapes)), indexing="ij")
    sizes = np.array(shapes)[shape.ravel()]
    return np.column_stack([x.ravel(), y.ravel(), sizes])


@cache
def _twins() -> NDArray[np.int64]:
    """Return (1917,): for each anchor the one at its place in the mirrored picture."""
    layers, first = [], 0
    for index, grid in enumerate(_GRIDS):
        count = len(_shapes(index))
        numbers = first + np.arange(grid * grid * count).reshape(grid, grid, count)
        layers.append(numbers[:, ::-1].ravel())
        first += numbers.size
    return np.concatenate(layers)


def _column(name: str) -> int:
    if name not in NAMES[1:]:
        raise ValueError(f"the teacher knows no {name!r}; it knows {', '.join(NAMES[1:])}")
    return NAMES.index(name)
