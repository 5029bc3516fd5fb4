"""Any command that writes YUV4MPEG2 to its standard output: ffmpeg, GStreamer on a Jetson, rpicam-vid.

The format is that of mjpegtools, described in yuv4mpeg(5): a line of parameters, then for each picture a line
`FRAME` and its planes.
"""

from typing import Annotated

from msgspec import Meta

from tapetum.buffers import BufferPool
from tapetum.capture.closing import Closing
from tapetum.capture.command import Command
from tapetum.capture.framing import Framer, no_colour
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import SourceError
from tapetum.scene import Frame

_LONGEST_LINE = 1024  # bytes of a header: yuv4mpeg(5) allows 80 to a parameter
_LARGEST = 8192  # pixels of a side
_COLOURS = ("420", "420jpeg", "420mpeg2", "420paldv")  # 8 bits; they differ only in where the colour was sampled


class Pipe(SourceSettings, tag="pipe", frozen=True, kw_only=True):
    """A command and its arguments."""

    command: Annotated[list[str], Meta(min_length=1)]  # run as it stands, with no shell
    timeout_s: Annotated[float, Meta(ge=1, le=60)] = 5.0  # without a picture for so long, it is started again

    def open(self, camera: str, clock: Clock) -> "PipeSource":
        """Start the command and read the parameters it writes; raises ConfigError when there is no such command."""
        command = Command(self.command, self.timeout_s)
        try:
            return PipeSource(command, Framer(camera, self.analysis_width), clock)
        except BaseException:
            command.kill()
            raise


class PipeSource:
    """The running command's pictures."""

    lossless = False

    def __init__(self, command: Command, framer: Framer, clock: Clock) -> None:
        self._command = command
        self._framer = framer
        self._clock = clock
        self._closing = Closing(command.name, command.kill)
        command.start_waiting()
        self._width, self._height, self._colour = parse_header(self._line())
        self._pool = BufferPool((_picture_bytes(self._width, self._height, self._colour),))

    def read(self) -> Frame:
        """Return the next frame; raises SourceError when the command ends, stalls or writes something else."""
        with self._closing.reading():
            self._command.start_waiting()
            line = self._line()
            if line != b"FRAME" and not line.startswith(b"FRAME "):
                raise SourceError(f"{self._command.name}: expected a line FRAME of YUV4MPEG2, found {line[:20]!r}")
            return self._picture()

    def close(self) -> None:
        """Kill the command and all that it started; a `read` under way ends."""
        self._command.stop()
        self._closing.close()

    def _picture(self) -> Frame:
        picture = self._pool.take()
        picture.flags.writeable = True
        self._command.fill(picture.data)
        t_ns = self._clock.now_ns()
        height, width = self._height, self._width
        y = picture[: width * height].reshape(height, width)
        if not self._colour:
            gray = no_colour(width, height)
            return self._framer.frame(y, gray, gray, t_ns)
        u, v = picture[width * height :].reshape(2, -(-height // 2), -(-width // 2))
        return self._framer.frame(y, u, v, t_ns)

    def _line(self) -> bytes:
        line = bytearray()
        byte = memoryview(bytearray(1))
        while len(line) < _LONGEST_LINE:
            self._command.fill(byte)
            if byte[0] == ord("\n"):
                return bytes(line)
            line += byte
        raise SourceError(
            f"{self._command.name}: writes no YUV4MPEG2: {_LONGEST_LINE} bytes without a line feed where one is due"
        )


def parse_header(line: bytes) -> tuple[int, int, bool]:
    """Return (width, height, whether there is colour) of a YUV4MPEG2 header line, without its line feed.

    Raises SourceError for anything but 8-bit 4:2:0 or gray.
    """
    magic, *parameters = line.decode("ascii", errors="replace").split(" ")
    if magic != "YUV4MPEG2":
        raise SourceError(f"expected YUV4MPEG2 (ffmpeg: -f yuv4mpegpipe; GStreamer: y4menc), found {line[:20]!r}")
    values = {parameter[0]: parameter[1:] for parameter in parameters if parameter}
    colour = values.get("C", "420")
    if colour != "mono" and colour not in _COLOURS:
        raise SourceError(f"pictures are C{colour[:20]}; 8-bit C420 is needed (ffmpeg: -pix_fmt yuv420p)")
    sides = [values.get(key, "") for key in "WH"]
    if not all(_is_side(side) for side in sides):
        raise SourceError(f"width and height must be 2..{_LARGEST} pixels, found W{sides[0][:9]} H{sides[1][:9]}")
    return int(sides[0]), int(sides[1]), colour != "mono"


def _is_side(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 9 and 2 <= int(text) <= _LARGEST


def _picture_bytes(width: int, height: int, colour: bool) -> int:
    return width * height + colour * 2 * (-(-width // 2)) * (-(-height // 2))
