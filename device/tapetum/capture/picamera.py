"""A Raspberry Pi camera by picamera2: the picture, and a small one for the analysis from the camera's own scaler.

A request that is not released starves the camera after as many frames as it has buffers, and the arrays in it are the
camera's memory, so what must outlive the request is copied into buffers of ours. Rows are padded to the stride the
camera likes. Sensor time is CLOCK_BOOTTIME (libcamera, control_ids_core.yaml, SensorTimestamp).
"""

import contextlib
import time
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar

from msgspec import Meta, field

from tapetum.buffers import BufferPool
from tapetum.capture.closing import Closing
from tapetum.capture.framing import Framer
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Colour, Frame, Plane

IMPORT_ERRORS = (ImportError, ValueError)
"""What importing picamera2 raises where it is not, or where its parts were built for another numpy (ValueError)."""
_BUFFERS = 4
_TIMEOUT_S = 5.0
_FRAMES_LATE = 3  # a slow camera may take so many times its own interval
_LOOK_S = 0.2  # between two looks whether it was closed
_NARROWEST = 128  # pixels: widths are aligned down to multiples of this on a Pi 5, of half of it before
_REMEDY = "sudo apt install python3-picamera2, and a venv made with --system-site-packages"


class Picamera(SourceSettings, tag="picamera", frozen=True):
    """A camera on the Pi's own connector."""

    key: ClassVar[str] = "camera"
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
        except IMPORT_ERRORS as error:
            raise ConfigError(f"picamera2 cannot be imported ({error}): {_REMEDY}") from None
        try:
            device = picamera2.Picamera2(self.camera)
        except (IndexError, RuntimeError) as error:
            raise SourceError(f"camera {self.camera} cannot be opened: {error}") from None
        try:
            streams = self._started(device)
        except BaseException:
            _freed(device)
            raise
        return PicameraSource(self, device, picamera2.MappedArray, streams, Framer(camera, self.analysis_width), clock)

    def _started(self, device: Any) -> "Streams":
        """Configure and start `device`; return what its streams are, as the camera took what was wanted."""
        try:
            configuration = self._configuration(device)
            device.align_configuration(configuration)
            device.configure(configuration)
            device.start()
        except RuntimeError as error:
            raise SourceError(f"camera {self.camera} cannot be started: {error}") from None
        except (TypeError, ValueError) as error:
            raise ConfigError(f"camera {self.camera}: controls = {self.controls}: {error}") from None
        colour = _colour(configuration["colour_space"])
        return Streams(configuration["main"]["size"], configuration["lores"]["size"], colour)

    def _configuration(self, device: Any) -> dict[str, Any]:
        factor = max(1, round(self.width / self.analysis_width))
        narrowest = min(_NARROWEST, self.width)
        small = max(narrowest, self.width // factor // 2 * 2), self.height // factor // 2 * 2
        interval_us = int(1e6 / self.fps)
        wanted = {"FrameDurationLimits": (interval_us, interval_us), **self.controls}
        configuration: dict[str, Any] = device.create_video_configuration(
            main={"format": "YUV420", "size": (self.width, self.height)},
            lores={"format": "YUV420", "size": small},
            buffer_count=_BUFFERS,
            queue=False,
            controls={name: value for name, value in wanted.items() if name in device.camera_controls},
        )
        return configuration


@dataclass(frozen=True, slots=True)
class Streams:
    """(width, height) of the picture and of the small one, pixels, even; and how both are coloured."""

    main: tuple[int, int]
    lores: tuple[int, int]
    colour: Colour


class PicameraSource:
    """The running camera."""

    lossless = False

    def __init__(
        self, settings: Picamera, device: Any, mapped_array: Any, streams: Streams, framer: Framer, clock: Clock
    ) -> None:
        self._name = f"camera {settings.camera}"
        self._timeout_s = max(_TIMEOUT_S, _FRAMES_LATE / settings.fps)
        self._device = device
        self._mapped_array = mapped_array
        self._framer = framer
        self._clock = clock
        self._closing = Closing(self._name, partial(_freed, device))
        self._main, self._lores, self._colour = streams.main, streams.lores, streams.colour
        width, height = self._main
        self._planes = BufferPool((width * height * 3 // 2,))
        self._small = BufferPool((self._lores[1], self._lores[0]))

    def read(self) -> Frame:
        """Return the next frame; raises SourceError when the camera fails, stalls or was closed."""
        with self._closing.reading():
            request = self._requested()
            try:
                t_ns = int(request.get_metadata().get("SensorTimestamp") or self._clock.now_ns())
                with self._mapped_array(request, "main", write=False) as mapped:
                    y, u, v = self._copied(mapped.array)
                with self._mapped_array(request, "lores", write=False) as mapped:
                    luma = self._small.take()
                    luma.flags.writeable = True
                    luma[:] = mapped.array[: luma.shape[0], : luma.shape[1]]
            finally:
                request.release()
            return self._framer.frame(y, u, v, t_ns, luma, self._colour)

    def close(self) -> None:
        """Stop the camera; a `read` under way ends."""
        self._closing.close()

    def _requested(self) -> Any:
        """Return the next request. It is asked for once: a second one would take a picture that nobody gives back."""
        deadline_s = time.monotonic() + self._timeout_s
        try:
            job = self._device.capture_request(wait=False)
            while time.monotonic() < deadline_s:
                self._closing.check()
                with contextlib.suppress(TimeoutError):
                    return self._device.wait(job, _LOOK_S)
        except RuntimeError as error:
            raise SourceError(f"{self._name} gives no picture: {error}") from None
        raise SourceError(f"{self._name} gave no picture for {self._timeout_s:g} s")

    def _copied(self, mapped: Plane) -> tuple[Plane, Plane, Plane]:
        """Return y, u, v without the rows' padding: `mapped` is (height * 3 / 2, stride), chroma rows in halves."""
        width, height = self._main
        stride = mapped.shape[1]
        buffer = self._planes.take()
        buffer.flags.writeable = True
        y = buffer[: width * height].reshape(height, width)
        chroma = buffer[width * height :].reshape(2, height // 2, width // 2)
        y[:] = mapped[:height, :width]
        padded = mapped[height : height * 3 // 2].reshape(2, height // 2, stride // 2)
        chroma[:] = padded[:, :, : width // 2]
        return y, chroma[0], chroma[1]


def _colour(space: Any) -> Colour:
    """Return what is meant by libcamera's colour space: sYCC is full BT.601, as JPEG; the others are limited."""
    return Colour(space.range.name == "Full", "bt601" if space.ycbcrEncoding.name == "Rec601" else "bt709")


def _freed(device: Any) -> None:
    """Stop and close `device`. What it still owes goes first, else stopping would wait for a camera that is gone."""
    with contextlib.suppress(RuntimeError):
        device.cancel_all_and_flush()
        device.stop()
        device.close()
