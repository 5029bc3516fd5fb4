"""A frame with the truth and every contender's box drawn into it."""

from collections.abc import Mapping

import cv2
import numpy as np

from tapetum.scene import Box, Plane
from tapetum.tracking.follower import Followed

_WHITE = (255, 255, 255)
_LINE = 12  # pixels of the legend


def drawn(picture: Plane, truth: Box | None, answers: Mapping[str, Followed]) -> Plane:
    """Return a copy of `picture` (H, W, 3) BGR, its sides even: the truth thick and white, the names in their colours.

    A box in which its follower does not believe is left out, and its name is in brackets.
    """
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    found = picture[:height, :width].copy()
    if truth is not None:
        _box(found, truth, _WHITE, 2)
    for line, (name, answer) in enumerate(answers.items()):
        colour = _colour(line, len(answers))
        if answer.visible:
            _box(found, answer.box, colour, 1)
        text = name if answer.visible else f"({name})"
        cv2.putText(found, text, (2, _LINE * (line + 1)), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
    return found


def _box(picture: Plane, box: Box, colour: tuple[int, int, int], thickness: int) -> None:
    left, top, right, bottom = (round(edge) for edge in box.pixels(picture.shape))
    cv2.rectangle(picture, (left, top), (right, bottom), colour, thickness)


def _colour(index: int, count: int) -> tuple[int, int, int]:
    hsv = np.array([[[round(180 * index / count), 200, 255]]], np.uint8)
    blue, green, red = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR))[0, 0].tolist()
    return blue, green, red
