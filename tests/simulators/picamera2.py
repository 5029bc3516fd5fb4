"""The part of picamera2 that the product uses, as version 0.3.38 behaves, with no camera and no libcamera.

What it does as the real one: rows are padded to the stride that the hardware likes; a request holds one of a few
buffers until it is released, and then the buffer is written over; jobs are done in their order, so that stopping waits
behind a request that no frame comes for; widths are aligned; controls that the camera does not advertise raise; a
camera can be open only once; a view of a buffer that outlives its `with` raises BufferError.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_PADDING, _STALE = 0xDD, 0xEE


class Range(Enum):
    """libcamera.ColorSpace.Range."""

    Full = 0
    Limited = 1


class YcbcrEncoding(Enum):
    """libcamera.ColorSpace.YcbcrEncoding."""

    Null = 0
    Rec601 = 1
    Rec709 = 2
    Rec2020 = 3


@dataclass(frozen=True)
class ColourSpace:
    """The half of libcamera.ColorSpace that concerns Y, Cb and Cr."""

    ycbcrEncoding: YcbcrEncoding  # noqa: N815
    range: Range


SYCC = ColourSpace(YcbcrEncoding.Rec601, Range.Full)
SMPTE170M = ColourSpace(YcbcrEncoding.Rec601, Range.Limited)
REC709 = ColourSpace(YcbcrEncoding.Rec709, Range.Limited)


class Rig:
    """The cameras that are plugged in, and what became of them. `module` goes into `sys.modules`."""

    def __init__(self, cameras: int = 1, stride: int = 192) -> None:
        """Plug in `cameras`; their rows are a multiple of `stride` bytes."""
        self.ids = [f"/base/soc/i2c0mux/i2c@1/imx708@{number:x}" for number in range(cameras)]
        self.stride = stride
        self.controls = {"FrameDurationLimits": (100, 1_000_000, 33_333), "ExposureTime": (1, 10**6, 20_000)}
        self.align = 64  # a Pi 5: 128
        self.colour_space: ColourSpace | None = None  # what the camera takes instead of the one that is wanted
        self.still = False  # draws nothing, and so allocates nothing
        self.plugged = threading.Event()
        self.plugged.set()
        self.frames = 0
        self.devices: list[Any] = []
        self.on_map: Callable[[str], None] = lambda _: None
        self.module = ModuleType("picamera2")
        self.module.Picamera2 = self._picamera2()  # type: ignore[attr-defined]
        self.module.MappedArray = MappedArray  # type: ignore[attr-defined]

    @property
    def device(self) -> Any:
        """The camera opened last."""
        return self.devices[-1]

    def _picamera2(self) -> type:
        rig = self

        class Picamera2(Camera):
            def __init__(self, camera_num: int = 0) -> None:
                super().__init__(rig, camera_num)

            @staticmethod
            def global_camera_info() -> list[dict[str, Any]]:
                return [{"Id": name, "Num": number, "Model": "imx708"} for number, name in enumerate(rig.ids)]

        return Picamera2


class Camera:
    """An opened camera."""

    def __init__(self, rig: Rig, number: int) -> None:
        if number >= len(rig.ids):
            raise RuntimeError(f"No camera number {number} found")
        if any(device.number == number and device.is_open for device in rig.devices):
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.rig = rig
        self.number = number
        self.is_open, self.started = True, False
        self.configuration: dict[str, Any] = {}
        self.free: list[dict[str, bytearray]] = []
        self.outstanding = 0
        self.requested = 0
        self._jobs: list[Future[Request]] = []
        self._lock = threading.Lock()
        rig.devices.append(self)

    @property
    def camera_controls(self) -> dict[str, tuple[int, ...]]:
        return self.rig.controls

    def create_video_configuration(
        self, main: dict[str, Any], lores: dict[str, Any], buffer_count: int, queue: bool, controls: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "main": dict(main),
            "lores": dict(lores),
            "buffer_count": buffer_count,
            "queue": queue,
            "controls": controls,
            "colour_space": SMPTE170M if main["size"][0] < 1280 or main["size"][1] < 720 else REC709,
        }

    def align_configuration(self, configuration: dict[str, Any]) -> None:
        for stream in ("main", "lores"):
            width, height = configuration[stream]["size"]
            configuration[stream]["size"] = width - width % self.rig.align, height - height % 2

    def configure(self, configuration: dict[str, Any]) -> None:
        for name in configuration["controls"]:
            if name not in self.rig.controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        configuration["colour_space"] = self.rig.colour_space or configuration["colour_space"]
        for stream in ("main", "lores"):
            width, height = configuration[stream]["size"]
            if width == 0 or height == 0 or configuration[stream]["format"] != "YUV420":
                raise RuntimeError(f"Invalid camera configuration: {configuration}")
            configuration[stream]["stride"] = -(-width // self.rig.stride) * self.rig.stride
        self.configuration = configuration

    def start(self) -> None:
        streams = {name: self.configuration[name] for name in ("main", "lores")}
        sizes = {name: stream["stride"] * stream["size"][1] * 3 // 2 for name, stream in streams.items()}
        count = self.configuration["buffer_count"]
        self.free = [{name: bytearray(size) for name, size in sizes.items()} for _ in range(count)]
        self.started = True

    def stop(self) -> None:
        with self._lock:
            while self._jobs:
                if not self._done():
                    raise AssertionError("stop() would wait for ever behind a request that no frame comes for")
            self.started = False

    def close(self) -> None:
        self.stop()
        self.is_open = False

    def cancel_all_and_flush(self) -> None:
        with self._lock:
            for job in self._jobs:
                job.set_exception(CancelledError())
            self._jobs = []

    def capture_request(self, wait: bool | float) -> Any:
        assert wait is False, "a request that is given up on stays in the queue, and its picture is never given back"
        assert self.is_open, "used after it was closed"
        job: Future[Request] = Future()
        with self._lock:
            self._jobs.append(job)
            self.requested += 1
        return job

    def wait(self, job: "Future[Request]", timeout: float) -> "Request":
        deadline_s = time.monotonic() + timeout
        while not job.done():
            with self._lock:
                if job in self._jobs and self._done():
                    continue
            if time.monotonic() > deadline_s:
                raise TimeoutError
            time.sleep(0.002)
        return job.result(0)

    def _done(self) -> bool:
        """Do the first job if there is a frame for it: a camera that works and a buffer that is free."""
        if not (self.rig.plugged.is_set() and self.free):
            return False
        self.rig.frames += 1
        self.outstanding += 1
        self._jobs.pop(0).set_result(Request(self, self.free.pop(0), self.rig.frames))
        return True


class Request:
    """A picture, in a buffer of the camera's."""

    def __init__(self, camera: Camera, buffers: dict[str, bytearray], number: int) -> None:
        self.camera, self.buffers = camera, buffers
        self.t_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        for name, buffer in buffers.items() if not camera.rig.still else ():
            stream = camera.configuration[name]
            _draw(buffer, stream["size"], stream["stride"], number, name)

    def get_metadata(self) -> dict[str, Any]:
        return {"SensorTimestamp": self.t_ns, "ExposureTime": 20_000}

    def release(self) -> None:
        assert self.camera.started, "a request released after the camera was stopped"
        for buffer in self.buffers.values() if not self.camera.rig.still else ():
            buffer[:] = bytes([_STALE]) * len(buffer)
        self.camera.outstanding -= 1
        self.camera.free.append(self.buffers)


