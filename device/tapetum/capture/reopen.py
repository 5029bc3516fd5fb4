"""A camera that is opened again as often as it fails: slower and slower, and at once quick when it works again."""

import logging
import random
import threading
from collections.abc import Callable

from tapetum.capture import AnySource, Source
from tapetum.clock import Clock
from tapetum.errors import ConfigError, SourceError
from tapetum.scene import Frame

_log = logging.getLogger(__name__)
_SHORTEST_S, _LONGEST_S = 1.0, 30.0


class Reopening:
    """`run` is the body of a capture thread: it hands every frame to `deliver`, whatever the camera does."""

    def __init__(self, camera: str, settings: AnySource, clock: Clock, deliver: Callable[[Frame, bool], None]) -> None:
        """`deliver` gets each frame, and whether none may be lost."""
        self._camera = camera
        self._settings = settings
        self._clock = clock
        self._deliver = deliver
        self._source: Source | None = None
        self._offset = 0
        self._seq = 0
        self.ended = False  # a clip came to its end
        self.failures = 0
        self.last_error = ""

    @property
    def corrupt(self) -> int:
        """Packets that could not be decoded, of the source as it is open now."""
        return int(getattr(self._source, "corrupt", 0))

    def run(self, stop: threading.Event) -> None:
        """Deliver frames until `stop` is set or a clip ends."""
        delay_s = _SHORTEST_S
        while not (stop.is_set() or self.ended):
            before = self._seq
            try:
                self.run_once(stop)
            except (SourceError, ConfigError) as error:
                self._fail(str(error), stop)
                delay_s = _SHORTEST_S if self._seq > before else min(_LONGEST_S, 2 * delay_s)
                self._clock.wait(stop, delay_s * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not a secret

    def run_once(self, stop: threading.Event) -> None:
        """Open the camera and deliver its frames; raises SourceError when it fails."""
        self._source = source = self._settings.open(self._camera, self._clock)
        self._offset = self._seq
        _log.info("camera %s: opened", self._camera)
        try:
            while not stop.is_set():
                frame = source.read()
                if frame is None:
                    self.ended = True
                    return
                self._seq = self._offset + frame.seq
                self.last_error = ""
                self._deliver(frame, source.lossless)
        finally:
            source.close()

    def close(self) -> None:
        """Let a `run` under way end soon."""
        if self._source is not None:
            self._source.close()

    def _fail(self, reason: str, stop: threading.Event) -> None:
        self.failures += 1
        if reason != self.last_error and not stop.is_set():
            _log.warning("camera %s: %s; it is opened again", self._camera, reason)
        self.last_error = reason
