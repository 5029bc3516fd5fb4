"""A network camera: RTSP over TCP, or HTTP."""

from typing import Annotated, ClassVar

from msgspec import Meta

from tapetum.capture import trust
from tapetum.capture.addresses import without_secrets
from tapetum.capture.closing import Closing
from tapetum.capture.decode import Decoder, ffmpeg_version
from tapetum.capture.framing import Framer
from tapetum.capture.reasons import not_opened
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame

_OPTIONS = {"fpsprobesize": "0", "analyzeduration": "500000"}
"""FFmpeg looks at a stream for up to 5 s to guess its frame rate, which nobody here asks for: half a second will do."""
_RTSP_OPTIONS = {"rtsp_transport": "tcp", "allowed_media_types": "video", "probesize": "32"}
"""RTSP describes the stream before it begins, so that nothing has to be looked at (32 bytes is the least)."""
_CHECKING = 62
"""libavformat of FFmpeg 8, the first that checks certificates over rtsps://; those before pass over the option."""
_TOO_OLD = (
    "this PyAV's FFmpeg is older than 8 and cannot check the certificate of rtsps://: "
    'pip install --upgrade "av>=16"; or set tls_verify = false, and anybody on the way may pass for the camera'
)
_IN_PIECES = ("hls", "dash")
"""Playlists: FFmpeg fetches the pieces that they name without checking whose they are."""
_UNCHECKED = (
    "{}: a playlist (HLS, DASH), of whose pieces no certificate would be checked: "
    "take the camera's RTSP stream; or set tls_verify = false, and anybody on the way may pass for the camera"
)


class Stream(SourceSettings, tag="stream", frozen=True, kw_only=True):
    """A network camera's address."""

    key: ClassVar[str] = "url"
    url: Annotated[str, Meta(pattern=r"^(rtsps?|https?)://")]  # may hold user:password@; they are never shown
    timeout_s: Annotated[float, Meta(ge=1, le=60)] = 5.0  # without a picture for so long, it is opened again
    tls_verify: bool = True  # of rtsps:// and https://: the certificate must be trusted, and made out to the host
    ca: str = ""  # PEM file of the authority that signed it, or of the certificate; "": those that the system trusts

    def check(self, place: str) -> None:
        """As of `SourceSettings.check`."""
        trust.check(self.ca, self.tls_verify, self._secured, place)

    def open(self, camera: str, clock: Clock) -> "StreamSource":
        """Connect; raises SourceError when the camera does not answer, ConfigError when it cannot be checked."""
        where = without_secrets(self.url)
        context = trust.context(self.ca) if self._secured and self.tls_verify else None
        try:
            decoder = self._decoder()
        except SourceError as error:
            said = str(error).removeprefix(f"{where}: ")
            raise not_opened(where, said, self.timeout_s, context) from None
        return StreamSource(decoder, Framer(camera, self.analysis_width), clock, where)

    @property
    def _secured(self) -> bool:
        return self.url.startswith(("rtsps:", "https:"))

    def _decoder(self) -> Decoder:
        options = _OPTIONS | (_RTSP_OPTIONS if self.url.startswith("rtsp") else {})
        if not self._secured:
            return Decoder(self.url, self.timeout_s, self.timeout_s, options)
        if self.tls_verify and self.url.startswith("rtsps:") and ffmpeg_version() < _CHECKING:
            raise ConfigError(_TOO_OLD, "tls_verify")
        decoder = Decoder(self.url, self.timeout_s, self.timeout_s, options | trust.options(self.ca, self.tls_verify))
        if self.tls_verify and decoder.format in _IN_PIECES:
            decoder.close()
            raise ConfigError(_UNCHECKED.format(without_secrets(self.url)), "tls_verify")
        return decoder


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
