"""Pictures to look for motion in, with the truth where it is given: a clip, or a folder as ChangeDetection.net has it.

Such a folder holds `input/in000001.jpg` ... and, where the truth is known, `groundtruth/gt000001.png` ..., `ROI.bmp`
(black: not judged) and `temporalROI.txt` (the first and the last frame that are judged). A picture and its truth have
the same number in their names; the frames of a clip count from 1.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tapetum.bench.motion.score import OUTSIDE, VALUES
from tapetum.capture import File, Synthetic
from tapetum.capture.framing import Framer, no_colour
from tapetum.clock import SystemClock
from tapetum.errors import ConfigError
from tapetum.replay import frame_count
from tapetum.scene import Frame, Plane

_KINDS = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff")
_NUMBER = re.compile(r"(\d+)\D*$")
_FRAME_NS = 100_000_000  # between pictures of a folder, which do not say: ten a second
_ANALYSIS_WIDTH = Synthetic().analysis_width


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: luma (h, w) as the product looks at it, and its truth of the same size, None where it has none."""

    number: int
    luma: Plane
    truth: Plane | None


class Truth:
    """The masks of a folder, or of its folder `groundtruth`; ROI.bmp and temporalROI.txt lie beside that."""

    def __init__(self, folder: Path) -> None:
        masks = folder / "groundtruth" if (folder / "groundtruth").is_dir() else folder
        self._masks = numbered(masks)
        self._region = folder.parent / "ROI.bmp" if masks == folder else folder / "ROI.bmp"
        self._roi = read(self._region) if self._region.is_file() else None
        self._first, self._last = _span(self._region.with_name("temporalROI.txt"))

    def of(self, number: int, y: Plane, luma: Plane) -> Plane | None:
        """Return the truth of frame `number`, reduced as `luma` was of `y`; None where there is none.

        Of each block of pixels that became one the middle one counts. Raises ConfigError when it is of another size.
        """
        path = self._masks.get(number)
        if path is None or not self._first <= number <= self._last:
            return None
        mask = _fitting(path, read(path), y)
        strange = sorted(set(np.flatnonzero(np.bincount(mask.ravel(), minlength=256)).tolist()) - set(VALUES))
        if strange:
            raise ConfigError(f"{path}: has pixels of {strange[0]}; the truth has {', '.join(map(str, VALUES))} alone")
        if self._roi is not None:
            mask = np.where(_fitting(self._region, self._roi, y) > 0, mask, OUTSIDE).astype(np.uint8)
        factor = y.shape[0] // luma.shape[0]
        small = mask[factor // 2 :: factor, factor // 2 :: factor][: luma.shape[0], : luma.shape[1]]
        return np.ascontiguousarray(small)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A clip or a folder. name: as it is printed; count: frames, 0 where nobody knows."""

    path: Path
    truth: Truth | None
    count: int

    @classmethod
    def opened(cls, path: Path, truth: Path | None) -> "Sequence":
        """Return the clip or folder `path` with the truth of the folder `truth`, or its own.

        Raises ConfigError when one of them is none.
        """
        if truth is not None and not truth.is_dir():
            raise ConfigError(f"--truth {truth}: is no folder; one of masks is wanted, numbered as the frames are")
        if path.is_file():
            return cls(path, Truth(truth) if truth else None, frame_count(path))
        if not path.is_dir():
            raise ConfigError(f"{path}: there is no such clip or folder")
        if not (path / "input").is_dir():
            raise ConfigError(f"{path}: holds no folder `input`, in which the pictures of a sequence lie")
        own = path if (path / "groundtruth").is_dir() else None
        source = truth or own
        return cls(path, Truth(source) if source else None, len(numbered(path / "input")))

    def pictures(self) -> Iterator[Picture]:
        """Yield each; raises ConfigError where one cannot be read, SourceError where the clip cannot be played."""
        for number, frame in self._frames():
            truth = self.truth.of(number, frame.y, frame.luma) if self.truth else None
            yield Picture(number, frame.luma, truth)

    def _frames(self) -> Iterator[tuple[int, Frame]]:
        clock = SystemClock()
        if self.path.is_file():
            source = File(path=str(self.path), pace="analysis").open("bench", clock)
            while (frame := source.read()) is not None:
                yield frame.seq, frame
            return
        framer = Framer("bench", _ANALYSIS_WIDTH)
        for index, (number, path) in enumerate(sorted(numbered(self.path / "input").items())):
            y = read(path)
            gray = no_colour(y.shape[1], y.shape[0])
            yield number, framer.frame(y, gray, gray, index * _FRAME_NS)


def numbered(folder: Path) -> dict[int, Path]:
    """Return the pictures of `folder` by the number in their names; raises ConfigError when there are none."""
    named = [(_NUMBER.search(path.stem), path) for path in folder.iterdir() if path.suffix.lower() in _KINDS]
    found = {int(number[1]): path for number, path in named if number}
    if not found:
        raise ConfigError(f"{folder}: holds no picture ({', '.join(_KINDS)}) with a number in its name")
    return found


def read(path: Path) -> Plane:
    """Return the brightness (h, w) of a picture; raises ConfigError when it is none."""
    try:
        held = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    picture: Any = cv2.imdecode(np.frombuffer(held, np.uint8), cv2.IMREAD_GRAYSCALE) if held else None
    if picture is None:
        raise ConfigError(f"{path}: is no picture that can be read")
    return np.asarray(picture, np.uint8)


def _fitting(path: Path, mask: Plane, y: Plane) -> Plane:
    if mask.shape != y.shape:
        (height, width), (rows, columns) = mask.shape, y.shape
        raise ConfigError(f"{path}: is {width}x{height}, the pictures are {columns}x{rows}")
    return mask


def _span(path: Path) -> tuple[int, int]:
    """Return the first and the last frame that are judged: all where the file is not there."""
    if not path.is_file():
        return 0, 1 << 62
    words = path.read_text(encoding="utf-8", errors="replace").split()
    if len(words) != 2 or not all(word.isdecimal() for word in words):
        raise ConfigError(f"{path}: the first and the last frame that are judged are wanted, as 470 1700")
    return int(words[0]), int(words[1])
