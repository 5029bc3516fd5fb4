"""A network camera: RTSP over TCP, or HTTP."""

from typing import Annotated, ClassVar

from msgspec import Meta

from tapetum.capture.addresses import without_secrets
from tapetum.capture.closing import Closing
from tapetum.capture.decode import Decoder
from tapetum.capture.framing import Framer
from tapetum.capture.reasons import not_opened
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import SourceError
from tapetum.scene import Frame

_OPTIONS = {"fpsprobesize": "0", "analyzeduration": "500000"}
"""FFmpeg looks at a stream for up to 5 s to guess its frame rate, which nobody here asks for: half a second will do."""
_RTSP_OPTIONS = {"rtsp_transport": "tcp", "allowed_media_types": "video", "probesize": "32"}
"""RTSP describes the stream before it begins, so that nothing has to be looked at (32 bytes is the least)."""


class Stream(SourceSettings, tag="stream", frozen=True, kw_only=True):
    """A network camera's address."""

    key: ClassVar[str] = "url"
    url: Annotated[str, Meta(pattern=r"^(rtsps?|https?)://")]  # may hold user:password@; they are never shown
    timeout_s: Annotated[float, Meta(ge=1, le=60)] = 5.0  # without a picture for so long, it is opened again

    def open(self, camera: str, clock: Clock) -> "StreamSource":
        """Connect; raises SourceError when the camera does not answer."""
        where = without_secrets(self.url)
        options = _OPTIONS | (_RTSP_OPTIONS if self.url.startswith("rtsp") else {})
        try:
            decoder = Decoder(self.url, self.timeout_s, self.timeout_s, options)
        except SourceError as error:
            raise not_opened(where, str(error).removeprefix(f"{where}: "), self.timeout_s) from None
        return StreamSource(decoder, Framer(camera, self.analysis_width), clock, where)


class StreamSource:
    """The running stream. A frame's time is when it was decoded: cameras' own clocks are not to be trusted."""

    lossless = False

    def __init__(self, decoder: Decoder, framer: Framer, clock: Clock, where: str) -> None:
        self._decoder = decoder
        self._framer = framer
        self._clock = clock
        self._where = where
        self._closing = Closing(where, decoder.close)

    @property
    def corrupt(self) -> int:
        """Packets that could not be decoded, or only in part."""
        return self._decoder.corrupt

    def read(self) -> Frame:
        """Return the next frame; raises SourceError when the stream ends, fails or stalls."""
        with self._closing.reading():
            picture = self._decoder.read()
            self._closing.check()
            if picture is None:
                raise SourceError(f"{self._where}: the stream has ended")
            return picture.frame(self._framer, self._clock.now_ns())

    def close(self) -> None:
        """Let the connection go; a `read` under way ends at its next frame or time-out, FFmpeg has no other end."""
        self._closing.close()
