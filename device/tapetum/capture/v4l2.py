"""A USB camera or any other Video4Linux device.

OpenCV hands over what the driver delivers (`CAP_PROP_CONVERT_RGB` = 0), so YUV stays YUV: `unpack` makes planes of it.
Drivers choose another format than asked for without a word, so the format is read again after it was set. Their
colours are taken for BT.601, limited range, whatever the driver says of them: OpenCV does not pass that on.
"""

import os
from pathlib import Path
from typing import Annotated, ClassVar

import cv2
import numpy as np
from msgspec import Meta

from tapetum.buffers import FollowingPool
from tapetum.capture.closing import Closing
from tapetum.capture.framing import Framer
from tapetum.capture.source import SourceSettings
from tapetum.capture.unpack import FORMATS, Planes, Unpacker
from tapetum.clock import Clock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame

_MISSES = 3  # pictures in a row that do not come, each after OpenCV's time-out
_PLUG = "is it plugged in"
_SELECT_S = 2  # that OpenCV waits for a picture, instead of 10


class V4l2(SourceSettings, tag="v4l2", frozen=True):
    """A Video4Linux device."""

    key: ClassVar[str] = "device"
    device: str = "/dev/video0"
    width: Annotated[int, Meta(ge=64, le=7680)] = 1280  # pixels; the driver may choose the nearest it has
    height: Annotated[int, Meta(ge=64, le=4320)] = 720
    fps: Annotated[float, Meta(gt=0, le=240)] = 10.0

    def open(self, camera: str, clock: Clock) -> "V4l2Source":
        """Open the device; raises ConfigError when we may not, SourceError when it is not there or gives nothing."""
        path = Path(self.device)
        if not path.exists():
            raise SourceError(
                f"{path}: there is no such device: {_PLUG}? v4l2-ctl --list-devices names those there are"
            )
        if not os.access(path, os.R_OK | os.W_OK):
            raise ConfigError(f"{path}: no permission; add this user to the group video: sudo usermod -aG video $USER")
        capture = opened(path)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{path}: there is no camera, or something else uses it: end that, or name another")
        return V4l2Source(self, capture, Framer(camera, self.analysis_width), clock)


def opened(device: Path) -> cv2.VideoCapture:
    """Return what OpenCV makes of `device`, open or not, with a time-out that it reads once in a process.

    So everything that opens a device does it here: where the first did not set it, all would wait for 10 s.
    """
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(_SELECT_S))
    return cv2.VideoCapture(str(device), cv2.CAP_V4L2)


class V4l2Source:
    """The running device."""

    lossless = False

    def __init__(self, settings: V4l2, capture: cv2.VideoCapture, framer: Framer, clock: Clock) -> None:
        self._settings = settings
        self._capture = capture
        self._framer = framer
        self._clock = clock
        self._closing = Closing(settings.device, capture.release)
        fourcc = self._negotiated()
        self.size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self._unpacker = Unpacker(fourcc, self.size)
        self._raw = FollowingPool()
        self._shape: tuple[int, ...] | None = None  # of what came last, where all are alike
        self._compressed = fourcc == "MJPG"
        self.corrupt = 0

    def read(self) -> Frame:
        """Return the next frame; raises SourceError when the device fails or gives none."""
        with self._closing.reading():
            for _ in range(_MISSES):
                self._closing.check()
                planes = self._next()
                if planes is not None:
                    return self._framer.frame(*planes, self._clock.now_ns())
            raise SourceError(f"{self._settings.device}: gives no picture: {_PLUG}, and does nothing else use it?")

    def close(self) -> None:
        """Let the device go; a `read` under way ends at its next picture or after 2 s."""
        self._closing.close()

    def _next(self) -> Planes | None:
        """Return the next picture, or None where it did not come or was damaged, as USB cameras' now and then are."""
        done, raw = self._capture.read(self._raw.take(self._shape) if self._shape else None)
        if not done or raw is None:
            return None
        if not self._compressed:  # else each is as long as it is, and much smaller
            self._shape = raw.shape
        planes = self._unpacker.planes(np.asarray(raw, np.uint8))
        self.corrupt += planes is None
        return planes

    def _negotiated(self) -> str:
        """Ask for the cheapest format the driver takes; return the one it took, by its four characters."""
        capture, settings = self._capture, self._settings
        taken = ""
        for wanted in FORMATS:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wanted))
            taken = _fourcc(capture)
            if taken == wanted:
                break
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
        capture.set(cv2.CAP_PROP_FPS, settings.fps)
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        return _fourcc(capture) or taken


def _fourcc(capture: cv2.VideoCapture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    return code.to_bytes(4, "little", signed=code < 0).decode("ascii", errors="replace")
