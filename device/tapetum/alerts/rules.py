"""Which sightings are let out as alerts: by label, by score, by zone, and not too often.

The rules choose what starts. What has started is told to its end, and truly: its score may fall, and it is corrected
as soon as another label has the score that would let it out, even to one that the rules keep in. Whoever acted on
`started` must hear that it was something else, and an end that never comes would leave them waiting.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from msgspec import Meta

from tapetum.alerts.stamp import Stamper
from tapetum.scene import Frame, Kind, Label, Sighting, State, Track
from tapetum.settings import Fraction, Settings
from tapetum.zones import Zone


class Rules(Settings, frozen=True):
    """What is let out."""

    labels: tuple[str, ...] = ()  # only these start an alert; empty: all
    zones: tuple[str, ...] = ()  # only what stands in one of these starts an alert; empty: everywhere
    min_score: Fraction = 0.5  # of a track's label that starts an alert, or corrects one
    cooldown_s: Annotated[float, Meta(ge=0, le=86400)] = 0.0  # after an alert, before the same label may start another
    update_s: Annotated[float, Meta(ge=0.2, le=86400)] = 5.0  # between two `updated` of one sighting
    snapshot: bool = True  # send a picture of what started an alert

    def start(self, stamper: Stamper, zones: Sequence[Zone] = ()) -> "Gate":
        """Return a gate that has let nothing out yet; `zones` are the camera's."""
        return Gate(self, stamper, [zone for zone in zones if zone.name in self.zones])


@dataclass(slots=True)
class _Out:
    """A sighting under way."""

    last: Sighting
    told_ns: int


class Gate:
    """The running rules of one camera."""

    def __init__(self, settings: Rules, stamper: Stamper, zones: Sequence[Zone]) -> None:
        self._zones = zones
        self._settings = settings
        self._stamper = stamper
        self._out: dict[int, _Out] = {}
        self._started_ns: dict[str, int] = {}
        self._muted: set[tuple[int, str]] = set()  # (track, label) that came in a cool-down: kept in for good

    def sightings(self, tracks: Sequence[Track], labels: Mapping[int, Label], frame: Frame) -> list[Sighting]:
        """Return what is to be told now: what began, what has gone on for a while or changed its name, what ended."""
        told = []
        for track in tracks:
            label = labels.get(track.id)
            if track.id in self._out:
                told += self._updated(track, label, frame)
            elif label is not None and self._lets_out(track, label, frame):
                told.append(self._tell(Kind.STARTED, track, label, frame))
        alive = {track.id for track in tracks}
        self._muted = {muted for muted in self._muted if muted[0] in alive}
        return told + [self._ended(track, frame.t_ns) for track in list(self._out) if track not in alive]

    def close(self, t_ns: int) -> list[Sighting]:
        """Return the end of every sighting under way: nobody looks any more."""
        return [self._ended(track, t_ns) for track in list(self._out)]

    def _lets_out(self, track: Track, label: Label, frame: Frame) -> bool:
        wanted = not self._settings.labels or label.name in self._settings.labels
        believed = track.state in (State.CONFIRMED, State.STILL)
        if self._zones and not any(zone.holds(track.box) for zone in self._zones):
            return False
        if (
            not (wanted and believed and label.score >= self._settings.min_score)
            or (track.id, label.name) in self._muted
        ):
            return False
        since_ns = frame.t_ns - self._started_ns.get(label.name, -(1 << 62))
        if since_ns < self._settings.cooldown_s * 1e9:
            self._muted.add((track.id, label.name))
            return False
        self._started_ns[label.name] = frame.t_ns
        return True

    def _updated(self, track: Track, label: Label | None, frame: Frame) -> list[Sighting]:
        out = self._out[track.id]
        renamed = label is not None and label.name != out.last.label
        if label is None or (renamed and label.score < self._settings.min_score):
            label, renamed = Label(out.last.label, out.last.score, out.last.model), False
        if not renamed and frame.t_ns - out.told_ns < self._settings.update_s * 1e9:
            out.last = replace(out.last, box=track.box, score=round(label.score, 4), model=label.model)
            return []
        return [self._tell(Kind.UPDATED, track, label, frame)]

    def _tell(self, kind: Kind, track: Track, label: Label, frame: Frame) -> Sighting:
        stamp = self._stamper.stamp(frame.t_ns)
        sighting = Sighting(
            id=stamp.id,
            seq=stamp.seq,
            camera=frame.camera,
            kind=kind,
            track=track.id,
            label=label.name,
            score=round(label.score, 4),
            box=track.box,
            at=stamp.at,
            clock=stamp.clock,
            model=label.model,
        )
        self._out[track.id] = _Out(sighting, frame.t_ns)
        return sighting

    def _ended(self, track: int, t_ns: int) -> Sighting:
        stamp = self._stamper.stamp(t_ns)
        last = self._out.pop(track).last
        return replace(last, id=stamp.id, seq=stamp.seq, kind=Kind.ENDED, at=stamp.at, clock=stamp.clock)
