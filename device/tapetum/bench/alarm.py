"""How well alerts tell of people who pass: each once, soon, and nothing else.

The truth is a JSON file: `fps`, and `people`, each with `visible` and `in_view`, the first and last frame (0 the first)
in which any part and at least half of the person is seen. `tests/replay` holds one and says how it was made.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapetum.capture import Synthetic
from tapetum.clock import SystemClock
from tapetum.config import CameraSettings
from tapetum.errors import ConfigError
from tapetum.inference.settings import Inference
from tapetum.progress import Progress
from tapetum.replay import Tally, frame_count, replay, worker
from tapetum.scene import Kind, Sighting

Timed = tuple[float, Sighting]
"""A sighting and the clip's time at which it was told, seconds."""


@dataclass(frozen=True, slots=True)
class Person:
    """When a person is seen, in seconds of the clip: at all, and at least half."""

    visible: tuple[float, float]
    in_view: tuple[float, float]


def run(clip: Path, truth: Path, inference: Inference) -> dict[str, Any]:
    """Return when each person's alert came and went, false alerts, and how often the model was asked."""
    people = read(truth)
    tally = Tally()
    with worker(inference) as model, Progress("alarm", frame_count(clip)) as bar:
        for _ in replay(clip, CameraSettings(source=Synthetic()), model, SystemClock(), tally):
            bar.step()
    share = tally.asked / max(1, tally.frames)
    figures = {"clip": clip.name, "frames": tally.frames, "asked": tally.asked, "asked_share": round(share, 4)}
    return figures | judged(tally.sightings, people)


def read(truth: Path) -> list[Person]:
    """Return the people of the file `truth`; raises ConfigError when it is no such file."""
    try:
        found = json.loads(truth.read_text(encoding="utf-8"))
        fps = float(found["fps"])
        return [
            Person(*((one[name][0] / fps, one[name][1] / fps) for name in ("visible", "in_view")))
            for one in found["people"]
        ]
    except OSError as error:
        raise ConfigError(f"--truth {truth}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, IndexError, ZeroDivisionError) as error:
        raise ConfigError(f"--truth {truth}: is no list of people and when they are seen: {error!r}") from None


def judged(told: Sequence[Timed], people: Sequence[Person]) -> dict[str, Any]:
    """Return `people`: what was told of each, and `false_alerts`: what was started while nobody was seen."""
    started = [(time_s, sighting) for time_s, sighting in told if sighting.kind is Kind.STARTED]
    ended = {sighting.track: (time_s, sighting) for time_s, sighting in told if sighting.kind is Kind.ENDED}
    rows, claimed = [], 0
    for person in people:
        first, last = person.visible
        own = [(time_s, sighting) for time_s, sighting in started if first <= time_s <= last]
        claimed += len(own)
        rows.append(_row(person, own, ended))
    return {"people": rows, "false_alerts": len(started) - claimed}


def _row(person: Person, own: list[Timed], ended: dict[int, Timed]) -> dict[str, Any]:
    row: dict[str, Any] = {"in_view_s": list(person.in_view), "alerts": len(own), "label": "", "started_s": None}
    row |= {"start_delay_s": None, "ended_s": None, "end_delay_s": None}
    if own:
        time_s, sighting = own[0]
        end = ended.get(sighting.track)
        row |= {"label": sighting.label, "started_s": round(time_s, 2)}
        row["start_delay_s"] = round(time_s - person.in_view[0], 2)
        if end:
            row |= {"label": end[1].label, "ended_s": round(end[0], 2)}
            row["end_delay_s"] = round(end[0] - person.in_view[1], 2)
    return row
