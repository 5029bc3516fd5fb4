"""A Video4Linux device behind OpenCV's interface: what `cv2.VideoCapture` does with a driver, with no driver."""

import threading
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SELECT_S = 0.3
"""What OpenCV's time-out is here."""


class Device:
    """A camera that draws pictures of one format; call it as `cv2.VideoCapture` is called."""

    def __init__(self, formats: tuple[str, ...] = ("YUYV",), size: tuple[int, int] = (640, 360)) -> None:
        self.formats, self.size = formats, size
        self.there = True
        self.plugged = threading.Event()  # cleared: pictures stop coming
        self.plugged.set()
        self.frames = 0
        self.opened: list[str] = []
        self.holder: Capture | None = None  # a device streams for one reader only
        self.damaged: set[int] = set()  # frames, counted from 1, that arrive cut short
        self.asked: dict[int, float] = {}
        self.fourcc = "BGR3"
        self.still: NDArray[np.uint8] | None = None  # what it shows again and again; else it draws each picture

    def drawn(self) -> NDArray[np.uint8]:
        """Return the picture as the driver has it."""
        if self.still is not None:
            return self.still
        return packed(*picture(self.frames, self.size), self.fourcc)

    def __call__(self, path: str, backend: int) -> "Capture":
        assert backend == cv2.CAP_V4L2
        self.opened.append(path)
        capture = Capture(self)
        if self.there and self.holder is None:
            self.holder = capture
        return capture


class Capture:
    """What OpenCV makes of the device."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        return self.device.holder is self

    def release(self) -> None:
        if self.device.holder is self:
            self.device.holder = None

    def set(self, key: int, value: float) -> bool:
        self.device.asked[key] = value
        if key == cv2.CAP_PROP_FOURCC:
            wanted = int(value).to_bytes(4, "little").decode(errors="replace")
            self.device.fourcc = wanted if wanted in self.device.formats else "BGR3"
        return True

    def get(self, key: int) -> float:
        return {
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*self.device.fourcc),
            cv2.CAP_PROP_FRAME_WIDTH: self.device.size[0],
            cv2.CAP_PROP_FRAME_HEIGHT: self.device.size[1],
        }[key]

    def grab(self) -> bool:
        return self.isOpened() and self.device.plugged.is_set()

    def read(self, image: NDArray[np.uint8] | None = None) -> tuple[bool, NDArray[np.uint8] | None]:
        device = self.device
        assert self.isOpened(), "read after it was released"
        if not device.plugged.wait(SELECT_S):
            return False, None
        device.frames += 1
        raw = device.drawn()
        if device.frames in device.damaged:
            raw = raw.reshape(-1)[: raw.size // 3]
        if image is None or image.shape != raw.shape:  # OpenCV takes an array that fits, and else makes one
            return True, raw.copy()
        image[:] = raw
        return True, image


def picture(number: int, size: tuple[int, int]) -> tuple[NDArray[np.uint8], ...]:
    """Return (y, u, v) of frame `number`, in colours that a screen has."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    y = 70 + (rows + columns + number * 3) % 110
    half_rows, half_columns = np.mgrid[: -(-height // 2), : -(-width // 2)]
    return tuple(np.asarray(plane, np.uint8) for plane in (y, 115 + half_columns % 25, 115 + half_rows % 25))


def packed(y: NDArray[np.uint8], u: NDArray[np.uint8], v: NDArray[np.uint8], fourcc: str) -> NDArray[np.uint8]:
    """Return a picture as a driver lays it out in `fourcc` and OpenCV hands it over."""
    height, width = y.shape
    if fourcc == "GREY":
        return y
    if fourcc == "YU12":
        return _rows(np.concatenate([y.reshape(-1), u.reshape(-1), v.reshape(-1)]), width)
    if fourcc == "NV12":
        return _rows(np.concatenate([y.reshape(-1), np.stack([u, v], axis=-1).reshape(-1)]), width)
    if fourcc == "YUYV":
        pairs = np.pad(y, ((0, 0), (0, width % 2)), mode="edge").reshape(height, -1, 2)
        tall_u, tall_v = (np.repeat(plane, 2, axis=0)[:height] for plane in (u, v))
        return np.stack([pairs[..., 0], tall_u, pairs[..., 1], tall_v], axis=-1).reshape(height, -1, 2)
    bgr: Any = cv2.cvtColor(packed(y, u, v, "YU12"), cv2.COLOR_YUV2BGR_I420)
    if fourcc == "BGR3":
        return np.asarray(bgr, np.uint8)
    return np.asarray(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 98])[1], np.uint8).reshape(1, -1)


def _rows(flat: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    return flat.reshape(-1, width) if flat.size % width == 0 else flat.reshape(1, -1)
