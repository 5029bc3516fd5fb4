"""The conditions that a model is judged under: one degree of each degradation, the same for every model."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.degrade import (
    DarkSensor,
    Lamp,
    blurred,
    h264,
    hazy,
    infrared,
    motion_kernel,
    plausible_depth,
)

Picture = NDArray[np.uint8]
_SEED = 1
LIGHT = 0.04
"""Of the light that there was, as of the dark clips by which the device is judged."""
EXTINCTION = 2.0
"""Over the distance to the horizon: an eighth of its light is left."""
LENGTH = 0.02
"""Of a motion while the shutter is open, fractions of the picture's width."""
CRF = 35


def conditions() -> dict[str, Callable[[Picture], Picture]]:
    """Return each condition's name and what it does to a picture (h, w, 3) RGB; they begin with their seed anew."""
    sensor, random = DarkSensor(LIGHT, _SEED), np.random.default_rng(_SEED)

    def haze(picture: Picture) -> Picture:
        return hazy(picture, plausible_depth(picture.shape, random), EXTINCTION)

    def motion(picture: Picture) -> Picture:
        return blurred(picture, motion_kernel(LENGTH * picture.shape[1], random.uniform(0, np.pi)))

    return {
        "night": sensor.picture,
        "infrared": lambda picture: infrared(picture, Lamp()),
        "haze": haze,
        "motion": motion,
        "h264": lambda picture: h264([picture], crf=CRF)[0],
    }
