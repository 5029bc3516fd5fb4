"""Who is compared: every follower of the product as it comes, and the trackers of OpenCV that are there.

Of OpenCV's those take part that it was built with: CamShift and mean shift are in every build, MIL in most, KCF, CSRT,
MOSSE, MedianFlow and TLD in `opencv-contrib-python-headless`, which cannot be installed beside the build that Tapetum
uses and wants an environment of its own. Each has the settings that it comes with and is given the whole picture in
colour, ours the planes of a frame.
"""

import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from msgspec.structs import replace

from tapetum.bench.tracking.shift import Shift
from tapetum.scene import Box, Frame, Plane
from tapetum.tracking import Follower
from tapetum.tracking.follower import Followed, inside

METHODS = typing.get_args(Follower) or (Follower,)
_PEERS = {
    "MIL": ("TrackerMIL_create",),
    "KCF": ("legacy.TrackerKCF_create", "TrackerKCF_create"),
    "CSRT": ("legacy.TrackerCSRT_create", "TrackerCSRT_create"),
    "MOSSE": ("legacy.TrackerMOSSE_create",),
    "MedianFlow": ("legacy.TrackerMedianFlow_create",),
    "TLD": ("legacy.TrackerTLD_create",),
}


class Running(Protocol):
    """One that follows; picture: (H, W, 3) BGR uint8 of the frame."""

    def update(self, frame: Frame, picture: Plane) -> Followed:
        """Return where the thing is."""
        ...


@dataclass(frozen=True, slots=True)
class Contender:
    """One that can be started. seed: of what it draws at random, None where it draws nothing that can be fixed."""

    name: str
    start: Callable[[Frame, Plane, Box], Running]
    ours: bool = True
    seed: int | None = None


def everyone(seeds: int) -> list[Contender]:
    """Return all; ours that draw at random `seeds` times, each with another seed."""
    return [one for kind in METHODS for one in _ours(kind, seeds)] + peers()


def peers() -> list[Contender]:
    """Return what this build of OpenCV has."""
    shifts = [
        Contender("CamShift", lambda _, picture, box: Shift(picture, box, resize=True), ours=False),
        Contender("mean shift", lambda _, picture, box: Shift(picture, box, resize=False), ours=False),
    ]
    made = [(name, _maker(places)) for name, places in _PEERS.items()]
    return shifts + [_peer(name, make) for name, make in made if make is not None]


def _maker(places: tuple[str, ...]) -> Callable[[], Any] | None:
    for place in places:
        found: Any = cv2
        for name in place.split("."):
            found = getattr(found, name, None)
        if found is not None:
            return typing.cast("Callable[[], Any]", found)
    return None


def name_of(kind: Any) -> str:
    """Return by which `algorithm` of the configuration a follower is chosen."""
    return str(kind.__struct_config__.tag)


def _ours(kind: Any, seeds: int) -> list[Contender]:
    if "seed" not in kind.__struct_fields__:
        return [Contender(name_of(kind), lambda frame, _, box: _Own(kind().start(frame, box)))]
    return [_seeded(kind, seed) for seed in range(seeds)]


def _seeded(kind: Any, seed: int) -> Contender:
    settings = replace(kind(), seed=seed)
    return Contender(name_of(kind), lambda frame, _, box: _Own(settings.start(frame, box)), seed=seed)


@dataclass(frozen=True, slots=True)
class _Own:
    follower: Any

    def update(self, frame: Frame, picture: Plane) -> Followed:
        del picture
        return typing.cast("Followed", self.follower.update(frame))


def _peer(name: str, make: Callable[[], Any]) -> Contender:
    return Contender(name, lambda _, picture, box: _OfOpenCV(make(), picture, box), ours=False)


class _OfOpenCV:
    """A tracker of OpenCV; where it says that it lost the thing, its box is the last that it gave."""

    def __init__(self, tracker: Any, picture: Plane, box: Box) -> None:
        left, top, right, bottom = (round(edge) for edge in box.pixels(picture.shape))
        cv2.setRNGSeed(0)
        tracker.init(picture, (left, top, max(2, right - left), max(2, bottom - top)))
        self._tracker, self._box, self._frames = tracker, box, 0

    def update(self, frame: Frame, picture: Plane) -> Followed:
        del frame
        self._frames += 1
        cv2.setRNGSeed(self._frames)  # all draw from one source: what one finds must not depend on who else is there
        there, (left, top, width, height) = self._tracker.update(picture)
        if there and np.isfinite([left, top, width, height]).all():
            self._box = inside(Box.of_pixels(left, top, left + width, top + height, picture.shape))
        return Followed(self._box, float(there), visible=bool(there))
