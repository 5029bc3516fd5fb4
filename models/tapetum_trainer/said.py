"""What a Keras detector says of pictures, as the device would read it: for validation between two epochs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.contract import Input
from tapetum.inference.decode import Centre
from tapetum.inference.preprocess import Preprocessor
from tapetum.inference.tensors import Floats, Tensor, TensorSpec
from tapetum_trainer.scaling import real
from tapetum_trainer.sides import Sides, size_of
from tapetum_trainer.targets import OUTPUTS

_BATCH = 32


class Answers:
    """Pictures, prepared once as the device prepares them, and asked about again and again."""

    def __init__(self, pictures: Sequence[NDArray[np.uint8]], side: Sides) -> None:
        """Prepare `pictures`, each (h, w, 3) RGB uint8, for a network of `side` pixels."""
        width, height = size_of(side)
        maker = Preprocessor(Input(width=width, height=height))
        self._pixels = np.stack([maker.picture(picture)[0] for picture in pictures])

    def rows(self, network: Any, min_score: float) -> list[Floats]:
        """Return for each picture (k, 6): class, score, left, top, right, bottom, fractions, best first."""
        found = []
        for start in range(0, len(self._pixels), _BATCH):
            said = network.predict_on_batch(real(self._pixels[start : start + _BATCH]))
            maps = [np.asarray(said[name], np.float32) for name in OUTPUTS]
            found += [decoded([one[index : index + 1] for one in maps], min_score) for index in range(len(maps[0]))]
        return found


def decoded(maps: Sequence[Floats], min_score: float) -> Floats:
    """Return the rows (k, 6) of one picture's heatmap, size and offset, each (1, h, w, n)."""
    tensors = [
        Tensor(TensorSpec(name, values.shape, "float32"), values) for name, values in zip(OUTPUTS, maps, strict=True)
    ]
    return Centre().decode(tensors, min_score)
