"""A USB camera or any other Video4Linux device.

OpenCV hands over what the driver delivers (`CAP_PROP_CONVERT_RGB` = 0), so YUV stays YUV: YU12 and NV12 are taken
apart, YUYV is split and its chroma halved, GREY gets gray chroma, MJPG is decoded. Drivers choose another format than
asked for without a word, so the format is read again after it was set.
"""

import contextlib
import os
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.capture.framing import Framer
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame, Plane

_WANTED = ("YU12", "NV12", "YUYV", "MJPG", "GREY")  # the cheapest to take apart first
_MISSES = 3  # pictures in a row that do not come, each after the driver's own time-out

Planes = tuple[Plane, Plane, Plane]


class V4l2(SourceSettings, tag="v4l2", frozen=True):
    """A Video4Linux device."""

    device: str = "/dev/video0"
    width: Annotated[int, Meta(ge=64, le=7680)] = 1280  # pixels; the driver may choose the nearest it has
    height: Annotated[int, Meta(ge=64, le=4320)] = 720
    fps: Annotated[float, Meta(gt=0, le=240)] = 10.0

    def open(self, camera: str, clock: Clock) -> "V4l2Source":
        """Open the device; raises ConfigError when we may not, SourceError when it is not there or gives nothing."""
        path = Path(self.device)
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise ConfigError(f"{path}: no permission; add this user to the group video: sudo usermod -aG video $USER")
        capture = cv2.VideoCapture(self.device, cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self.device}: there is no camera")
        return V4l2Source(self, capture, Framer(camera, self.analysis_width), clock)


class V4l2Source:
    """The running device."""

    lossless = False

    def __init__(self, settings: V4l2, capture: cv2.VideoCapture, framer: Framer, clock: Clock) -> None:
        self._settings = settings
        self._capture = capture
        self._framer = framer
        self._clock = clock
        self._closed = False
        self._fourcc = self._negotiated()
        self.size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))

    def read(self) -> Frame:
        """Return the next frame; raises SourceError when the device fails or gives none."""
        for _ in range(_MISSES):
            done, raw = (False, None) if self._closed else self._capture.read()
            if done and raw is not None:
                y, u, v = unpacked(np.asarray(raw, np.uint8), self._fourcc, self.size)
                return self._framer.frame(y, u, v, self._clock.now_ns())
        raise SourceError(f"{self._settings.device}: gives no picture")

    def close(self) -> None:
        """Let the reader stop at its next picture; the device is released with the source."""
        self._closed = True

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):
            self._capture.release()

    def _negotiated(self) -> str:
        """Ask for the cheapest format the driver takes; return the one it took, by its four characters."""
        capture, settings = self._capture, self._settings
        taken = ""
        for wanted in _WANTED:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wanted))
            taken = _fourcc(capture)
            if taken == wanted:
                break
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
        capture.set(cv2.CAP_PROP_FPS, settings.fps)
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        return _fourcc(capture) or taken


def unpacked(raw: NDArray[np.uint8], fourcc: str, size: tuple[int, int]) -> Planes:
    """Return y, u, v of a picture as the driver delivered it; `size`: (width, height) in pixels.

    Raises SourceError for a format that is not known.
    """
    width, height = size
    if fourcc == "MJPG":
        raw = _decoded(raw)
        fourcc, (height, width) = "BGR3", raw.shape[:2]
    if fourcc == "BGR3":
        raw, fourcc = np.asarray(cv2.cvtColor(_even(raw), cv2.COLOR_BGR2YUV_I420), np.uint8), "YU12"
        height, width = raw.shape[0] * 2 // 3, raw.shape[1]
    if fourcc == "YU12":
        flat = raw.reshape(-1)
        u, v = flat[width * height :].reshape(2, height // 2, width // 2)
        return flat[: width * height].reshape(height, width), u, v
    if fourcc == "NV12":
        flat = raw.reshape(-1)
        pairs = flat[width * height :].reshape(height // 2, width // 2, 2)
        return flat[: width * height].reshape(height, width), pairs[:, :, 0].copy(), pairs[:, :, 1].copy()
    if fourcc in ("YUYV", "YUY2"):
        return _from_yuyv(raw.reshape(height, width // 2, 4))
    if fourcc == "GREY":
        gray = np.full((-(-height // 2), -(-width // 2)), 128, np.uint8)
        return raw.reshape(height, width), gray, gray.copy()
    raise SourceError(f"pictures come as {fourcc!r}; one of {', '.join(_WANTED)} is wanted")


def _from_yuyv(raw: NDArray[np.uint8]) -> Planes:
    """Split (h, w/2, 4) Y0 U Y1 V; chroma is the mean of two rows."""
    first, u, second, v = cv2.split(raw)
    height, half = raw.shape[:2]
    y = np.empty((height, 2 * half), np.uint8)
    y[:, ::2], y[:, 1::2] = first, second
    small = [
        np.asarray(cv2.resize(plane, (half, height // 2), interpolation=cv2.INTER_AREA), np.uint8) for plane in (u, v)
    ]
    return y, small[0], small[1]


def _decoded(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture: Any = cv2.imdecode(raw.reshape(-1), cv2.IMREAD_COLOR)
    if picture is None:
        raise SourceError("a JPEG of the camera cannot be decoded")
    return np.asarray(picture, np.uint8)


def _even(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]


def _fourcc(capture: cv2.VideoCapture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    return code.to_bytes(4, "little", signed=code < 0).decode("ascii", errors="replace")
