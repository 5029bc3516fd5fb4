"""Labelled pictures in memory."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tapetum_trainer.data.packed import Packed, packed
from tapetum_trainer.data.readers.yolo import Yolo

_COCO = (
    "person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant stop_sign parking_meter "
    "bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella handbag tie suitcase frisbee "
    "skis snowboard sports_ball kite baseball_bat baseball_glove skateboard surfboard tennis_racket bottle "
    "wine_glass cup fork knife spoon bowl banana apple sandwich orange broccoli carrot hot_dog pizza donut cake chair "
    "couch potted_plant bed dining_table toilet tv laptop mouse remote keyboard cell_phone microwave oven toaster sink "
    "refrigerator book clock vase scissors teddy_bear hair_drier toothbrush"
)
COCO = tuple(_COCO.split())
"""The 80 classes of COCO, in YOLO's order."""


@dataclass
class One:
    """A picture. things: (class, left, top, right, bottom)."""

    things: list[tuple[float, ...]] = field(default_factory=list)
    ignored: list[tuple[float, ...]] = field(default_factory=list)
    unknown: tuple[int, ...] = ()
    group: str = ""
    size: tuple[int, int] = (48, 64)
    level: int = 128


class Made:
    """Pictures as `Packed` gives them; each has its index in the first pixel."""

    def __init__(self, labels: tuple[str, ...], ones: list[One]) -> None:
        self.labels, self.ones = labels, ones

    def __len__(self) -> int:
        return len(self.ones)

    def picture(self, index: int) -> Any:
        found = np.full((*self.ones[index].size, 3), self.ones[index].level, np.uint8)
        found[0, 0] = index
        return found

    def _rows(self, index: int) -> np.ndarray:
        one = self.ones[index]
        return np.array([*one.things, *one.ignored], np.float32).reshape(-1, 5)

    def boxes(self, index: int) -> Any:
        return self._rows(index)[:, 1:]

    def classes(self, index: int) -> Any:
        return self._rows(index)[:, 0].astype(np.int32)

    def ignored(self, index: int) -> Any:
        one = self.ones[index]
        return np.array([False] * len(one.things) + [True] * len(one.ignored), bool)

    def known(self, index: int) -> Any:
        return np.array([number not in self.ones[index].unknown for number in range(len(self.labels))])

    def origin(self, index: int) -> str:
        return f"{index}.png"

    def group(self, index: int) -> str:
        return self.ones[index].group


def rows(*found: tuple[float, ...]) -> np.ndarray:
    """Answers: (class, score, left, top, right, bottom)."""
    return np.array(found, np.float32).reshape(-1, 6)


def perfect(pictures: Made) -> list[np.ndarray]:
    """The answers that are the truth, each as sure."""
    return [
        rows(*((number, 0.9, *box) for number, *box in one.things if number not in one.unknown))
        for one in pictures.ones
    ]


def street(count: int = 6, seed: int = 1, classes: int = 2) -> Made:
    """Pictures with things of random sizes."""
    random = np.random.default_rng(seed)
    ones = []
    for _ in range(count):
        corner = random.uniform(0, 0.6, (4, 2))
        size = random.uniform(0.02, 0.39, (4, 2))
        boxes = np.concatenate([corner, corner + size], axis=1)
        ones.append(One([(int(random.integers(classes)), *map(float, box)) for box in boxes]))
    return Made(("person", "car", "dog", "cat")[:classes], ones)


def coco128(data: Path, folder: Path, labels: tuple[str, ...]) -> Packed:
    """The real pictures of that name, packed, with these of their classes."""
    source = Yolo(images="images/train2017", labels="labels/train2017", names=COCO)
    found = source.read(data / "detection/coco128")
    kept = [
        type(one)(one.path, one.width, one.height, tuple(thing for thing in one.things if thing.label in labels))
        for one in found
    ]
    return packed(kept, labels, 640, folder, data)
