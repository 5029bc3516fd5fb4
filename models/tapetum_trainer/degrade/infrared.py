"""A camera at night by its own infrared lamp: no colour, a hot middle, corners in the dark, glare, and noise.

At 850 nm all three filters of a colour sensor let about the same through, so there is no colour; what a thing sends
back there is closer to its red than to its blue (no visible light tells it: C. Fredembach and S. Suesstrunk, "Colouring
the near-infrared", Color and Imaging Conference, 2008). The lamp lights by the inverse square of the distance, there
once and not twice, since a thing that is farther away also covers fewer pixels; across the picture as a lamp with
a lens does, by a normal distribution around its axis, on top of cos^4 of the angle to the lens's (the law of
illumination of R. Kingslake, "Optics in photography", 1992, chapter 6). Bright things scatter light over the whole
picture within the lens and the dome before it: veiling glare, and a bloom around them. The sensor adds what
`DarkSensor` does.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from tapetum_trainer.degrade.light import Light, Picture, levels, light

_RESPONSE = np.array([[0.6, 0.25, 0.15]], np.float32)
"""Of red, green and blue light in what is sent back of the lamp's: a decision, red counting most."""
_BLOOM = 0.04  # how far it reaches: standard deviation, fractions of the diagonal; a decision
_COARSER = 8  # by how much the picture is reduced to spread what blooms


@dataclass(frozen=True, slots=True)
class Lamp:
    """How a camera's lamp lights a scene."""

    power: float = 1.0  # of the light that there was when the picture was taken, on the axis at the distance `reach`
    width: float = 0.5  # standard deviation of the lamp's beam, fractions of the picture's diagonal
    field: float = 1.2  # diagonal of what the lens sees, radians
    x: float = 0.5  # where the beam's middle lies, fractions of the picture
    y: float = 0.5
    glare: float = 0.02  # of all light, what is scattered over the whole picture
    bloom: float = 0.05  # of all light, what is scattered around where it falls


def lit(shape: tuple[int, ...], lamp: Lamp) -> Light:
    """Return (h, w): the lamp's light on things of one distance, `power` on the axis when beam and lens share it."""
    height, width = shape[:2]
    diagonal = np.hypot(width, height)
    across, down = (np.arange(width) + 0.5) / diagonal, (np.arange(height) + 0.5) / diagonal
    beam = np.multiply.outer(
        _bell(down - lamp.y * height / diagonal, lamp), _bell(across - lamp.x * width / diagonal, lamp)
    )
    tangent = 2 * np.tan(lamp.field / 2)
    square = np.add.outer((down - height / diagonal / 2) ** 2, (across - width / diagonal / 2) ** 2) * tangent**2
    return np.asarray(lamp.power * beam / (1 + square) ** 2, np.float32)


def infrared(picture: Picture, lamp: Lamp, depth: Light | None = None, reach: float = 0.5) -> Picture:
    """Return `picture` (h, w, 3) as a night camera takes it, without the sensor's noise: three equal channels.

    depth: (h, w); what is at `reach` gets `power`, what is nearer more, by the inverse square, at most four times.
    """
    amount = np.asarray(cv2.transform(light(picture), _RESPONSE), np.float32).reshape(picture.shape[:2])
    amount = amount * lit(picture.shape, lamp)
    if depth is not None:
        amount *= np.minimum((reach / np.maximum(depth, 1e-3)) ** 2, 4)
    gray = levels(scattered(np.minimum(amount, 1), lamp))
    return np.asarray(cv2.merge([gray, gray, gray]), np.uint8)


def scattered(amount: Light, lamp: Lamp) -> Light:
    """Return `amount` (h, w) with a part of it spread around, and a part over all: the mean stays what it was."""
    small = cv2.resize(amount, None, fx=1 / _COARSER, fy=1 / _COARSER, interpolation=cv2.INTER_AREA)
    reach = _BLOOM * float(np.hypot(*amount.shape)) / _COARSER
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), reach), amount.shape[::-1], interpolation=cv2.INTER_LINEAR)
    stays = 1 - lamp.glare - lamp.bloom
    return np.asarray(stays * amount + lamp.bloom * soft + np.float32(lamp.glare * amount.mean()), np.float32)


def _bell(away: Light, lamp: Lamp) -> Light:
    return np.asarray(np.exp(-((away / lamp.width) ** 2) / 2))
