"""What every camera is to the daemon, whatever it is made of."""

from typing import Annotated, ClassVar, Protocol

from msgspec import Meta

from tapetum.clock import Clock
from tapetum.scene import Frame
from tapetum.settings import Settings


class Source(Protocol):
    """An opened camera. One thread reads; any thread may close."""

    lossless: bool
    """True for a clip played as fast as the analysis goes: every frame is analysed, none replaced."""

    def read(self) -> Frame | None:
        """Return the next frame, or None when a clip has come to its end.

        Raises SourceError when the camera fails, stalls past its time-out or has been closed.
        """
        ...

    def close(self) -> None:
        """Let the camera go; a `read` under way ends soon. Closing twice is allowed."""
        ...


class SourceSettings(Settings, frozen=True, tag_field="type"):
    """Settings that every source has. Its class says which: `source = { type = "stream", url = "..." }`."""

    key: ClassVar[str] = "type"
    """The setting to look at when it cannot be opened: the one that says where it is."""

    analysis_width: Annotated[int, Meta(ge=64, le=1920)] = 384  # pixels: luma is y reduced by a whole factor

    def check(self, place: str) -> None:
        """Raise ConfigError for what no type can say; `place` is the table in which it stands."""

    def missing(self) -> str:
        """Return what it needs and is not there now, or "": it may come, so the daemon tries again and again."""
        return ""

    def open(self, camera: str, clock: Clock) -> Source:
        """Open it for the camera called `camera`.

        Raises SourceError (tried again) when it cannot be opened now, ConfigError when it never will be.
        """
        raise NotImplementedError
