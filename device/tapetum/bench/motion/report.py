"""`tapetum bench motion`: the figures of all contenders on one clip or folder, and which method to take."""

from pathlib import Path
from typing import Any

from tapetum.bench.motion import course
from tapetum.bench.motion.advice import advice
from tapetum.bench.motion.contenders import Contender, default, everyone
from tapetum.bench.motion.course import Masks, Record
from tapetum.bench.motion.score import scored
from tapetum.bench.motion.sequence import Picture, Sequence
from tapetum.bench.motion.strip import Strip
from tapetum.errors import ConfigError
from tapetum.progress import Progress

_MOG2 = "MOG2"


def run(path: Path, truth: Path | None, pictures: Path | None) -> dict[str, Any]:
    """Return the figures on the clip or folder `path`; the picture strip is written to `pictures`.

    Raises ConfigError when the clip, the truth or the file of pictures is none.
    """
    sequence, strip, contenders = Sequence.opened(path, truth), Strip(pictures), everyone()
    sizes: set[tuple[int, ...]] = set()
    with Progress("motion", sequence.count) as bar:

        def after(turn: list[Picture], masks: Masks) -> None:
            strip.offer(turn, masks)
            sizes.update(one.luma.shape for one in turn)
            bar.step(len(turn))

        records = course.run(sequence.pictures(), contenders, after)
    frames = len(records[_MOG2].moves)
    if not frames:
        raise ConfigError(f"{path}: holds no frame")
    judged = sum(one is not None for one in records[_MOG2].counts)
    if sequence.truth and not judged:
        raise ConfigError(f"{truth or path}: no mask of the truth belongs to one of the {frames} frames; numbers fit?")
    strip.write()
    rows = _rows(contenders, records)
    method, reason = advice(rows, default(), _agreement(records))
    return {
        "clip": path.name,
        "analysis_size": " ".join(f"{width}x{height}" for height, width in sorted(sizes)),
        "frames": frames,
        "missing": max(0, sequence.count - frames),
        "judged": judged,
        "default": default(),
        "recommended": method,
        "reason": reason,
        "methods": [{name: _rounded(value) for name, value in row.items()} for row in rows],
    }


def _rows(contenders: list[Contender], records: dict[str, Record]) -> list[dict[str, Any]]:
    mog2_ms = records[_MOG2].median_ms()
    rows = []
    for one in contenders:
        record = records[one.name]
        row: dict[str, Any] = {"method": one.name, "ours": one.ours, "median_ms": record.median_ms()}
        row |= {"p99_ms": record.p99_ms(), "of_mog2": record.median_ms() / mog2_ms}
        rows.append(row | {"motion_share": record.motion_share} | scored(record.counts)._asdict())
    return rows


def _agreement(records: dict[str, Record]) -> dict[str, float]:
    """Return for each contender in which share of the frames it says the same as the default of whether any moves."""
    own = records[default()].moves
    return {
        name: sum(one == other for one, other in zip(record.moves, own, strict=True)) / len(own)
        for name, record in records.items()
    }


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
