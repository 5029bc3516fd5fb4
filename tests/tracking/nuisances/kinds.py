"""What moves before a camera and is nobody, by name."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from tests.tracking.nuisances.falling import Rain, Snow
from tests.tracking.nuisances.lens import Crawler, Insects, Web
from tests.tracking.nuisances.lights import Headlights, Shadows
from tests.tracking.nuisances.places import Picture


class Nuisance(Protocol):
    """Something that moves and is nobody, the same for the same seed."""

    def over(self, picture: Picture, number: int, /) -> Picture:
        """Return `picture`, (360, 640, 3) uint8 RGB, with it, as it is in frame `number`, ten a second."""
        ...


KINDS: dict[str, Callable[[np.random.Generator, str], Nuisance]] = {
    "insects": Insects,
    "crawler": Crawler,
    "rain": Rain,
    "snow": Snow,
    "web": Web,
    "headlights": Headlights,
    "shadows": Shadows,
}
"""Each is made by a generator and the light of the place, one of `places.LIGHTS`."""
