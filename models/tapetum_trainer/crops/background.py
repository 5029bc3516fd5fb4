"""Where a picture shows none of the classes: places of background, drawn by lot, always the same for the same picture.

They are boxes like those of things, so that the same cut is made around both, and a report shows where they are. None
is drawn in a picture in which a class was not looked for: it may be there.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tapetum.scene import Box
from tapetum_trainer.crops.settings import BACKGROUND, Background
from tapetum_trainer.data.classes import Classes
from tapetum_trainer.data.sample import Labelled, Thing

_TRIES = 20  # for each place: in a full picture there is none
_SHAPE = 2.0  # width to height is up to this, either way: as of what moves
_AROUND = 0.35  # of its size on each side, there is nothing either: a crop shows more than the box


class Meaning(Classes):
    """The classes of a classifier; a picture in them has boxes of background too, where the recipe wants it."""

    def __init__(
        self,
        meaning: Mapping[str, Sequence[str]],
        ignored: Mapping[str, str],
        background: Background | None,
        seed: int = 0,
    ) -> None:
        """As of `Classes`, and raises as it does."""
        super().__init__({**meaning, BACKGROUND: background.labels} if background else meaning, ignored)
        self._background, self._seed = background, seed

    def of(self, picture: Labelled) -> Labelled:
        """Return the picture with our classes alone, and where it shows none of them."""
        found = super().of(picture)
        looked_for = found.known is not None and set(self.names) - {BACKGROUND} <= found.known
        if self._background is None or not looked_for:
            return found
        return replace(found, things=(*found.things, *places(picture, self._background, self._seed)))


def places(picture: Labelled, settings: Background, seed: int) -> list[Thing]:
    """Return up to `settings.each` boxes around which nothing at all is labelled in the picture."""
    name = hashlib.sha256(f"{picture.path.name} {picture.width} {picture.height}".encode()).digest()
    random = np.random.default_rng((abs(seed), *name[:8]))
    taken = [thing.box for thing in picture.things]
    found: list[Thing] = []
    for _ in range(_TRIES * settings.each):
        if len(found) == settings.each:
            break
        box = _drawn(settings, random)
        if not any(box.grown(_AROUND).overlap(other) for other in taken):
            found.append(Thing(BACKGROUND, box))
            taken.append(box)
    return found


def _drawn(settings: Background, random: np.random.Generator) -> Box:
    """Return a box in the picture, each octave of its size as likely."""
    least, most = (math.log(size) for size in settings.sizes)
    size = math.exp(random.uniform(least, most))
    aspect = math.exp(random.uniform(-math.log(_SHAPE), math.log(_SHAPE))) ** 0.5
    width, height = min(1.0, size * aspect), min(1.0, size / aspect)
    left, top = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
    return Box(left, top, left + width, top + height)
