"""A USB camera or any other Video4Linux device.

OpenCV hands over what the driver delivers (`CAP_PROP_CONVERT_RGB` = 0), so YUV stays YUV: YU12 and NV12 are taken
apart, YUYV is split and its chroma halved, GREY gets gray chroma, MJPG is decoded. Drivers choose another format than
asked for without a word, so the format is read again after it was set.
"""

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.capture.closing import Closing
from tapetum.capture.framing import Framer, no_colour
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame, Plane

_WANTED = ("YU12", "NV12", "YUYV", "MJPG", "GREY")  # the cheapest to take apart first
_MISSES = 3  # pictures in a row that do not come, each after OpenCV's time-out
_PLUG = "is it plugged in"
_SELECT_S = 2
"""Seconds that OpenCV waits for a picture, instead of 10. It reads them from its environment, the first time only."""

Planes = tuple[Plane, Plane, Plane]


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
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(_SELECT_S))
        capture = cv2.VideoCapture(self.device, cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{path}: there is no camera, or something else uses it: end that, or name another")
        return V4l2Source(self, capture, Framer(camera, self.analysis_width), clock)


class V4l2Source:
    """The running device."""

    lossless = False

    def __init__(self, settings: V4l2, capture: cv2.VideoCapture, framer: Framer, clock: Clock) -> None:
        self._settings = settings
        self._capture = capture
        self._framer = framer
        self._clock = clock
        self._closing = Closing(settings.device, capture.release)
        self._fourcc = self._negotiated()
        self.size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
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
        done, raw = self._capture.read()
        if not done or raw is None:
            return None
        planes = unpacked(np.asarray(raw, np.uint8), self._fourcc, self.size)
        self.corrupt += planes is None
        return planes

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


def unpacked(raw: NDArray[np.uint8], fourcc: str, size: tuple[int, int]) -> Planes | None:
    """Return y, u, v of a picture as the driver delivered it, or None when it is damaged; `size`: (width, height).

    Of MJPG and BGR3 an odd last row or column is left out. Raises SourceError for a format that is not known.
    """
    width, height = size
    half_width, half_height = -(-width // 2), -(-height // 2)
    luma, chroma = width * height, half_width * half_height
    planar = luma + 2 * chroma  # the kernel rounds the chroma of odd sizes up (v4l2_fill_pixfmt)
    wanted = {
        "YU12": planar,
        "NV12": planar,
        "YUYV": 4 * half_width * height,
        "GREY": luma,
        "BGR3": 3 * luma,
        "MJPG": 1,
    }
    if fourcc not in wanted:
        raise SourceError(f"pictures come as {fourcc!r}; one of {', '.join(_WANTED)} is wanted")
    if min(size) < 2 or raw.size < wanted[fourcc]:
        return None
    flat = raw.reshape(-1)
    if fourcc == "MJPG":
        return _from_bgr(cv2.imdecode(flat, cv2.IMREAD_COLOR))
    flat = flat[: wanted[fourcc]]
    if fourcc == "BGR3":
        return _from_bgr(flat.reshape(height, width, 3))
    return _from_yuyv(flat, width, height) if fourcc == "YUYV" else _from_planar(flat, width, height, fourcc)


def _from_planar(flat: NDArray[np.uint8], width: int, height: int, fourcc: str) -> Planes:
    """Take YU12, NV12 or GREY apart; NV12 is the only one in which chroma has to be moved."""
    half_width, half_height = -(-width // 2), -(-height // 2)
    y, chroma = flat[: width * height].reshape(height, width), flat[width * height :]
    if fourcc == "GREY":
        return y, no_colour(width, height), no_colour(width, height)
    if fourcc == "YU12":
        return y, *chroma.reshape(2, half_height, half_width)
    pairs = cv2.split(chroma.reshape(half_height, half_width, 2))
    return y, np.asarray(pairs[0], np.uint8), np.asarray(pairs[1], np.uint8)


def _from_yuyv(flat: NDArray[np.uint8], width: int, height: int) -> Planes:
    """Split Y0 U Y1 V; chroma is the mean of two rows."""
    half = -(-width // 2)
    first, u, second, v = cv2.split(flat.reshape(height, half, 4))
    y = np.empty((height, 2 * half), np.uint8)
    y[:, ::2], y[:, 1::2] = first, second
    return y[:, :width], _halved(u), _halved(v)


def _halved(chroma: Any) -> Plane:
    """Return the mean of each two rows, the last one of an odd number alone."""
    height, width = chroma.shape
    even = cv2.copyMakeBorder(chroma, 0, height % 2, 0, 0, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(even, (width, even.shape[0] // 2), interpolation=cv2.INTER_AREA), np.uint8)


def _from_bgr(picture: Any) -> Planes | None:
    if picture is None or min(picture.shape[:2]) < 2:
        return None
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    flat = np.asarray(cv2.cvtColor(picture[:height, :width], cv2.COLOR_BGR2YUV_I420), np.uint8).reshape(-1)
    u, v = flat[width * height :].reshape(2, height // 2, width // 2)
    return flat[: width * height].reshape(height, width), u, v


def _fourcc(capture: cv2.VideoCapture) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    return code.to_bytes(4, "little", signed=code < 0).decode("ascii", errors="replace")
