"""Parts of the picture that have a name: how closely motion is looked for in each, and where alerts may start."""

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta

from tapetum.errors import ConfigError
from tapetum.scene import Box, Plane
from tapetum.settings import Fraction, Settings

_SMALLEST = 1e-4  # of the picture: a polygon with less inside is a line
_STEPS = 16  # of the factors by which the least difference is multiplied
_JUST_INSIDE = 1 - 1e-6  # who stands on the picture's lower edge stands in the zone that ends there

Point = tuple[Fraction, Fraction]


class Zone(Settings, frozen=True):
    """A polygon. points: corners in order, (x, y) in fractions of the picture, (0, 0) top left."""

    name: str
    points: Annotated[tuple[Point, ...], Meta(min_length=3)]
    sensitivity: Annotated[float, Meta(ge=0, le=2)] = 1.0  # 0: blind; 0.5: what differs twice as much; at least 1/16
    at_once: bool = False  # whether what stands in it is believed at the second sight, whatever way it came

    def holds(self, box: Box) -> bool:
        """Whether what is in `box` stands in the zone: the middle of its lower edge is inside (even-odd rule)."""
        x, y = box.centre[0], min(box.bottom, _JUST_INSIDE)
        inside = False
        for (x1, y1), (x2, y2) in self._edges():
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                inside = not inside
        return inside

    def check(self, place: str) -> None:
        """Raise ConfigError, naming the key at `place`, for a polygon without an inside, or that crosses itself."""
        edges = self._edges()
        for (first, one), (second, other) in combinations(enumerate(edges), 2):
            neighbours = second - first in (1, len(edges) - 1)
            if not neighbours and _cross(one, other):
                raise ConfigError(
                    f"{place}.points: the lines from {list(one[0])} to {list(one[1])} and from {list(other[0])} to "
                    f"{list(other[1])} cross; name the corners in the order in which one walks around"
                )
        if abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in edges)) / 2 < _SMALLEST:
            raise ConfigError(f"{place}.points: there is no area between them; three corners of an area are wanted")

    def _edges(self) -> list[tuple[Point, Point]]:
        return list(zip(self.points, self.points[1:] + self.points[:1], strict=True))


def check(zones: Sequence[Zone], wanted: Collection[str], camera: str) -> None:
    """Raise ConfigError for zones of `camera` that cannot be, and for names `wanted` by its rules that are none."""
    names = [zone.name for zone in zones]
    for index, zone in enumerate(zones):
        place = f"{camera}.zones[{index}]"
        if not zone.name.strip():
            raise ConfigError(f"{place}.name: it is empty; rules call the zone by it")
        if zone.name in names[:index]:
            raise ConfigError(f"{place}.name: {zone.name!r} is the name of another zone of this camera")
        zone.check(place)
    for name in wanted:
        if name not in names:
            known = f"known are {', '.join(names)}" if names else f"there is none; add a table [[{camera}.zones]]"
            raise ConfigError(f"{camera}.rules.zones: there is no zone {name!r}; {known}")


class Sensitivity:
    """What zones make of the least difference that counts, at each pixel of a picture of `shape` (h, w)."""

    def __init__(self, zones: Sequence[Zone], shape: tuple[int, ...]) -> None:
        """Draw `zones`, of those that overlap the last on top."""
        self._factors = np.full(shape, _STEPS, np.uint8)
        self._blind = np.zeros(shape, np.uint8)
        for zone in zones:
            corners = np.rint(np.array(zone.points) * shape[1::-1] - 0.5).astype(np.int32)
            factor = min(255, round(_STEPS / zone.sensitivity)) if zone.sensitivity else 255
            cv2.fillPoly(self._factors, [corners], (factor,))
            cv2.fillPoly(self._blind, [corners], (0 if zone.sensitivity else 255,))
        self.looked_at = 1 - cv2.countNonZero(self._blind) / max(1, self._blind.size)
        """The share of the picture that is looked at."""

    def apply(self, limit: Plane, out: Plane) -> None:
        """Fill `out` with `limit` times what the zones say; 255, which nothing exceeds, where nothing is looked for."""
        cv2.multiply(limit, self._factors, dst=out, scale=1 / _STEPS)
        cv2.bitwise_or(out, self._blind, dst=out)


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether two lines touch or cross."""
    near = all(
        min(a, b) <= max(c, d) and min(c, d) <= max(a, b) for a, b, c, d in zip(*one, *other, strict=True)
    )  # else two that lie on one line, apart, would seem to
    return near and _parted(one, other) and _parted(other, one)


def _parted(line: tuple[Point, Point], ends: tuple[Point, Point]) -> bool:
    """Whether `ends` lie on different sides of `line`, or on it."""
    (x1, y1), (x2, y2) = line
    sides = [(x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) for x, y in ends]
    return sides[0] * sides[1] <= 0
