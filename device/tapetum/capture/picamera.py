"""A Raspberry Pi camera by picamera2: the picture, and a small one for the analysis from the camera's own scaler.

A request that is not released starves the camera after as many frames as it has buffers, and the arrays in it are the
camera's memory, so what must outlive the request is copied into buffers of ours. Rows are padded to the stride the
camera likes. Sensor time is CLOCK_BOOTTIME (libcamera, control_ids_core.yaml, SensorTimestamp).
"""

from typing import Annotated, Any

import numpy as np
from msgspec import Meta, field

from tapetum.buffers import BufferPool
from tapetum.capture.framing import Framer
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame, Plane

_BUFFERS = 4
_TIMEOUT_S = 5.0
_REMEDY = "sudo apt install python3-picamera2, and a venv made with --system-site-packages"


class Picamera(SourceSettings, tag="picamera", frozen=True):
    """A camera on the Pi's own connector."""

    camera: Annotated[int, Meta(ge=0, le=8)] = 0  # which one, where there are several
    width: Annotated[int, Meta(ge=64, le=4608, multiple_of=2)] = 1280
    height: Annotated[int, Meta(ge=64, le=3456, multiple_of=2)] = 720
    fps: Annotated[float, Meta(gt=0, le=120)] = 10.0  # fewer saves most power, and sees more at night
    controls: dict[str, float | int | bool] = field(
        default_factory=dict
    )  # libcamera's names; those it lacks are passed over

    def open(self, camera: str, clock: Clock) -> "PicameraSource":
        """Start the camera; raises ConfigError without picamera2, SourceError when there is no camera."""
        try:
            import picamera2  # noqa: PLC0415  from apt, on a Pi only
        except ImportError as error:
            raise ConfigError(f"picamera2 cannot be imported ({error}): {_REMEDY}") from None
        try:
            device = picamera2.Picamera2(self.camera)
        except (IndexError, RuntimeError) as error:
            raise SourceError(f"camera {self.camera} cannot be opened: {error}") from None
        return PicameraSource(self, device, Framer(camera, self.analysis_width), clock)


class PicameraSource:
    """The running camera."""

    lossless = False

    def __init__(self, settings: Picamera, device: Any, framer: Framer, clock: Clock) -> None:
        self._settings = settings
        self._device = device
        self._framer = framer
        self._clock = clock
        self._closed = False
        self._main, self._lores = self._started()
        width, height = self._main
        self._planes = BufferPool((width * height * 3 // 2,))
        self._small = BufferPool((self._lores[1], self._lores[0]))

    def read(self) -> Frame:
        """Return the next frame; raises SourceError when the camera fails, stalls or was closed."""
        request = self._requested()
        try:
            t_ns = int(request.get_metadata().get("SensorTimestamp") or self._clock.now_ns())
            y, u, v = self._copied(request.make_array("main"))
            luma = self._small.take()
            luma.flags.writeable = True
            luma[:] = request.make_array("lores")[: luma.shape[0], : luma.shape[1]]
        finally:
            request.release()
        return self._framer.frame(y, u, v, t_ns, luma)

    def close(self) -> None:
        """Stop the camera."""
        if not self._closed:
            self._closed = True
            self._device.stop()
            self._device.close()

    def _started(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Configure and start; return the sizes (width, height) of both streams as the camera aligned them."""
        settings, device = self._settings, self._device
        factor = max(1, round(settings.width / settings.analysis_width))
        small = settings.width // factor // 2 * 2, settings.height // factor // 2 * 2
        interval_us = int(1e6 / settings.fps)
        wanted = {"FrameDurationLimits": (interval_us, interval_us), **settings.controls}
        known = {name: value for name, value in wanted.items() if name in device.camera_controls}
        configuration = device.create_video_configuration(
            main={"format": "YUV420", "size": (settings.width, settings.height)},
            lores={"format": "YUV420", "size": small},
            buffer_count=_BUFFERS,
            queue=False,
            controls=known,
        )
        device.align_configuration(configuration)
        device.configure(configuration)
        device.start()
        return configuration["main"]["size"], configuration["lores"]["size"]

    def _requested(self) -> Any:
        if self._closed:
            raise SourceError("the camera was closed")
        try:
            request = self._device.capture_request(wait=_TIMEOUT_S)
        except (TimeoutError, RuntimeError) as error:
            raise SourceError(f"camera {self._settings.camera} gives no picture: {error or 'time-out'}") from None
        if request is None:
            raise SourceError(f"camera {self._settings.camera} gives no picture")
        return request

    def _copied(self, mapped: Plane) -> tuple[Plane, Plane, Plane]:
        """Return y, u, v without the rows' padding: `mapped` is (height * 3 / 2, stride), chroma rows in halves."""
        width, height = self._main
        stride = mapped.shape[1]
        buffer = self._planes.take()
        buffer.flags.writeable = True
        y = buffer[: width * height].reshape(height, width)
        chroma = buffer[width * height :].reshape(2, height // 2, width // 2)
        y[:] = mapped[:height, :width]
        padded = np.ascontiguousarray(mapped[height : height * 3 // 2]).reshape(2, height // 2, stride // 2)
        chroma[:] = padded[:, :, : width // 2]
        return y, chroma[0], chroma[1]
