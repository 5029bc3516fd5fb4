"""Compressed video to frames with PyAV: the decoder's planes are used as they lie.

PyAV is an extra (`tapetum[stream]`) and imported only here, only when a file or a stream is opened: its wheels are
large and carry codecs under the GPL.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from tapetum.capture.framing import Framer
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame, Plane

if TYPE_CHECKING:
    import av

_PLANAR = ("yuv420p", "yuvj420p")
_REMEDY = 'files and streams need PyAV: pip install "tapetum[stream]"'


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture and its time in the clip, seconds, or None where the container does not say."""

    y: Plane
    u: Plane
    v: Plane
    time_s: float | None

    def frame(self, framer: Framer, t_ns: int) -> Frame:
        """Return it as the camera's next frame, taken at `t_ns`."""
        return framer.frame(self.y, self.u, self.v, t_ns)


class Decoder:
    """The video of one file or address, picture after picture."""

    def __init__(self, where: str, open_s: float, read_s: float, options: dict[str, str] | None = None) -> None:
        """Open `where`.

        Raises SourceError when it cannot be opened or is no video, ConfigError when PyAV is missing.
        """
        self._where = without_password(where)
        self._av = _pyav()
        self.corrupt = 0
        with self._translated():
            self._container = self._av.open(where, timeout=(open_s, read_s), options=options or {})
            if not self._container.streams.video:
                raise SourceError(f"{self._where}: holds no video")
            self._stream = self._container.streams.video[0]
            self._stream.thread_type = "NONE"
            self._packets = self._container.demux(self._stream)
        self._pictures: Iterator[Picture] = iter(())

    @property
    def rate(self) -> float:
        """Pictures a second, as the container says; 25 where it does not."""
        return float(self._stream.average_rate or 25)

    def read(self) -> Picture | None:
        """Return the next picture, or None at the end; what cannot be decoded is skipped and counted in `corrupt`.

        Raises SourceError when the reading fails or stalls.
        """
        while True:
            picture = next(self._pictures, None)
            if picture is not None:
                return picture
            with self._translated():
                packet = next(self._packets, None)
                if packet is None:
                    return None
                self._pictures = iter([self._picture(frame) for frame in self._decoded(packet)])

    def rewind(self) -> None:
        """Go back to the beginning."""
        with self._translated():
            self._container.seek(0)
            self._stream.codec_context.flush_buffers()
            self._packets = self._container.demux(self._stream)

    def close(self) -> None:
        """Let the file or the connection go."""
        self._container.close()

    def _decoded(self, packet: "av.Packet[Any]") -> "list[av.VideoFrame]":
        self.corrupt += bool(packet.is_corrupt)
        try:
            return [frame for frame in packet.decode() if isinstance(frame, self._av.VideoFrame)]
        except self._av.InvalidDataError:
            self.corrupt += 1
            return []

    def _picture(self, frame: "av.VideoFrame") -> Picture:
        if frame.format.name == "gray":
            gray = np.full((-(-frame.height // 2), -(-frame.width // 2)), 128, np.uint8)
            return Picture(_plane(frame, 0), gray, gray.copy(), frame.time)
        planar = frame if frame.format.name in _PLANAR else frame.reformat(format="yuv420p")
        return Picture(_plane(planar, 0), _plane(planar, 1), _plane(planar, 2), frame.time)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Say what failed in our words, and never a password."""
        try:
            yield
        except self._av.FFmpegError as error:
            raise SourceError(f"{self._where}: {error.strerror or type(error).__name__}") from None


def _pyav() -> Any:
    try:
        import av  # noqa: PLC0415  an extra, needed only here
    except ImportError:
        raise ConfigError(_REMEDY) from None
    av.logging.set_level(None)
    return av


def _plane(frame: "av.VideoFrame", index: int) -> Plane:
    """Return plane `index` as it lies: a view, which keeps the decoder's buffer alive for as long as it is held."""
    plane: Any = frame.planes[index]
    rows: Plane = np.frombuffer(plane, np.uint8)
    return rows.reshape(plane.height, plane.line_size)[:, : plane.width]


def without_password(where: str) -> str:
    """Return an address without the user and password in it; a path as it is."""
    parts = urlsplit(where)
    if "@" not in parts.netloc:
        return where
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def existing(path: str) -> Path:
    """Return `path`; raises ConfigError when there is no such file."""
    found = Path(path).expanduser()
    if not found.is_file():
        raise ConfigError(f"{found}: there is no such file; `path` must name a video")
    return found
