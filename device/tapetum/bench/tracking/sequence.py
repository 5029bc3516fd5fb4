"""The frames of a sequence, as the product has them, each with its truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tapetum.bench.motion.sequence import numbered
from tapetum.bench.tracking import truth
from tapetum.bench.tracking.truth import Corners
from tapetum.capture import File, Synthetic
from tapetum.capture.framing import Framer
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError
from tapetum.scene import Box, Frame

_VIDEOS = (".avi", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
_PLACES = ("img", "color", "imgs")
_FRAME_NS = 40_000_000  # between pictures of a folder, which do not say: 25 a second
_ANALYSIS_WIDTH = Synthetic().analysis_width


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame, and where the thing is in it; None where it is absent."""

    frame: Frame
    there: Box | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A folder of one of the kinds. source: its video, or the folder of its pictures."""

    name: str
    source: Path
    corners: tuple[Corners | None, ...]

    @classmethod
    def opened(cls, folder: Path) -> "Sequence":
        """Return the sequence in `folder`; raises ConfigError where it is none."""
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder")
        corners = truth.read(truth.found_in(folder))
        return cls(folder.resolve().name, _source(folder), tuple(corners))

    @property
    def has_absences(self) -> bool:
        """Whether the thing is absent in some frame."""
        return None in self.corners

    def shown(self) -> Iterator[Shown]:
        """Yield the frames from the first in which the thing is seen to the last that has a truth.

        Raises ConfigError where a picture cannot be read, SourceError where the video cannot be played.
        """
        first = next(index for index, one in enumerate(self.corners) if one is not None)
        for index, (frame, corners) in enumerate(zip(self._frames(), self.corners, strict=False)):
            if index >= first:
                yield Shown(frame, truth.box(corners, frame.y.shape))

    def _frames(self) -> Iterator[Frame]:
        if self.source.is_file():
            source = File(path=str(self.source), pace="analysis").open("bench", SystemClock())
            while (frame := source.read()) is not None:
                yield frame
            return
        framer = Framer("bench", _ANALYSIS_WIDTH)
        for index, (_, path) in enumerate(sorted(numbered(self.source).items())):
            yield _frame(framer, path, index * _FRAME_NS)


def _source(folder: Path) -> Path:
    for place in (folder / name for name in _PLACES):
        if place.is_dir():
            return place
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in _VIDEOS)
    if len(videos) > 1:
        raise ConfigError(f"{folder}: holds {len(videos)} videos; one is wanted")
    if videos:
        return videos[0]
    numbered(folder)  # tells where there is no picture either
    return folder


def _frame(framer: Framer, path: Path, t_ns: int) -> Frame:
    """Return a picture as a camera would give it: 4:2:0, its sides even."""
    held = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(held, cv2.IMREAD_COLOR) if held.size else None
    if picture is None:
        raise ConfigError(f"{path}: is no picture that can be read")
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    planes = np.asarray(cv2.cvtColor(picture[:height, :width], cv2.COLOR_BGR2YUV_I420), np.uint8)
    u, v = planes[height:].reshape(2, height // 2, width // 2)
    return framer.frame(planes[:height], u, v, t_ns)
