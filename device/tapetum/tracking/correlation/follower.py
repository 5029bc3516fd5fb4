"""Correlation: follow a thing by what tells its shape from its surroundings, and by its colours.

A filter, learned anew a little in each frame, answers with a peak where the thing's gradients, brightness and colours
are; the mean likelihood of its colours in each place a box could be is added, since colours do not mind how a thing
bends; a second filter, along scales, says how much it has grown. All learn only while the answer is a peak. It is the
follower to take for what is seen all the time: quick, exact, and at a loss once the thing was away and comes back
elsewhere.

L. Bertinetto et al., "Staple: complementary learners for real-time tracking", CVPR 2016; M. Danelljan et al.,
"Discriminative scale space tracking", IEEE TPAMI 39(8):1561-1575, 2017.
"""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.scene import Box, Frame
from tapetum.settings import Fraction, Settings
from tapetum.tracking.correlation.channels import CELL
from tapetum.tracking.correlation.colours import Colours, boxes
from tapetum.tracking.correlation.filter import Filter
from tapetum.tracking.correlation.look import Look
from tapetum.tracking.correlation.peak import peak
from tapetum.tracking.correlation.scale import Scale
from tapetum.tracking.follower import Followed, inside

_SPREAD = 1 / 8  # of the thing's size: standard deviation of the wanted peak
_LEAST_SPREAD = 0.5  # cells
_CERTAIN = 20.0  # standard deviations: a peak that stands out so far is as good as any
_LARGEST = 1.0  # of the frame's width and height


class Correlation(Settings, tag="correlation", tag_field="algorithm", frozen=True):
    """Settings of the follower."""

    around: Annotated[float, Meta(ge=0.5, le=4)] = 1.5  # of its size is looked at beside it: more finds faster things
    learning: Fraction = 0.02  # in a frame: more keeps up with what turns, and drifts
    colours: Fraction = 0.3  # of the answer is the colours', the rest the shape's
    cells: Annotated[int, Meta(ge=8, le=64)] = 26  # each way, of what is looked at: fewer cost less, and see less
    resize: bool = True  # whether its size is followed too: without, it takes little more than half the time
    alike: Annotated[float, Meta(ge=0, le=50)] = 5.0  # peak to sidelobe ratio below which it is lost

    def start(self, frame: Frame, box: Box) -> "CorrelationFollower":
        """Return a follower of what is in `box` of `frame`."""
        return CorrelationFollower(self, frame, box)


class CorrelationFollower:
    """The running follower; its memory is two filters and two histograms."""

    def __init__(self, settings: Correlation, frame: Frame, box: Box) -> None:
        self._settings = settings
        self._box = inside(box)
        look = Look.around(frame, self._box, settings.around, settings.cells)
        self._shape = look.shape
        spread = _SPREAD * float(np.sqrt(look.inner[0] * look.inner[1])) / CELL
        self._filter = Filter((look.shape[0] // CELL, look.shape[1] // CELL), max(_LEAST_SPREAD, spread))
        self._colours = Colours(look.planes, look.within)
        self._scale = Scale(look.size)
        self._learn(look, 1.0)

    def update(self, frame: Frame, near: Box | None = None) -> Followed:
        """Return where the thing is in `frame`; when nothing stands out, where it is most likely: not learned."""
        if near is not None:
            self._box = inside(near)
        look = self._look(frame)
        row, column, ratio = peak(self._answer(look))
        visible = ratio >= self._settings.alike
        centre = look.at(row, column)
        factor = self._scale.factor(frame.luma, centre, look.size) if visible and self._settings.resize else 1.0
        self._box = _box(centre, (look.size[0] * factor, look.size[1] * factor), frame.luma.shape)
        if visible:
            self._learn(self._look(frame), self._settings.learning)
        return Followed(inside(self._box), min(1.0, max(0.0, ratio / _CERTAIN)), visible)

    def _look(self, frame: Frame) -> Look:
        return Look.around(frame, self._box, self._settings.around, self._shape)

    def _answer(self, look: Look) -> NDArray[np.float64]:
        """Return for each cell how much the middle of the thing seems to be there."""
        places = boxes(self._colours.likelihood(look.planes), look.inner)[CELL // 2 :: CELL, CELL // 2 :: CELL]
        share = self._settings.colours
        return (1 - share) * self._filter.respond(look.channels) + share * places

    def _learn(self, look: Look, rate: float) -> None:
        self._filter.learn(look.channels, rate)
        self._colours.learn(look.planes, look.within, rate)
        if self._settings.resize:
            self._scale.learn(look.frame.luma, look.centre, look.size, rate)


def _box(centre: tuple[float, float], size: tuple[float, float], shape: tuple[int, ...]) -> Box:
    (x, y), (height, width) = centre, shape
    across, down = min(size[0], _LARGEST * width) / 2, min(size[1], _LARGEST * height) / 2
    return Box.of_pixels(x - across, y - down, x + across, y + down, shape)
