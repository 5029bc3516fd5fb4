"""Compressed video to frames with PyAV: the decoder's planes are used as they lie.

PyAV is an extra (`tapetum[stream]`) and imported only here, only when a file or a stream is opened: its wheels are
large and carry codecs under the GPL.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tapetum.capture.addresses import without_secrets
from tapetum.capture.framing import Framer, no_colour, unsaid
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Colour, Frame, Plane
from tapetum.settings import located

if TYPE_CHECKING:
    import av

_PLANAR = ("yuv420p", "yuvj420p")  # of the limited range, of the full one
_LIMITED, _FULL = 1, 2  # FFmpeg's AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG
_BT709 = (1, 7, 9, 10)  # AVCOL_SPC_BT709; SMPTE 240M and BT.2020, which are nearer to it than to BT.601
_UNSAID = 2  # AVCOL_SPC_UNSPECIFIED
_REMEDY = 'files and streams need PyAV: pip install "tapetum[stream]"'
_BAD_READS = 100  # in a row, after which what is left of a clip counts as lost


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture and its time in the clip, seconds, or None where the container does not say."""

    y: Plane
    u: Plane
    v: Plane
    time_s: float | None
    colour: Colour

    def frame(self, framer: Framer, t_ns: int) -> Frame:
        """Return it as the camera's next frame, taken at `t_ns`."""
        return framer.frame(self.y, self.u, self.v, t_ns, colour=self.colour)


class Decoder:
    """The video of one file or address, picture after picture."""

    def __init__(self, where: str, open_s: float, read_s: float, options: dict[str, str] | None = None) -> None:
        """Open `where`; a picture may take `read_s` seconds.

        Raises SourceError when it cannot be opened or is no video, ConfigError when PyAV is missing.
        """
        self._where = where
        self._name = without_secrets(where)
        self._open_s, self._read_s = open_s, read_s
        self._options = options or {}
        self._av = _pyav()
        self._reformatter = self._av.video.reformatter.VideoReformatter()
        self._packets: Iterator[av.Packet[Any]] = iter(())
        self._pictures: Iterator[Picture] = iter(())
        self.corrupt = 0
        self._open()

    @property
    def format(self) -> str:
        """What FFmpeg calls the container, as "mpegts"."""
        return str(self._container.format.name)

    @property
    def rate(self) -> float:
        """Pictures a second, as the container says; 25 where it does not."""
        return float(self._stream.average_rate or 25)

    def read(self) -> Picture | None:
        """Return the next picture, or None at the end.

        `corrupt` counts what could not be decoded, and was left out, and what was only in part, and was not. Raises
        SourceError when the reading fails, or when no picture comes in time, whatever else does.
        """
        start_s = time.monotonic()
        while (picture := next(self._pictures, None)) is None:
            packet = self._packet(start_s)
            if packet is None:
                return None
            if packet.stream.index == self._stream.index:
                self._pictures = iter(self._decoded(packet))
        self._check_in_time(start_s)  # FFmpeg gives up a last picture when it is interrupted: it is an old one
        return picture

    def rewind(self) -> None:
        """Go back to the beginning: opened anew, since not every container can be wound back."""
        self.close()
        self._open()

    def close(self) -> None:
        """Let the file or the connection go; nothing may be read any more."""
        self._packets = iter(())
        self._pictures = iter(())
        self._container.close()

    def _open(self) -> None:
        with self._translated(time.monotonic(), self._open_s):
            self._container = self._av.open(
                self._where,
                timeout=(self._open_s, self._read_s),
                options=dict(self._options),
                metadata_errors="replace",  # a title in another alphabet, or damaged, is nothing to fail for
            )
        if not self._container.streams.video:
            self._container.close()
            raise SourceError(f"{self._name}: holds no video")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "NONE"
        self._demux()

    def _demux(self) -> None:
        """All streams are asked for: PyAV passes over others' packets without looking at its time-out."""
        self._packets = self._container.demux()

    def _packet(self, start_s: float) -> "av.Packet[Any] | None":
        """Return the next packet of any stream, or None at the end; what is no packet is passed over."""
        for _ in range(_BAD_READS):
            self._check_in_time(start_s)
            try:
                broken, through = "reading broke off: ", self._av.InvalidDataError
                with self._translated(start_s, self._read_s, broken, through):
                    return next(self._packets, None)
            except self._av.InvalidDataError:
                self.corrupt += 1
                self._demux()
            except IndexError:  # how PyAV 18 ends a clip in which a stream appeared on the way, if by damage
                return None
        return None

    def _check_in_time(self, start_s: float) -> None:
        if time.monotonic() - start_s > self._read_s:
            raise SourceError(f"{self._name}: gave no picture for {self._read_s:g} s")

    def _decoded(self, packet: "av.Packet[Any]") -> list[Picture]:
        try:
            frames = [frame for frame in packet.decode() if isinstance(frame, self._av.VideoFrame)]
            pictures = [self._picture(frame) for frame in frames]
        except self._av.FFmpegError:
            self.corrupt += 1
            return []
        self.corrupt += packet.is_corrupt or any(frame.is_corrupt for frame in frames)
        return pictures

    def _picture(self, frame: "av.VideoFrame") -> Picture:
        colour = _colour(frame)
        if frame.format.name == "gray":
            gray = no_colour(frame.width, frame.height)
            return Picture(_plane(frame, 0), gray, gray, frame.time, colour)
        if frame.format.name not in _PLANAR:  # of both, the one of its own range, which then stays as it is
            frame = self._reformatter.reformat(frame, format=_PLANAR[colour.full], threads=1)
        return Picture(_plane(frame, 0), _plane(frame, 1), _plane(frame, 2), frame.time, colour)

    @contextmanager
    def _translated(
        self, start_s: float, limit_s: float, what: str = "", through: type[Exception] | None = None
    ) -> Iterator[None]:
        """Say what failed in our words, and never a password; errors of the kind `through` are let through.

        FFmpeg reports a time-out in many ways (interrupted, invalid data, ...), so the clock tells it too.
        """
        try:
            yield
        except self._av.FFmpegError as error:
            if isinstance(error, self._av.ExitError) or time.monotonic() - start_s >= limit_s:
                raise SourceError(f"{self._name}: gave no picture for {limit_s:g} s") from None
            if through is not None and isinstance(error, through):
                raise
            raise SourceError(f"{self._name}: {what}{error.strerror or type(error).__name__}") from None


