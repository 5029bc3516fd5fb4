"""A camera that is opened again as often as it fails: slower and slower, and at once quick when it works again."""

import dataclasses
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
_JITTER = 0.5  # share by which a wait may be longer, so that cameras that failed together do not come back together


class Reopening:
    """`run` is the body of a capture thread: it hands every frame to `deliver`, whatever the camera does."""

    def __init__(self, camera: str, settings: AnySource, clock: Clock, deliver: Callable[[Frame, bool], None]) -> None:
        """Give `deliver` each frame, and whether none may be lost; `seq` goes on rising when the camera is reopened."""
        self._camera = camera
        self._settings = settings
        self._clock = clock
        self._deliver = deliver
        self._source: Source | None = None
        self._seq = 0
        self._corrupt = 0
        self.ended = False  # a clip came to its end
        self.failures = 0
        self.last_error = ""

    @property
    def corrupt(self) -> int:
        """Packets that could not be decoded, or only in part, since the start."""
        return self._corrupt + int(getattr(self._source, "corrupt", 0))

    def run(self, stop: threading.Event) -> None:
        """Deliver frames until `stop` is set or a clip ends."""
        delay_s = _SHORTEST_S
        while not (stop.is_set() or self.ended):
            before = self._seq
            try:
                self.run_once(stop)
                continue
            except (SourceError, ConfigError) as error:
                reason = f"{error}; look at camera.{self._camera}.source.{error.key or self._settings.key}"
            if stop.is_set():
                return
            self._fail(reason)
            delay_s = _SHORTEST_S if self._seq > before else delay_s
            self._clock.wait(stop, min(_LONGEST_S, delay_s * random.uniform(1, 1 + _JITTER)))  # noqa: S311  no secret
            delay_s *= 2

    def run_once(self, stop: threading.Event) -> None:
        """Open the camera and deliver its frames; raises SourceError when it fails.

        The camera is let go before this returns: many can be open only once.
        """
        self._source = source = self._settings.open(self._camera, self._clock)
        offset = self._seq
        _log.info("camera %s: opened", self._camera)
        try:
            while not stop.is_set():
                frame = source.read()
                if frame is None:
                    self.ended = True
                    return
                self._seq = offset + frame.seq
                self.last_error = ""
                self._deliver(dataclasses.replace(frame, seq=self._seq) if offset else frame, source.lossless)
        finally:
            self._corrupt = self.corrupt
            self._source = None
            source.close()

    def close(self) -> None:
        """Let a `run` under way end soon."""
        source = self._source
        if source is not None:
            source.close()

    def _fail(self, reason: str) -> None:
        self.failures += 1
        if reason != self.last_error:
            _log.warning("camera %s: %s; it is opened again", self._camera, reason)
        self.last_error = reason
