"""Any command that writes YUV4MPEG2 to its standard output: ffmpeg, GStreamer on a Jetson, rpicam-vid.

The format is that of mjpegtools, described in yuv4mpeg(5): a line of parameters, then for each picture a line
`FRAME` and its planes.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from typing import IO, Annotated

import numpy as np
from msgspec import Meta

from tapetum.buffers import BufferPool
from tapetum.capture.framing import Framer
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame

_LONGEST_LINE = 1024  # bytes of a header: yuv4mpeg(5) allows 80 to a parameter
_LARGEST = 8192  # pixels of a side
_COLOURS = ("420", "420jpeg", "420mpeg2", "420paldv")  # 8 bits; they differ only in where the colour was sampled
_TOLD = 500  # characters of what the command wrote to its standard error that are repeated


class Pipe(SourceSettings, tag="pipe", frozen=True, kw_only=True):
    """A command and its arguments."""

    command: Annotated[list[str], Meta(min_length=1)]  # run as it stands, with no shell
    timeout_s: Annotated[float, Meta(ge=1, le=60)] = 5.0  # without a picture for so long, it is started again

    def open(self, camera: str, clock: Clock) -> "PipeSource":
        """Start the command and read the parameters it writes; raises ConfigError when there is no such command."""
        return PipeSource(self, Framer(camera, self.analysis_width), clock)


class PipeSource:
    """The running command, in a process group of its own, which is killed whole."""

    lossless = False

    def __init__(self, settings: Pipe, framer: Framer, clock: Clock) -> None:
        self._settings = settings
        self._framer = framer
        self._clock = clock
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the command
        try:
            self._process = subprocess.Popen(
                settings.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise ConfigError(f"command = {settings.command}: {error.strerror}: {settings.command[0]}") from None
        try:
            self._output = self._wired()
            self._width, self._height, self._colour = parse_header(self._line())
        except SourceError:
            self.close()
            raise
        self._pool = BufferPool((_picture_bytes(self._width, self._height, self._colour),))

    def read(self) -> Frame:
        """Return the next frame; raises SourceError when the command ends, stalls or writes something else."""
        line = self._line()
        if not line.startswith(b"FRAME"):
            raise SourceError(f"{self._name}: expected a line FRAME of YUV4MPEG2, found {line[:20]!r}")
        picture = self._pool.take()
        picture.flags.writeable = True
        self._fill(picture.data)
        t_ns = self._clock.now_ns()
        height, width = self._height, self._width
        y = picture[: width * height].reshape(height, width)
        half_height, half_width = -(-height // 2), -(-width // 2)
        if not self._colour:
            gray = np.full((half_height, half_width), 128, np.uint8)
            return self._framer.frame(y, gray, gray.copy(), t_ns)
        u, v = picture[width * height :].reshape(2, half_height, half_width)
        return self._framer.frame(y, u, v, t_ns)

    def close(self) -> None:
        """Kill the command and all that it started; a `read` under way ends."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def _name(self) -> str:
        return f"command {self._settings.command[0]}"

    def _wired(self) -> IO[bytes]:
        output = self._process.stdout
        if output is None:
            raise SourceError(f"{self._name}: has no standard output")
        os.set_blocking(output.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(output, selectors.EVENT_READ)
        return output

    def _line(self) -> bytes:
        line = bytearray()
        byte = memoryview(bytearray(1))
        while len(line) < _LONGEST_LINE:
            self._fill(byte)
            if byte[0] == ord("\n"):
                return bytes(line)
            line += byte
        raise SourceError(f"{self._name}: writes no YUV4MPEG2: its first {_LONGEST_LINE} bytes hold no line")

    def _fill(self, buffer: memoryview) -> None:
        """Read until `buffer` is full, for at most the time-out."""
        deadline = time.monotonic() + self._settings.timeout_s
        while buffer:
            if not self._selector.select(max(0.0, deadline - time.monotonic())):
                raise SourceError(f"{self._name}: wrote nothing for {self._settings.timeout_s:g} s")
            count = os.readv(self._output.fileno(), [buffer])
            if count == 0:
                raise SourceError(f"{self._name}: has ended{self._complaint()}")
            buffer = buffer[count:]

    def _complaint(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _TOLD))
        text = self._errors.read().decode(errors="replace").strip()
        return f"; it said: {text}" if text else f" (status {self._process.poll()})"


def parse_header(line: bytes) -> tuple[int, int, bool]:
    """Return (width, height, whether there is colour) of a YUV4MPEG2 header line, without its line feed.

    Raises SourceError for anything but 8-bit 4:2:0 or gray.
    """
    magic, *parameters = line.decode("ascii", errors="replace").split(" ")
    if magic != "YUV4MPEG2":
        raise SourceError(f"expected YUV4MPEG2 (ffmpeg: -f yuv4mpegpipe; GStreamer: y4menc), found {magic[:20]!r}")
    values = {parameter[0]: parameter[1:] for parameter in parameters if parameter}
    colour = values.get("C", "420")
    if colour != "mono" and colour not in _COLOURS:
        raise SourceError(f"pictures are C{colour}; 8-bit C420 is needed (ffmpeg: -pix_fmt yuv420p)")
    sides = [values.get(key, "") for key in "WH"]
    if not all(side.isascii() and side.isdigit() and 2 <= int(side) <= _LARGEST for side in sides):
        raise SourceError(f"width and height must be 2..{_LARGEST} pixels, found W{sides[0]} H{sides[1]}")
    return int(sides[0]), int(sides[1]), colour != "mono"


def _picture_bytes(width: int, height: int, colour: bool) -> int:
    return width * height + colour * 2 * (-(-width // 2)) * (-(-height // 2))