def _pyav() -> Any:
    try:
        import av  # noqa: PLC0415  an extra, needed only here
        import av.video.reformatter  # noqa: PLC0415
    except ImportError:
        raise ConfigError(_REMEDY) from None
    av.logging.set_level(None)
    return av


def ffmpeg_version() -> int:
    """Return the major number of libavformat: 61 of FFmpeg 7, 62 of FFmpeg 8."""
    return int(_pyav().library_versions["libavformat"][0])


def _colour(frame: "av.VideoFrame") -> Colour:
    """Return what `frame` says of its colours, or what it does not say and players take it for."""
    said = int(frame.color_range)
    full = said == _FULL or (said != _LIMITED and frame.format.name.startswith(("yuvj", "gray")))
    space = int(frame.colorspace)
    if space == _UNSAID:
        return unsaid(full, frame.height)
    return Colour(full, "bt709" if space in _BT709 else "bt601")  # RGB too: FFmpeg makes BT.601 of it


def _plane(frame: "av.VideoFrame", index: int) -> Plane:
    """Return plane `index` as it lies: a view, which keeps the decoder's buffer alive for as long as it is held."""
    plane: Any = frame.planes[index]
    step = plane.line_size  # negative: the last row lies first
    rows: Plane = np.frombuffer(plane, np.uint8).reshape(plane.height, abs(step))
    return (rows if step > 0 else rows[::-1])[:, : plane.width]


def existing(path: str) -> Path:
    """Return `path`; raises ConfigError when there is no such file."""
    found = located(path)
    if not found.is_file():
        raise ConfigError(f"{found}: there is no such file; `path` must name a video")
    return found
