"""A network camera: RTSP over TCP, or HTTP."""

from typing import Annotated

from msgspec import Meta

from tapetum.capture.decode import Decoder, without_password
from tapetum.capture.framing import Framer
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import SourceError
from tapetum.scene import Frame


class Stream(SourceSettings, tag="stream", frozen=True, kw_only=True):
    """A network camera's address."""

    url: Annotated[str, Meta(pattern=r"^(rtsps?|https?)://")]  # may hold user:password@; they are never shown
    timeout_s: Annotated[float, Meta(ge=1, le=60)] = 5.0  # without a picture for so long, it is opened again

    def open(self, camera: str, clock: Clock) -> "StreamSource":
        """Connect; raises SourceError when the camera does not answer."""
        rtsp = {"rtsp_transport": "tcp"} if self.url.startswith("rtsp") else {}
        options = {"fflags": "nobuffer", **rtsp}
        decoder = Decoder(self.url, self.timeout_s, self.timeout_s, options)
        return StreamSource(decoder, Framer(camera, self.analysis_width), clock, without_password(self.url))


class StreamSource:
    """The running stream. A frame's time is when it was decoded: cameras' own clocks are not to be trusted."""

    lossless = False

    def __init__(self, decoder: Decoder, framer: Framer, clock: Clock, where: str) -> None:
        self._decoder = decoder
        self._framer = framer
        self._clock = clock
        self._where = where
        self._closed = False

    @property
    def corrupt(self) -> int:
        """Packets that could not be decoded."""
        return self._decoder.corrupt

    def read(self) -> Frame:
        """Return the next frame; raises SourceError when the stream ends, fails or stalls."""
        picture = None if self._closed else self._decoder.read()
        if picture is None or self._closed:
            raise SourceError(f"{self._where}: the stream has ended")
        return picture.frame(self._framer, self._clock.now_ns())

    def close(self) -> None:
        """Let the reader stop at its next frame or time-out; the connection goes with the source."""
        self._closed = True
