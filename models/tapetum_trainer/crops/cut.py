"""From labelled pictures to crops, each of one thing: by the code that cuts them on the device."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tapetum.inference.crops import around
from tapetum.scene import Box
from tapetum_trainer.crops.settings import Cutting
from tapetum_trainer.data.sample import Labelled, Thing


def crops(pictures: Sequence[Labelled], settings: Cutting, side: int) -> list[Labelled]:
    """Return a crop for each thing in the pictures, in our classes, that is large enough and no crowd.

    side: of the square input, pixels.
    """
    return [crop for picture in pictures for crop in _of(picture, settings, side)]


def _of(picture: Labelled, settings: Cutting, side: int) -> Iterator[Labelled]:
    for thing in picture.things:
        longer = max(thing.box.width * picture.width, thing.box.height * picture.height)
        if not thing.crowd and longer >= settings.smallest:
            yield _cut(picture, thing, settings.context, side)


def _cut(picture: Labelled, thing: Thing, context: float, side: int) -> Labelled:
    """Return what is around `thing`, to the pixel that is cut."""
    wanted = around(thing.box, context, (picture.width, picture.height), (side, side))
    left, top, right, bottom = _pixels(wanted, picture.width, picture.height)
    width, height = right - left, bottom - top
    cut = Box.of_pixels(left, top, right, bottom, (picture.height, picture.width))
    edges = thing.box.pixels((picture.height, picture.width))
    moved = Box.of_pixels(edges[0] - left, edges[1] - top, edges[2] - left, edges[3] - top, (height, width))
    return replace(
        picture, width=width, height=height, things=(Thing(thing.label, moved.clipped()),), known=None, cut=cut
    )


def _pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a box in a picture, at least one pixel each way."""
    left, top, right, bottom = (round(edge) for edge in box.pixels((height, width)))
    return left, top, min(width, max(right, left + 1)), min(height, max(bottom, top + 1))
