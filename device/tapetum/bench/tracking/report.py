"""`tapetum bench tracking`: the figures of all contenders on each sequence, and their means over the sequences."""

import statistics
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapetum.bench.tracking import course
from tapetum.bench.tracking.contenders import Contender, everyone
from tapetum.bench.tracking.picture import drawn
from tapetum.bench.tracking.score import Record
from tapetum.bench.tracking.sequence import Sequence as Frames
from tapetum.bench.tracking.sequence import Shown
from tapetum.drawing import Film
from tapetum.errors import ConfigError
from tapetum.progress import Progress
from tapetum.scene import Plane
from tapetum.tracking.follower import Followed


@dataclass(frozen=True, slots=True)
class _Ran:
    """What a sequence came to: a record for each contender."""

    sequence: Frames
    records: list[Record]
    size: str


def run(folders: Sequence[Path], seeds: int, only: Sequence[str], videos: Path | None) -> dict[str, Any]:
    """Return the figures on the sequences in `folders`; raises ConfigError when one is none, or a name unknown."""
    contenders = _chosen(everyone(seeds), only)
    sequences = [Frames.opened(folder) for folder in folders]
    with Progress("tracking", sum(len(one.corners) for one in sequences)) as bar:
        ran = [_run(one, contenders, videos, bar) for one in sequences]
    return {
        "sequences": len(ran),
        "frames": sum(len(one.records[0].costs_s) for one in ran),
        "seeds": seeds,
        "followers": _rows(contenders, [one.records for one in ran], [one.sequence for one in ran]),
        "by_sequence": [row for one in ran for row in _of_sequence(one, contenders)],
    }


def _chosen(contenders: list[Contender], only: Sequence[str]) -> list[Contender]:
    unknown = sorted(set(only) - {one.name for one in contenders})
    if unknown:
        names = ", ".join(dict.fromkeys(one.name for one in contenders))
        raise ConfigError(f"--only {unknown[0]}: is none of those that are here: {names}")
    return [one for one in contenders if not only or one.name in only]


def _run(sequence: Frames, contenders: list[Contender], videos: Path | None, bar: Progress) -> _Ran:
    sizes: dict[str, None] = {}
    with ExitStack() as stack:
        film = stack.enter_context(_film(sequence, videos))

        def after(shown: Shown, picture: Plane, answers: dict[str, Followed]) -> None:
            sizes["{}x{}".format(*shown.frame.size)] = None
            if videos:
                film.add_picture(drawn(picture, shown.there, answers))
            bar.step()

        records = course.run(sequence, contenders, after)
    if not records[0].ious:
        raise ConfigError(f"{sequence.source}: holds no frame that shows the thing")
    return _Ran(sequence, records, " ".join(sizes))


def _film(sequence: Frames, videos: Path | None) -> Film:
    if videos is None:
        return Film(None, sequence.source)
    try:
        videos.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--save-video {videos}: {error.strerror}; a folder is wanted") from None
    return Film(videos / f"{sequence.name}.mp4", sequence.source)


def _of_sequence(ran: _Ran, contenders: list[Contender]) -> list[dict[str, Any]]:
    rows = _rows(contenders, [ran.records], [ran.sequence])
    return [{"sequence": ran.sequence.name, "size": ran.size} | row for row in rows]


def _rows(contenders: list[Contender], of: Sequence[list[Record]], sequences: list[Frames]) -> list[dict[str, Any]]:
    """Return a row for each name: means over the sequences, and over the seeds."""
    absent = any(one.has_absences for one in sequences)
    names = dict.fromkeys(one.name for one in contenders)
    return [_row(name, contenders, of, absent) for name in names]


def _row(name: str, contenders: list[Contender], of: Sequence[list[Record]], absent: bool) -> dict[str, Any]:
    own = [index for index, one in enumerate(contenders) if one.name == name]
    aucs = [_mean(records[index].auc for records in of) for index in own]
    everything = [records[index] for records in of for index in own]
    milliseconds = _mean(record.median_ms for record in everything)
    return {
        "follower": name,
        "ours": contenders[own[0]].ours,
        "auc": round(_mean(aucs), 4),
        "auc_low": round(min(aucs), 4),
        "auc_high": round(max(aucs), 4),
        "precision": round(_mean(record.precision for record in everything), 4),
        "visibility_f1": round(_mean(record.visibility_f1 for record in everything), 4) if absent else None,
        "median_ms": round(milliseconds, 3),
        "fps": round(1e3 / max(1e-6, milliseconds), 1),
    }


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)
