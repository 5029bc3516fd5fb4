"""A detector that learns in seconds, and pictures that it can learn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.networks.backbones import Backbone, Stage
from tapetum_trainer.networks.detector import Architecture
from tapetum_trainer.targets import Truth

TINY = Backbone(8, (Stage(1, 8, 1, 1), Stage(2, 8, 1, 2), Stage(2, 16, 1, 2), Stage(2, 24, 1, 2), Stage(2, 32, 1, 2)))
SIDE, CLASSES = 96, 2
ARCHITECTURE = Architecture(TINY, SIDE, neck=16, depth=1)


@dataclass(frozen=True)
class Lesson:
    pixels: NDArray[np.uint8]
    truths: tuple[Truth, ...]
    hints: tuple[Truth, ...] = ()
    maps: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def picture(seed: object) -> tuple[NDArray[np.uint8], Truth]:
    """Return dim noise with a bright red and a bright blue box in it, one class each."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 60, (SIDE, SIDE, 3), np.uint8)
    boxes = []
    for channel, left in ((0, 0), (2, SIDE // 2)):
        width, height = random.integers(14, 36, 2)
        x, y = left + random.integers(0, SIDE // 2 - width), random.integers(0, SIDE - height)
        pixels[y : y + height, x : x + width, channel] = 230
        boxes.append([x, y, x + width, y + height])
    return pixels, Truth(np.array(boxes, np.float32) / SIDE, np.arange(2, dtype=np.int32), np.zeros(2, bool))


class Feed:
    """Batches that follow from seed, epoch and step alone."""

    def __init__(self, steps: int = 10, batch: int = 8, seed: int = 0) -> None:
        self.steps, self._batch, self._seed = steps, batch, seed

    def batches(self, epoch: int, start: int = 0) -> Iterator[Lesson]:
        for step in range(start, self.steps):
            made = [picture((self._seed, epoch, step, index)) for index in range(self._batch)]
            yield Lesson(np.stack([pixels for pixels, _ in made]), tuple(truth for _, truth in made))
