"""Small sets of pictures in YOLO's format, with something of all that a report tells."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.readers import AnySource, Yolo

CLASSES = Classes({"person": [], "vehicle": ["car"]}, {"statue": "person"})
NAMES = ("person", "car", "statue", "Car", "tree")


def scenery(seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(cv2.resize(small, (80, 60), interpolation=cv2.INTER_CUBIC), np.uint8)


def made(root: Path, name: str, pictures: dict[str, tuple[int, str]], **options: Any) -> Yolo:
    """A set in YOLO's format: name of a picture -> what it looks like, its lines."""
    (root / name).mkdir()
    for stem, (seed, lines) in pictures.items():
        cv2.imwrite(str(root / name / f"{stem}.png"), scenery(seed))
        (root / name / f"{stem}.txt").write_text(lines)
    return Yolo(images=name, labels=name, names=NAMES, **options)


PERSON, CAR, STATUE, TREE = (f"{number} 0.5 0.5 0.4 0.4\n" for number in (0, 1, 2, 4))


def two_sets(root: Path) -> list[AnySource]:
    """Two sets with something of all: b of the first looks as d of the second, which is to be tested on."""
    first = {"a": (1, PERSON + CAR), "b": (2, PERSON + TREE), "c": (3, "")}
    return [
        made(root, "first", first, split="train"),
        made(root, "second", {"d": (2, CAR + STATUE), "e": (4, PERSON)}, split="test"),
    ]
