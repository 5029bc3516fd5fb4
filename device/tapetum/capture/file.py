"""A clip as a camera: at its own pace, in a loop, or as fast as the analysis goes."""

from typing import ClassVar, Literal

from tapetum.capture.closing import Closing
from tapetum.capture.decode import Decoder, Picture, existing
from tapetum.capture.framing import Framer
from tapetum.capture.source import SourceSettings
from tapetum.clock import Clock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame

_OPEN_S = 10.0
_READ_S = 10.0
_LONGEST_GAP_S = 10.0  # between two pictures; what is longer is a damaged time, or nobody's idea of a clip
_SHORTEST_NS = 1_000_000


class File(SourceSettings, tag="file", frozen=True, kw_only=True):
    """A video file."""

    key: ClassVar[str] = "path"
    path: str
    pace: Literal["clip", "analysis"] = "clip"  # "analysis": every frame, as fast as it is analysed, in the clip's time
    loop: bool = False

    def missing(self) -> str:
        """As of `SourceSettings.missing`."""
        try:
            existing(self.path)
        except ConfigError as error:
            return str(error)
        return ""

    def open(self, camera: str, clock: Clock) -> "FileSource":
        """Open the clip; raises ConfigError when there is none, SourceError when it is no video."""
        path = str(existing(self.path))
        try:
            decoder = Decoder(path, _OPEN_S, _READ_S)
        except SourceError as error:
            raise SourceError(f"{error}; `path` must name a video that is whole and that this user may read") from None
        return FileSource(self, decoder, Framer(camera, self.analysis_width), clock)


class FileSource:
    """The running clip; t_ns is the opening's time plus the clip's own, over all rounds of a loop."""

    def __init__(self, settings: File, decoder: Decoder, framer: Framer, clock: Clock) -> None:
        self.lossless = settings.pace == "analysis"
        self._loop = settings.loop
        self._decoder = decoder
        self._framer = framer
        self._clock = clock
        self._closing = Closing(settings.path, decoder.close)
        self._period_ns = max(_SHORTEST_NS, int(1e9 / decoder.rate))
        self._due_ns = clock.now_ns() - self._period_ns
        self._last_s: float | None = None  # the last picture's time in the clip
        self._empty = True  # no picture in this round yet

    @property
    def corrupt(self) -> int:
        """Packets that could not be decoded, or only in part."""
        return self._decoder.corrupt

    def read(self) -> Frame | None:
        """Return the next frame when it is due; None at the clip's end, unless it loops."""
        with self._closing.reading():
            picture = self._next()
            if picture is None:
                return None
            self._step(picture)
            if not self.lossless:
                self._clock.wait(self._closing.asked, (self._due_ns - self._clock.now_ns()) / 1e9)
            self._closing.check()
            return picture.frame(self._framer, self._due_ns)

    def close(self) -> None:
        """End a wait under way and let the file go."""
        self._closing.close()

    def _next(self) -> Picture | None:
        picture = self._decoder.read()
        if picture is None and self._loop and not self._empty:
            self._empty = True
            self._decoder.rewind()
            picture = self._decoder.read()
        self._empty = self._empty and picture is None
        return picture

    def _step(self, picture: Picture) -> None:
        """Say when `picture` is due: as long after the last one as in the clip, whatever time that began with."""
        step_ns = self._period_ns
        if picture.time_s is not None:
            if self._last_s is not None and 0 < picture.time_s - self._last_s <= _LONGEST_GAP_S:
                step_ns = max(_SHORTEST_NS, round((picture.time_s - self._last_s) * 1e9))
            self._last_s = picture.time_s
        self._due_ns += step_ns
