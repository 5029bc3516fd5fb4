"""One camera's two loops, without their threads: capture hands frames over, analysis takes the newest."""

import statistics
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from tapetum.alerts.stamp import Stamper
from tapetum.capture.reopen import Reopening
from tapetum.clock import Clock
from tapetum.config import CameraSettings
from tapetum.inference.model import Model
from tapetum.latest import Latest
from tapetum.motion.damping import Area
from tapetum.outlet import Outlet
from tapetum.pipeline import Pipeline
from tapetum.scene import Condition, Frame, State
from tapetum.systemd import Watchdog
from tapetum.tracking.nuisance import Nuisance

_LOST_NS = 10_000_000_000  # without a frame for so long, the camera is lost
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class CameraState:
    """What health tells of a camera.

    fps: frames analysed a second, lately. rejected: how many things were taken for nobody, and why.
    """

    condition: str
    captured: int
    analysed: int
    dropped: int
    corrupt: int
    failures: int
    fps: float
    analysis_ms: float
    tracks: int
    rejected: Mapping[Nuisance, int]
    damped: int
    asked: int
    refused: int
    over_budget: int
    last_error: str


class Camera:
    """A camera, its pipeline and its figures. `capture` and `analyse` are the bodies of its threads."""

    def __init__(self, name: str, settings: CameraSettings, pipeline: Pipeline, outlet: Outlet, clock: Clock) -> None:
        self.name = name
        self.settings = settings
        self._pipeline = self._wanted = pipeline
        self._outlet = outlet
        self._clock = clock
        self._latest: Latest[Frame] = Latest()
        self._source = Reopening(name, settings.source, clock, self._deliver)
        self._stop = threading.Event()
        self._captured = self._analysed = self._tracks = 0
        self._condition = Condition.OPENING
        self._moving: bool | None = None
        self._damped: tuple[Area, ...] = ()
        self._last_ns = clock.now_ns()  # when the last frame came
        self._costs_s: deque[float] = deque(maxlen=100)
        self._times_ns: deque[int] = deque(maxlen=100)

    @property
    def ended(self) -> bool:
        """Whether its clip has come to its end and all of it was analysed."""
        return self._source.ended and not self._latest.waiting()

    @property
    def counts(self) -> tuple[int, int]:
        """How many pictures came, and how many of them were analysed."""
        return self._captured, self._analysed

    def change(self, settings: CameraSettings, model: Model, stamper: Stamper) -> None:
        """Analyse by `settings` from the next frame on; their source is the one that runs."""
        self._wanted = self._wanted.changed(self.settings, settings, model, stamper)
        self.settings = settings

    def clear_damped(self) -> None:
        """Forget from the next frame on where something moves all the time; it is learned anew."""
        self._wanted = self._wanted.undamped(self.settings.damping)

    def capture(self) -> None:
        """Take pictures until `close`."""
        self._source.run(self._stop)
        self._latest.close()

    def analyse(self, watchdog: Watchdog) -> None:
        """Analyse the newest picture, again and again, until `close`; then end what is under way."""
        self._outlet.condition(self.name, Condition.OPENING, self._last_ns)
        self._outlet.damped(self.name, self._damped)
        try:
            self._watch(watchdog)
        finally:
            self._rest()
        if self._source.ended:
            watchdog.leave(self.name)

    def close(self) -> None:
        """Let both loops end."""
        self._stop.set()
        self._source.close()
        self._latest.close()

    def state(self) -> CameraState:
        """Return the figures for health."""
        times = list(self._times_ns)
        span_s = (times[-1] - times[0]) / 1e9 if len(times) > 1 else 0.0
        labeller, tracker = self._wanted.labeller, self._wanted.tracker
        return CameraState(
            condition=self._condition,
            captured=self._captured,
            analysed=self._analysed,
            dropped=self._latest.dropped,
            corrupt=self._source.corrupt,
            failures=self._source.failures,
            fps=round((len(times) - 1) / span_s, 2) if span_s else 0.0,
            analysis_ms=round(1e3 * statistics.median(self._costs_s), 3) if self._costs_s else 0.0,
            tracks=self._tracks,
            rejected=dict(tracker.rejected),
            damped=len(self._damped),
            asked=labeller.asked,
            refused=labeller.refused,
            over_budget=labeller.scheduler.over_budget,
            last_error=self._source.last_error,
        )

    def _watch(self, watchdog: Watchdog) -> None:
        while not self._stop.is_set():
            frame = self._latest.take(_LOOK_S)
            if frame is not None:
                self._adopt()
                self._step(frame)
                watchdog.turn(self.name)
            elif self._latest.closed:
                break
            elif self._is_lost():
                watchdog.turn(self.name)

    def _deliver(self, frame: Frame, lossless: bool) -> None:
        self._captured = frame.seq
        self._latest.put(frame, wait=lossless)

    def _step(self, frame: Frame) -> None:
        start_s = time.thread_time()
        result = self._pipeline.step(frame)
        self._costs_s.append(time.thread_time() - start_s)
        self._times_ns.append(self._clock.now_ns())
        self._last_ns = self._times_ns[-1]
        self._analysed += 1
        self._tracks = sum(track.state is not State.TENTATIVE for track in result.tracks)
        for sighting in result.sightings:
            self._outlet.alert(sighting, frame, self.settings.rules.snapshot)
        self._say_motion(self._tracks > 0)
        self._say_damped(self._pipeline.damper.areas)
        self._say_condition(result.motion.condition)

    def _adopt(self) -> None:
        """Go over to the pipeline that is wanted, between two frames."""
        before, self._pipeline = self._pipeline, self._wanted
        if self._pipeline.gate is not before.gate:
            self._end(before)

    def _end(self, pipeline: Pipeline) -> None:
        """End the sightings under way: nobody looks any more."""
        for sighting in pipeline.close(self._clock.now_ns()):
            self._outlet.alert(sighting, None, snapshot=False)

    def _rest(self) -> None:
        """Say that nothing is seen, where nobody looks any more."""
        self._end(self._pipeline)
        self._tracks = 0
        self._say_motion(False)

    def _is_lost(self) -> bool:
        if self._clock.now_ns() - self._last_ns < _LOST_NS:
            return False
        if self._condition is not Condition.LOST:
            self._rest()
        self._say_condition(Condition.LOST)
        return True

    def _say_condition(self, condition: Condition) -> None:
        if condition is not self._condition:
            self._condition = condition
            self._outlet.condition(self.name, condition, self._last_ns)

    def _say_damped(self, areas: tuple[Area, ...]) -> None:
        if areas != self._damped:
            self._damped = areas
            self._outlet.damped(self.name, areas)

    def _say_motion(self, on: bool) -> None:
        if on is not self._moving:
            self._moving = on
            self._outlet.motion(self.name, on)
