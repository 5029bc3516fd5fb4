"""What the product makes of the clips: false sightings, and people who were told of."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapetum.alerts.stamp import SequenceStamper
from tapetum.capture import Synthetic
from tapetum.clock import SystemClock
from tapetum.config import CameraSettings
from tapetum.pipeline import Pipeline
from tapetum.scene import Box, Kind
from tests.tracking.nuisances.clips import Clip, NoModel, nuisance, passing
from tests.tracking.nuisances.places import FPS

TUNED = 100
"""Clips with numbers below this were looked at when the filter's limits were chosen."""
_ON = 0.3  # of a sighting's box over somebody's, or the other way round: it is they who were seen


@dataclass(frozen=True)
class Verdict:
    """What came of one clip.

    false: sightings of what is nobody. after_s: how long after they came somebody was seen; None: nobody was.
    rejected: how many things were taken for nobody, and why.
    """

    clip: Clip
    false: int
    after_s: float | None
    rejected: Counter[str]


def played(data: Path, clips: int) -> Iterator[Verdict]:
    """Yield what comes of so many clips with nobody in them, and of so many with somebody: none on which was tuned."""
    stages = CameraSettings(source=Synthetic())
    for make in (nuisance, passing):
        for number in range(TUNED, TUNED + clips):
            yield judged(make(data, number), stages)


def judged(clip: Clip, stages: CameraSettings) -> Verdict:
    """Play `clip` to a pipeline without a model, to which all that is believed is a sighting."""
    pipeline = Pipeline.start(stages, NoModel(), SequenceStamper(SystemClock(), 1))
    false, came, seen = 0, None, None
    for number, (frame, box) in enumerate(clip.frames):
        came = number if came is None and box else came
        for sighting in pipeline.step(frame).sightings:
            if sighting.kind is not Kind.STARTED:
                continue
            if box is not None and came is not None and _shows(sighting.box, box):
                seen = (number - came) / FPS if seen is None else seen
            else:
                false += 1
    return Verdict(clip, false, seen, Counter({str(reason): n for reason, n in pipeline.tracker.rejected.items()}))


def summary(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Return a row for each kind of clip, those with people last."""
    kinds = list(dict.fromkeys(verdict.clip.kind for verdict in verdicts))
    rows = []
    for kind in kinds:
        own = [verdict for verdict in verdicts if verdict.clip.kind == kind]
        delays = sorted(one.after_s for one in own if one.after_s is not None)
        rejected: Counter[str] = sum((one.rejected for one in own), Counter())
        rows.append(
            {
                "kind": kind,
                "clips": len(own),
                "false_sightings": sum(one.false for one in own),
                "seen": len(delays),
                "after_s": delays[len(delays) // 2] if delays else None,
                **{reason: rejected[reason] for reason in ("light", "blurred", "scattered", "erratic")},
            }
        )
    return rows


def _shows(found: Box, box: Box) -> bool:
    return found.overlap(box) > _ON * min(box.area, found.area)
