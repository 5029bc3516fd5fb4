"""A clip through the same pipeline, every frame, with the same result each time.

The daemon never waits for the model. Here each frame waits for the answer to what the one before it asked, so that the
result depends on the clip alone and not on how fast this machine is.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tapetum import bundle
from tapetum.alerts.stamp import SequenceStamper
from tapetum.capture import File
from tapetum.clock import Clock, SystemClock
from tapetum.config import CameraSettings
from tapetum.errors import SourceError
from tapetum.inference.client import Worker
from tapetum.inference.scheduler import Reason
from tapetum.inference.settings import Inference
from tapetum.pipeline import Pipeline, Result
from tapetum.scene import Frame, Sighting
from tapetum.tracking.nuisance import Nuisance


@dataclass(slots=True)
class Tally:
    """What a replay came to. cpu_s: of the analysis alone, decoding and the worker not counted, a figure a frame."""

    frames: int = 0
    reasons: Mapping[Reason, int] = field(default_factory=dict)  # why the model was asked, and how often
    rejected: Mapping[Nuisance, int] = field(default_factory=dict)  # what was taken for nobody, and why
    last_ns: int = 0
    start_ns: int = 0
    cpu_s: list[float] = field(default_factory=list)
    sightings: list[tuple[float, Sighting]] = field(default_factory=list)  # with the clip's time, seconds

    @property
    def asked(self) -> int:
        """How often the model was asked."""
        return sum(self.reasons.values())


@contextmanager
def worker(settings: Inference) -> Iterator[Worker]:
    """Give a running inference worker; raises ConfigError when the model cannot be used."""
    stop = threading.Event()
    running = Worker(bundle.load(settings), settings)
    threads = [threading.Thread(target=body, args=(stop,), daemon=True) for body in (running.run, running.try_others)]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        stop.set()
        running.close()
        for thread in threads:
            thread.join()


def replay(
    clip: Path, stages: CameraSettings, model: Worker, clock: Clock, tally: Tally
) -> Iterator[tuple[Frame, Result]]:
    """Yield every frame of `clip` with what it came to, keeping count in `tally`; the last sightings end with it."""
    pipeline = Pipeline.start(stages, model.port("replay"), SequenceStamper(clock, 1))
    source = File(path=str(clip), pace="analysis", analysis_width=stages.source.analysis_width).open("replay", clock)
    while (frame := source.read()) is not None:
        tally.start_ns = tally.start_ns or frame.t_ns
        start_s = time.thread_time()
        result = pipeline.step(frame)
        tally.cpu_s.append(time.thread_time() - start_s)
        tally.frames += 1
        tally.reasons = pipeline.labeller.scheduler.asked
        tally.rejected = pipeline.tracker.rejected
        tally.last_ns = frame.t_ns
        tally.sightings += [((frame.t_ns - tally.start_ns) / 1e9, sighting) for sighting in result.sightings]
        model.settle()
        yield frame, result
    end_s = (tally.last_ns - tally.start_ns) / 1e9
    tally.sightings += [(end_s, sighting) for sighting in pipeline.close(tally.last_ns)]


def first_frame(clip: Path) -> Frame:
    """Return the first frame of `clip`; raises SourceError where it cannot be played."""
    frame = File(path=str(clip), pace="analysis").open("replay", SystemClock()).read()
    if frame is None:
        raise SourceError(f"{clip}: holds no picture")
    return frame


def frame_count(clip: Path) -> int:
    """Return how many frames the container says there are; 0 where it does not, or is no video."""
    try:
        import av  # noqa: PLC0415  an extra; what needs it says so when the clip is opened
    except ImportError:
        return 0
    try:
        with av.open(str(clip)) as container:
            return container.streams.video[0].frames
    except (av.FFmpegError, OSError, IndexError):
        return 0
