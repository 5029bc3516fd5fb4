"""A clip as a camera: at its own pace, in a loop, or as fast as the analysis goes."""

import threading
from typing import Literal

from tapetum.capture.decode import Decoder, Picture, existing
from tapetum.capture.framing import Framer
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import SourceError
from tapetum.scene import Frame

_OPEN_S = 10.0
_READ_S = 10.0


class File(SourceSettings, tag="file", frozen=True, kw_only=True):
    """A video file."""

    path: str
    pace: Literal["clip", "analysis"] = "clip"  # "analysis": every frame, as fast as it is analysed, in the clip's time
    loop: bool = False

    def open(self, camera: str, clock: Clock) -> "FileSource":
        """Open the clip; raises ConfigError when there is none, SourceError when it is no video."""
        decoder = Decoder(str(existing(self.path)), _OPEN_S, _READ_S)
        return FileSource(self, decoder, Framer(camera, self.analysis_width), clock)


class FileSource:
    """The running clip; t_ns is the opening's time plus the clip's own, over all rounds of a loop."""

    def __init__(self, settings: File, decoder: Decoder, framer: Framer, clock: Clock) -> None:
        self.lossless = settings.pace == "analysis"
        self._loop = settings.loop
        self._decoder = decoder
        self._framer = framer
        self._clock = clock
        self._closed = threading.Event()
        self._start_ns = clock.now_ns()
        self._period_ns = int(1e9 / decoder.rate)
        self._round_ns = 0  # where this round of the loop began, since the opening
        self._last_ns = -self._period_ns

    @property
    def corrupt(self) -> int:
        """Packets that could not be decoded."""
        return self._decoder.corrupt

    def read(self) -> Frame | None:
        """Return the next frame when it is due; None at the clip's end, unless it loops."""
        picture = self._next()
        if picture is None:
            return None
        t_ns = self._start_ns + self._last_ns
        if not self.lossless:
            self._clock.wait(self._closed, (t_ns - self._clock.now_ns()) / 1e9)
        if self._closed.is_set():
            raise SourceError("the clip was closed")
        return picture.frame(self._framer, t_ns)

    def close(self) -> None:
        """End a wait under way; the file goes with the source."""
        self._closed.set()

    def _next(self) -> Picture | None:
        picture = self._decoder.read()
        if picture is None and self._loop and self._last_ns >= self._round_ns:
            self._round_ns = self._last_ns + self._period_ns
            self._decoder.rewind()
            picture = self._decoder.read()
        if picture is not None:
            self._last_ns = self._time_ns(picture)
        return picture

    def _time_ns(self, picture: Picture) -> int:
        """Return the clip's time of `picture` over all rounds, always later than the last."""
        if picture.time_s is None:
            return self._last_ns + self._period_ns
        return max(self._round_ns + int(picture.time_s * 1e9), self._last_ns + 1_000_000)
