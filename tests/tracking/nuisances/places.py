"""Real places with nobody in them, as a camera there shows them: what the nuisances and the people are put into.

Of recordings in which somebody is always there, the median over time is the place; where nobody is for long, the
recording itself is. Colour pictures of 640x360, by day, at a twentieth of the light, or in the light of an infrared
lamp; through the trainer's model of a small sensor.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.degrade import DarkSensor, Lamp, infrared
from tests.replay.clips import people_clip

SIZE = (360, 640)
FPS = 10
LIGHTS = ("day", "dusk", "infrared")
Picture = NDArray[np.uint8]
_DAY, _DUSK = 0.25, 0.05  # of the light: noise of about 4 and about 9 steps with the sensor's gain of 4
_SAMPLES = 31  # pictures of which the median is taken
_EMPTY = (0, 40)  # frames of the room before anybody comes


@dataclass(frozen=True)
class Place:
    """A place in a light. still: (360, 640, 3) uint8 RGB, with nobody in it; sensor: what a picture of it becomes."""

    name: str
    light: str
    still: Picture
    sensor: Callable[[Picture], Picture]


@lru_cache(maxsize=16)
def still(data: Path, name: str) -> Picture:
    """Return the place `name` of STILLS by day, (360, 640, 3) uint8 RGB."""
    pictures = list(STILLS[name](data))
    middle = np.median(np.stack(pictures), axis=0).astype(np.uint8) if len(pictures) > 1 else pictures[0]
    return np.asarray(cv2.resize(middle, SIZE[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def place(data: Path, number: int) -> Place:
    """Return the place with a `number`: each of STILLS in each of LIGHTS in turn, its noise its own."""
    name = list(STILLS)[number % len(STILLS)]
    light = LIGHTS[number // len(STILLS) % len(LIGHTS)]
    shown = still(data, name)
    if light == "infrared":
        shown = infrared(shown, Lamp())
    sensor = DarkSensor(_DUSK if light == "dusk" else _DAY, seed=number)
    return Place(name, light, shown, sensor.picture)


@lru_cache(maxsize=4)
def median(clip: Path) -> Picture:
    """Return what a clip shows most of the time, (h, w, 3) uint8 RGB."""
    return np.asarray(np.median(np.stack(list(_spread(clip))), axis=0), np.uint8)


def _spread(path: Path, span: tuple[int, int] | None = None) -> Iterator[Picture]:
    """Yield _SAMPLES pictures of a clip, evenly over all of it or over `span`."""
    capture = cv2.VideoCapture(str(path))
    first, last = span or (0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    wanted = set(np.linspace(first, last - 1, _SAMPLES).astype(int).tolist())
    for number in range(last):
        there = capture.grab()
        if there and number in wanted:
            yield np.asarray(cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB), np.uint8)
    capture.release()


def _files(folder: Path, pattern: str) -> Iterator[Picture]:
    files = sorted(folder.glob(pattern))
    for path in files[:: max(1, len(files) // _SAMPLES)]:
        yield np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


STILLS: dict[str, Callable[[Path], Iterator[Picture]]] = {
    "square": lambda data: _spread(data / "video/vtest.avi"),
    "room": lambda data: _spread(people_clip(data), _EMPTY),
    "highway": lambda data: _files(data / "background/cdnet_highway/input", "*.jpg"),
    "street": lambda data: _spread(data / "video/roboflow_inference_example_video.mp4"),
    "crossing": lambda data: _files(data / "tracking/otb/Crossing/img", "*.jpg"),
}
"""Where it is recorded, by name."""
