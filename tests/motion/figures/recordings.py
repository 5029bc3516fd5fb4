"""Recorded scenes with a known truth, as they are and darkened: the folders of TAPETUM_DATA/background, and a room."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from tapetum.bench.motion.sequence import Picture, Sequence, numbered
from tapetum_trainer.degrade import DarkSensor, blurred, defocus_kernel, h264, hazy, plausible_depth
from tapetum_trainer.degrade import Picture as Frame
from tests.replay.clips import PEOPLE, people_clip

JUDGED = 470
"""The first frame of the highway that its makers judge."""
_KBIT_S = 1500
Coding = Literal["raw", "h264", "counted"]
"""What a camera gives, that through H.264, and what its sensor counts, with no gain and no gamma."""


def highway(data: Path, first: int = 1, last: int = 1100) -> Iterator[Picture]:
    """Yield frames `first` to `last` of the highway by day."""
    return (one for one in _highway(data).pictures() if first <= one.number <= last)


def thermal(data: Path) -> Iterator[Picture]:
    """Yield the thermal scene, of which the first frame has no truth."""
    return Sequence.opened(data / "background/ir_remote_scene/Sequence_3", None).pictures()


def dark_highway(data: Path, light: float, coding: Coding, span: tuple[int, int] = (1, 1100)) -> Iterator[Picture]:
    """Yield the highway with `light` of its light and a small sensor's noise, with the truth of the day."""
    sensor = DarkSensor(light, 1, 1, 1) if coding == "counted" else DarkSensor(light, 1)
    return _changed_highway(data, sensor.picture, span, coded=coding == "h264")


def hazy_highway(data: Path, beta: float, span: tuple[int, int] = (1, 1100)) -> Iterator[Picture]:
    """Yield the highway through air of extinction `beta` per distance of its horizon, coded, with the truth of the day.

    How far away what is seen there lies nobody has measured: a plausible depth, the same in all frames, stands for it.
    """
    depth = plausible_depth((240, 320), np.random.default_rng(1))
    return _changed_highway(data, lambda picture: hazy(picture, depth, beta), span, coded=True)


def blurred_highway(data: Path, radius: float, span: tuple[int, int] = (1, 1100)) -> Iterator[Picture]:
    """Yield the highway out of focus, each point spread over `radius` pixels, coded, with the truth of the day."""
    kernel = defocus_kernel(radius)
    return _changed_highway(data, lambda picture: blurred(picture, kernel), span, coded=True)


def _changed_highway(
    data: Path, change: Callable[[Frame], Frame], span: tuple[int, int], *, coded: bool
) -> Iterator[Picture]:
    files = numbered(data / "background/cdnet_highway/input")
    colour = (cv2.imread(str(files[number]), cv2.IMREAD_COLOR_RGB) for number in range(span[0], span[1] + 1))
    changed = (change(np.asarray(picture, np.uint8)) for picture in colour)
    seen = iter(h264(list(changed), kbit_s=_KBIT_S)) if coded else changed
    for day, picture in zip(highway(data, *span), seen, strict=True):
        yield replace(day, luma=np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8))


def room(data: Path) -> Iterator[tuple[Picture, bool]]:
    """Yield the room through which people pass one after another, and whether nobody is in it."""
    seen = [person["visible"] for person in json.loads(PEOPLE.read_text(encoding="utf-8"))["people"]]
    for one in Sequence.opened(people_clip(data), None).pictures():
        yield one, not any(first <= one.number - 1 <= last for first, last in seen)


def _highway(data: Path) -> Sequence:
    return Sequence.opened(data / "background/cdnet_highway", None)