class MappedArray:
    """A view of one stream's buffer, for as long as the `with`."""

    def __init__(self, request: Request, stream: str, write: bool = True) -> None:
        assert not write, "nobody draws into the camera's memory"
        self._request, self._stream = request, stream

    def __enter__(self) -> Self:
        camera = self._request.camera
        camera.rig.on_map(self._stream)
        stream = camera.configuration[self._stream]
        self._mapping = memoryview(self._request.buffers[self._stream])
        rows = stream["size"][1] * 3 // 2
        self.array: NDArray[np.uint8] = np.frombuffer(self._mapping, np.uint8).reshape(rows, stream["stride"])
        return self

    def __exit__(self, *_: object) -> None:
        del self.array
        self._mapping.release()  # BufferError: somebody still looks


def picture(number: int, size: tuple[int, int], stream: str = "main") -> tuple[NDArray[np.uint8], ...]:
    """Return (y, u, v) of frame `number`, counted from 1, as the camera draws them."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    y = (rows * 3 + columns + number * (7 if stream == "main" else 5)) % 256
    half = y[::2, ::2]
    return y.astype(np.uint8), ((half + 40) % 256).astype(np.uint8), ((half + 90) % 256).astype(np.uint8)


def _draw(buffer: bytearray, size: tuple[int, int], stride: int, number: int, stream: str) -> None:
    width, height = size
    y, u, v = picture(number, size, stream)
    view = np.frombuffer(buffer, np.uint8)
    view[:] = _PADDING
    view[: stride * height].reshape(height, stride)[:, :width] = y
    chroma = view[stride * height :].reshape(2, height // 2, stride // 2)
    chroma[0, :, : width // 2], chroma[1, :, : width // 2] = u, v
