"""The data flow: a frame in, sightings out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Protocol

from tapetum.alerts.rules import Gate, Rules
from tapetum.alerts.stamp import Stamper
from tapetum.enhance.night import Night, NightVision
from tapetum.inference.labeller import Labeller, Labelling
from tapetum.inference.model import Model
from tapetum.inference.scheduler import Scheduling
from tapetum.motion import Method, MotionDetector
from tapetum.motion.conditions import Conditions, ConditionWatch
from tapetum.motion.damping import Damper, Damping
from tapetum.scene import Frame, Label, Motion, Sighting, Track
from tapetum.tracking import Tracker, Tracking
from tapetum.zones import Zone


class Stages(Protocol):
    """The settings of one camera's stages."""

    @property
    def zones(self) -> tuple[Zone, ...]: ...  # noqa: D102

    @property
    def motion(self) -> Method: ...  # noqa: D102  the type says it

    @property
    def damping(self) -> Damping: ...  # noqa: D102

    @property
    def conditions(self) -> Conditions: ...  # noqa: D102

    @property
    def tracking(self) -> Tracking: ...  # noqa: D102

    @property
    def night(self) -> Night: ...  # noqa: D102

    @property
    def labelling(self) -> Labelling: ...  # noqa: D102

    @property
    def scheduling(self) -> Scheduling: ...  # noqa: D102

    @property
    def rules(self) -> Rules: ...  # noqa: D102


_MADE_OF = {
    "watch": attrgetter("conditions"),
    "motion": attrgetter("motion", "zones"),
    "damper": attrgetter("damping"),
    "tracker": attrgetter("tracking"),
    "night": attrgetter("night"),
    "labeller": attrgetter("labelling", "scheduling", "night"),
    "gate": attrgetter("rules", "zones"),
}
"""Which settings each part of a pipeline is made of."""


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

    watch: ConditionWatch
    motion: MotionDetector
    damper: Damper
    tracker: Tracker
    night: NightVision
    labeller: Labeller
    gate: Gate

    @classmethod
    def start(cls, stages: Stages, model: Model, stamper: Stamper) -> "Pipeline":
        """Return a pipeline that has seen no frame yet, and asks `model`."""
        motion, night = stages.motion.start(), stages.night.start()
        tracker = stages.tracking.start()
        motion.heed(stages.zones)
        tracker.mark(stages.zones)
        labeller = stages.labelling.start(stages.scheduling, model, night)
        return cls(
            stages.conditions.start(),
            motion,
            stages.damping.start(),
            tracker,
            night,
            labeller,
            stages.rules.start(stamper, stages.zones),
        )

    def changed(self, before: Stages, after: Stages, model: Model, stamper: Stamper) -> "Pipeline":
        """Return the pipeline for `after`, in which all that is set as it was `before` goes on with what it knows."""
        same = {name: getattr(self, name) for name, of in _MADE_OF.items() if of(before) == of(after)}
        pipeline = replace(Pipeline.start(after, model, stamper), **same)
        pipeline.tracker.mark(after.zones)
        return pipeline

    def undamped(self, damping: Damping) -> "Pipeline":
        """Return the same pipeline, with a damper that has learned nothing yet."""
        return replace(self, damper=damping.start())

    def step(self, frame: Frame) -> Result:
        """Take `frame` through every stage."""
        anew = self.watch.look(frame)
        found = self.watch.judge(self.motion.detect(frame.luma, keep=self.tracker.held(), anew=anew))
        motion = self.damper.passed(found)
        tracks = self.tracker.update(motion, frame)
        self.damper.learn(motion, tracks, frame.t_ns)
        self.night.observe(frame.luma)
        labels = self.labeller.label(frame, tracks)
        self.tracker.verify(self.labeller.confirmed, frame.t_ns)
        self.tracker.adopt(self.labeller.unmoved, frame.t_ns)
        self.tracker.heed(self.labeller.findings)
        return Result(motion, tracks, labels, self.gate.sightings(tracks, labels, frame))

    def close(self, t_ns: int) -> list[Sighting]:
        """Return the end of every sighting under way."""
        return self.gate.close(t_ns)
