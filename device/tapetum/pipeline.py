"""The data flow: a frame in, sightings out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tapetum.alerts.rules import Gate, Rules
from tapetum.alerts.stamp import Stamper
from tapetum.enhance.night import Night, NightVision
from tapetum.inference.labeller import Labeller, Labelling
from tapetum.inference.model import Model
from tapetum.motion import Method, MotionDetector
from tapetum.scene import Frame, Label, Motion, Sighting, Track
from tapetum.tracking import Tracker, Tracking


class Stages(Protocol):
    """The settings of one camera's stages."""

    @property
    def motion(self) -> Method: ...  # noqa: D102  the type says it

    @property
    def tracking(self) -> Tracking: ...  # noqa: D102

    @property
    def night(self) -> Night: ...  # noqa: D102

    @property
    def labelling(self) -> Labelling: ...  # noqa: D102

    @property
    def rules(self) -> Rules: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Result:
    """What one frame came to."""

    motion: Motion
    tracks: tuple[Track, ...]
    labels: Mapping[int, Label]
    sightings: list[Sighting]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages of one camera in the only order there is. Knows no thread, clock, file or socket."""

    motion: MotionDetector
    tracker: Tracker
    night: NightVision
    labeller: Labeller
    gate: Gate

    @classmethod
    def start(cls, stages: Stages, model: Model, stamper: Stamper) -> "Pipeline":
        """Return a pipeline that has seen no frame yet, and asks `model`."""
        night = stages.night.start()
        labeller = stages.labelling.start(model, night)
        return cls(stages.motion.start(), stages.tracking.start(), night, labeller, stages.rules.start(stamper))

    def step(self, frame: Frame) -> Result:
        """Take `frame` through every stage."""
        motion = self.motion.detect(frame.luma, keep=self.tracker.held())
        tracks = self.tracker.update(motion, frame)
        self.night.observe(frame.luma)
        labels = self.labeller.label(frame, tracks)
        self.tracker.verify(self.labeller.confirmed, frame.t_ns)
        return Result(motion, tracks, labels, self.gate.sightings(tracks, labels, frame))

    def close(self, t_ns: int) -> list[Sighting]:
        """Return the end of every sighting under way."""
        return self.gate.close(t_ns)
