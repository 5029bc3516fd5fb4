"""The rows of the tables: each method that there is and each peer, on the scenes of one kind."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tapetum.bench.motion import course
from tapetum.bench.motion.contenders import METHODS, SURE, Answer, Contender, everyone, name_of, peers
from tapetum.bench.motion.course import Record
from tapetum.bench.motion.score import scored
from tapetum.bench.motion.sequence import Picture
from tapetum.capture.framing import no_colour
from tapetum.motion import Method
from tapetum.progress import Progress
from tapetum.scene import Frame, Plane
from tapetum.tracking import Tracking
from tests.motion.figures import recordings, weather

FIRST = 20
"""Frames after a start, whose cost is told."""
_AFTER = 10 * weather.FPS  # frames after an event in which it must fall silent

Row = dict[str, Any]
Records = dict[str, Record]


def shown(what: str, pictures: Iterable[Picture], frames: int, who: Sequence[Contender] = ()) -> Records:
    """Return the records of `who`, or of everybody, each new, on `pictures`; a bar shows how far it is."""
    with Progress(what, frames) as bar:
        return course.run(pictures, who or everyone(), lambda turn, _: bar.step(len(turn)))


def accuracy(data: Path) -> list[Row]:
    """F-measures by day and in the thermal scene, and by how much they suffer from the first frames of a cold start."""
    warm = shown("highway", recordings.highway(data), 1100)
    cold = shown("highway from 470 on", recordings.highway(data, recordings.JUDGED), 631)
    thermal = shown("thermal", recordings.thermal(data), 118)
    rows = []
    for name, record in warm.items():
        score = scored(record.counts)
        row: Row = {"method": name, "highway": score.f, "precision": score.precision, "recall": score.recall}
        row |= {"highway_cold": f_of(cold[name]), "lost_at_first": lost(cold[name])}
        score = scored(thermal[name].counts)
        row |= {"thermal": score.f, "thermal_precision": score.precision, "thermal_recall": score.recall}
        rows.append(row | {"thermal_lost_at_first": lost(thermal[name])})
    return rows


class Unsettled(Answer):
    """An answer to which nothing is done that is done to all others: no median takes its speckle away."""

    def settled(self) -> Answer:
        """Return what is surely marked, as it is."""
        return Answer(np.asarray(cv2.compare(self.mask, SURE, cv2.CMP_GT), np.uint8), True)


def bare_mog2() -> Contender:
    """Return MOG2 on the values as they are, with nothing done before or after."""
    model = cv2.createBackgroundSubtractorMOG2(detectShadows=False)
    return Contender("MOG2 bare", lambda luma: Unsettled(np.asarray(model.apply(luma), np.uint8)), ours=False)


def night(data: Path) -> list[Row]:
    """F-measures on the highway by day, and darkened, before and after H.264, and as counted; MOG2 also bare."""
    codings: tuple[recordings.Coding, ...] = ("raw", "h264")
    kinds = [*((light, coding) for light in (0.04, 0.01) for coding in codings), (0.04, "counted")]
    found = {"day": shown("day", recordings.highway(data), 1100, [*everyone(), bare_mog2()])}
    for light, coding in kinds:
        what = f"{100 * light:g} % {coding}"
        dark = recordings.dark_highway(data, light, coding)
        found[what] = shown(what, dark, 1100, [*everyone(), bare_mog2()])
    return [{"method": name} | {what: f_of(records[name]) for what, records in found.items()} for name in found["day"]]


def quiet(data: Path | None, frames: int, seed: int = 1) -> list[Row]:
    """The share of frames with false motion, in percent: in the empty room, and in `frames` of each weather."""
    found: dict[str, dict[str, float]] = {}
    if data is not None:
        found["empty room"] = empty_room(data, [*map(followed, METHODS), *peers()])
    for what, make in weather.WEATHER.items():
        records = shown(what, simulated(make(seed), frames), frames)
        found[what] = {name: 100 * record.motion_share for name, record in records.items()}
    return [{"method": name} | {what: shares[name] for what, shares in found.items()} for name in found["noise"]]


def empty_room(data: Path, contenders: Sequence[Contender]) -> dict[str, float]:
    """Return for each contender in how much of the time in which nobody is in the room something moved, percent.

    Ours are told by the tracker what is followed, as in the product: who stands there for long is not to be learned.
    """
    empty: list[bool] = []

    def pictures() -> Iterator[Picture]:
        for one, nobody in recordings.room(data):
            empty.append(nobody)
            yield one

    records = shown("empty room", pictures(), 1394, contenders)
    return {
        name: 100 * sum(moves for moves, nobody in zip(record.moves, empty, strict=True) if nobody) / sum(empty)
        for name, record in records.items()
    }


def followed(kind: type[Method]) -> Contender:
    """Return a method with the tracker behind it, which holds boxes over what it follows."""
    detector, tracker, number = kind().start(), Tracking().start(), count()

    def find(luma: Plane) -> Answer:
        motion = detector.detect(luma, keep=tracker.held())
        index, gray = next(number), no_colour(luma.shape[1], luma.shape[0])
        tracker.update(motion, Frame("room", index, round(index * 1e9 / weather.FPS), luma, gray, gray, luma))
        return Answer(motion.mask, bool(motion.regions))

    return Contender(name_of(kind), find)


def events(seed: int = 1) -> list[Row]:
    """Seconds from an event to the last false motion of the ten that follow; 0 where there was none."""
    found = {}
    for what, (make, at) in weather.EVENTS.items():
        frames = at[-1] + _AFTER
        records = shown(what, simulated(make(seed), frames), frames)
        found[what] = {name: max(silent_after_s(record, event) for event in at) for name, record in records.items()}
    return [{"method": name} | {what: after[name] for what, after in found.items()} for name in found["cold_start"]]


def silent_after_s(record: Record, event: int) -> float:
    """Return how many seconds after frame `event` the last motion was, before the next event or the end."""
    late = [number for number, moves in enumerate(record.moves[event : event + _AFTER]) if moves]
    return (late[-1] + 1) / weather.FPS if late else 0.0


def simulated(lumas: Iterator[Plane], frames: int) -> Iterator[Picture]:
    """Yield `frames` of a scene without a truth."""
    return (Picture(number, luma, None) for number, luma in enumerate(islice(lumas, frames)))


def f_of(record: Record) -> float:
    """Return the F-measure over all judged frames; 0 where nothing was found."""
    return scored(record.counts).f or 0.0


def lost(record: Record) -> float:
    """Return by how much the F-measure rises if the first 20 frames do not count."""
    return (scored(record.counts[FIRST:]).f or 0.0) - f_of(record)
