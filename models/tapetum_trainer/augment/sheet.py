"""Examples with their boxes on one sheet, to be looked at: what the network sees is easier to judge than to compute."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tapetum_trainer.augment.example import Example, Pixels
from tapetum_trainer.augment.geometry import edges_of

_COLOURS = ((255, 80, 80), (80, 200, 255), (255, 220, 60), (120, 255, 120), (255, 120, 255), (255, 160, 60))
_IGNORED = (150, 150, 150)
_RIM = 4  # pixels between two examples
_FONT = cv2.FONT_HERSHEY_PLAIN


def sheet(examples: Sequence[Example], labels: Sequence[str], across: int = 6) -> Pixels:
    """Return `examples` in rows of `across`, with boxes and labels; what is ignored is gray. RGB uint8."""
    height, width = (length + _RIM for length in examples[0].pixels.shape[:2])
    rows = -(-len(examples) // across)
    page = np.full((rows * height, across * width, 3), 255, np.uint8)
    for number, example in enumerate(examples):
        top, left = number // across * height, number % across * width
        page[top : top + height - _RIM, left : left + width - _RIM] = drawn(example, labels)
    return page


def drawn(example: Example, labels: Sequence[str]) -> Pixels:
    """Return a copy of the example's pixels with its boxes."""
    picture = example.pixels.copy()
    own = ~example.hinted
    for box, number, ignored in zip(example.boxes[own], example.classes[own], example.ignored[own], strict=True):
        left, top, right, bottom = (box * edges_of((picture.shape[1], picture.shape[0]))).round().astype(int).tolist()
        colour = _IGNORED if ignored else _COLOURS[number % len(_COLOURS)]
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), colour, 1)
        cv2.putText(picture, labels[number][:7], (left + 1, max(top - 1, 9)), _FONT, 0.7, colour, 1, cv2.LINE_AA)
    return picture


def save(page: Pixels, path: Path) -> None:
    """Write a sheet as PNG; raises OSError when it cannot be written."""
    path.write_bytes(cv2.imencode(".png", page[:, :, ::-1])[1].tobytes())
