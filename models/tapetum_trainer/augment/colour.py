"""Light and colours as they vary among cameras and days: one matrix for colour, one table for light.

Saturation and hue are a linear map of RGB around the gray axis, with the luma of ITU-R BT.601; brightness, contrast and
gamma a table of 256 entries. So each pixel is touched twice, whatever is varied.
"""

import math

import cv2
import numpy as np

from tapetum_trainer.augment.example import Floats, Pixels
from tapetum_trainer.augment.settings import Colour, Range

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_GRAY = np.tile(_LUMA, (3, 1))
_SAME = np.eye(3, dtype=np.float32)
_AXIS = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], np.float32) / np.float32(math.sqrt(3))
_LEVELS = np.arange(256, dtype=np.float32) / 255


def coloured(pixels: Pixels, settings: Colour, random: np.random.Generator) -> None:
    """Vary `pixels` (h, w, 3) in place."""
    saturation, turn = random.uniform(*settings.saturation), random.uniform(-1, 1) * settings.hue * 2 * math.pi
    if random.random() < settings.gray:
        saturation, turn = 0.0, 0.0
    cv2.transform(pixels, matrix(saturation, turn), pixels)
    lift = random.uniform(-1, 1) * settings.brightness
    cv2.LUT(pixels, table(lift, random.uniform(*settings.contrast), _octave(settings.gamma, random)), pixels)


def matrix(saturation: float, turn: float) -> Floats:
    """Return (3, 3) for RGB: hue turned by `turn` radians about the gray axis, then `saturation` times as colourful."""
    third = np.full((3, 3), 1 / 3, np.float32)
    turned = math.cos(turn) * _SAME + math.sin(turn) * _AXIS + (1 - math.cos(turn)) * third
    return np.asarray((saturation * _SAME + (1 - saturation) * _GRAY) @ turned, np.float32)


def table(lift: float, contrast: float, gamma: float) -> Pixels:
    """Return (256,): levels to the power `gamma`, `contrast` times as far from the middle, `lift` (of white) more."""
    value = (_LEVELS**gamma - 0.5) * contrast + 0.5 + lift
    return np.asarray((value * 255 + 0.5).clip(0, 255), np.uint8)


def _octave(limits: Range, random: np.random.Generator) -> float:
    return math.exp(random.uniform(math.log(limits[0]), math.log(limits[1])))
