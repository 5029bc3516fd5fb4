"""How examples are varied. Each probability is that of one example, each pair the least and the greatest."""

from typing import Annotated

from msgspec import Meta

from tapetum.settings import Fraction, Settings
from tapetum_trainer.sides import PAIR

Range = tuple[float, float]
Side = Annotated[int, Meta(ge=32, le=2048)]


def _ordered(settings: Settings, positive: str, any_sign: str = "") -> None:
    """Raise ValueError unless each range of the names given has its least first, and is positive where it must be."""
    for name in [*positive.split(), *any_sign.split()]:
        least, most = getattr(settings, name)
        if least > most:
            raise ValueError(f"{name}: the least of [{least}, {most}] comes first")
        if name in positive.split() and least <= 0:
            raise ValueError(f"{name}: [{least}, {most}] must be more than 0")


class Geometry(Settings, frozen=True, kw_only=True):
    """Where a thing comes to lie, how large, and how much of it is left."""

    mosaic: Fraction = 0.5  # several pictures in one: many things at once, most of them small
    nine: Fraction = 0.25  # of mosaics are 3 x 3 pictures, the others 2 x 2
    scale: Range = (0.75, 3.0)  # of a thing's size in the picture stretched to its place; below 1 there is a plain rim
    aspect: Annotated[float, Meta(ge=1, le=3)] = 1.4  # width to height changes by up to this factor, either way
    balance: Fraction = 0.6  # for which a thing is picked, and the scale chosen so that it gets a size of `sizes`
    sizes: Range = (0.04, 0.8)  # the root of its area, fractions of the example: every octave as often
    flip: Fraction = 0.5  # left and right
    kept: Fraction = 0.4  # a thing of which less is left is ignored: neither wanted nor punished
    dropped: Fraction = 0.1  # less of it is nothing
    smallest: Annotated[float, Meta(ge=0)] = 3.0  # pixels, the root of the area: what is smaller is ignored

    def __post_init__(self) -> None:
        _ordered(self, "scale sizes")
        if self.scale[0] > 1 or self.dropped > self.kept:
            raise ValueError("scale begins with 1 or less, and dropped is no more than kept")


class Pasting(Settings, frozen=True, kw_only=True):
    """How often things are cut out of one picture along their outlines and put into another."""

    share: Fraction = 0.0  # of the examples
    most: Annotated[int, Meta(ge=1, le=16)] = 3  # things in one of them
    sizes: Range = (0.06, 0.6)  # the root of a thing's area, fractions of the example: every octave as often
    enlarged: Annotated[float, Meta(ge=1)] = 1.5  # no thing is made larger than it was by more than this
    classes: tuple[str, ...] = ()  # that are pasted; (): all
    edge: Annotated[float, Meta(ge=0, le=8)] = 1.0  # pixels, the deviation by which the edge of a thing is blurred

    def __post_init__(self) -> None:
        _ordered(self, "sizes")


class Colour(Settings, frozen=True, kw_only=True):
    """How light and colours vary among cameras and days."""

    brightness: Fraction = 0.15  # up to this is added or taken away, fractions of white
    contrast: Range = (0.7, 1.3)
    gamma: Range = (0.7, 1.4)
    saturation: Range = (0.4, 1.6)
    hue: Fraction = 0.03  # turned by up to this part of a circle, either way
    gray: Fraction = 0.1  # how often there is no colour at all

    def __post_init__(self) -> None:
        _ordered(self, "gamma", "contrast saturation")


class Conditions(Settings, frozen=True, kw_only=True):
    """How often the degradations of `tapetum_trainer.degrade` happen, and how bad they are."""

    haze: Fraction = 0.06
    extinction: Range = (0.5, 4.0)  # per distance of the horizon
    infrared: Fraction = 0.06
    exposure: Fraction = 0.1
    stops: Range = (-2.0, 1.5)
    balance: Fraction = 0.15  # of white: each channel by up to this factor more or less
    defocus: Fraction = 0.05
    radius: Range = (0.7, 2.5)  # pixels of the example
    motion: Fraction = 0.05
    shake: Fraction = 0.04
    length: Range = (2.0, 12.0)  # pixels of the example, of a motion or a shake
    night: Fraction = 0.12
    light: Range = (0.01, 0.3)  # of the light that there was
    visible: Fraction = 0.2  # a thing that correlates less than this with what it was is ignored
    brightened: Fraction = 0.5  # how often a night is made as bright as the device makes it before it asks
    h264: Fraction = 0.08
    crf: Range = (24, 42)
    jpeg: Fraction = 0.08
    quality: Range = (20, 80)

    def __post_init__(self) -> None:
        _ordered(self, "extinction radius length light", "stops crf quality")
        if not (self.crf[0] >= 0 and self.crf[1] <= 51 and self.quality[0] >= 1 and self.quality[1] <= 100):
            raise ValueError("crf lies within 0..51, quality within 1..100")


class Augmentation(Settings, frozen=True, kw_only=True):
    """How examples are made of pictures."""

    side: Side | Annotated[tuple[Side, ...], PAIR] = 256  # pixels, of a square example, or width and height
    seed: int = 0
    geometry: Geometry = Geometry()
    pasting: Pasting = Pasting()
    colour: Colour | None = Colour()  # null: as they are
    conditions: Conditions | None = Conditions()  # null: none
