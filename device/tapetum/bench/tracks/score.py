"""HOTA, MOTA and IDF1 by the packages that everybody uses: TrackEval where it is installed, else motmetrics (no HOTA).

J. Luiten et al., "HOTA: a higher order metric for evaluating multi-object tracking", IJCV 129:548-578, 2021; K.
Bernardin and R. Stiefelhagen, "Evaluating multiple object tracking performance: the CLEAR MOT metrics", EURASIP Journal
on Image and Video Processing 2008; E. Ristani et al., "Performance measures and a data set for multi-target,
multi-camera tracking", ECCV workshops 2016 (IDF1). For MOTA and IDF1 a track fits a person where their boxes' IoU is at
least 0.5.
"""

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum.bench.tracks.truth import Known, Sheet
from tapetum.errors import ConfigError

_FITS = 0.5

Figures = dict[str, Any]
"""hota (None where nobody knows), mota, idf1, recall, precision, switches."""


def judge() -> str:
    """Return which package judges here; raises ConfigError where there is none."""
    for name in ("trackeval", "motmetrics"):
        if find_spec(name):
            return name
    raise ConfigError('tracks are measured by motmetrics: pip install "tapetum[bench]"')


def figures(truth: Sheet, found: Sheet) -> Figures:
    """Return how well `found` keeps to `truth`, in the frames from the first to the last that the truth tells of."""
    frames = range(1, max(truth) + 1)
    pairs = [(truth.get(frame, []), found.get(frame, [])) for frame in frames]
    return _by_trackeval(pairs) if judge() == "trackeval" else _by_motmetrics(pairs)


def _by_trackeval(pairs: list[tuple[Known, Known]]) -> Figures:
    import trackeval  # noqa: PLC0415  not among the dependencies: it brings the full OpenCV

    own, others = (_numbered([pair[side] for pair in pairs]) for side in (0, 1))
    data = {
        "gt_ids": own[0],
        "tracker_ids": others[0],
        "num_gt_ids": own[1],
        "num_tracker_ids": others[1],
        "num_gt_dets": sum(len(wanted) for wanted, _ in pairs),
        "num_tracker_dets": sum(len(there) for _, there in pairs),
        "similarity_scores": [_ious(wanted, there) for wanted, there in pairs],
        "num_timesteps": len(pairs),
    }
    metrics = trackeval.metrics
    quiet = {"PRINT_CONFIG": False}
    hota = metrics.HOTA().eval_sequence(data)
    clear = metrics.CLEAR({**quiet, "THRESHOLD": _FITS}).eval_sequence(data)
    identity = metrics.Identity({**quiet, "THRESHOLD": _FITS}).eval_sequence(data)
    return {
        "hota": round(float(np.mean(hota["HOTA"])), 4),
        "mota": round(float(clear["MOTA"]), 4),
        "idf1": round(float(identity["IDF1"]), 4),
        "recall": round(float(clear["CLR_Re"]), 4),
        "precision": round(float(clear["CLR_Pr"]), 4),
        "switches": int(clear["IDSW"]),
    }


def _numbered(frames: list[Known]) -> tuple[list[NDArray[np.intp]], int]:
    """Return the identities of each frame, counted from 0, and how many there are."""
    numbers: dict[int, int] = {}
    found = [np.array([numbers.setdefault(who, len(numbers)) for who, _ in frame], np.intp) for frame in frames]
    return found, len(numbers)


def _by_motmetrics(pairs: list[tuple[Known, Known]]) -> Figures:
    import motmetrics  # noqa: PLC0415  an extra

    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for wanted, there in pairs:
        ious = _ious(wanted, there)
        distances = np.where(ious >= _FITS, 1 - ious, np.nan)
        accumulator.update([who for who, _ in wanted], [who for who, _ in there], distances)
    names = ["mota", "idf1", "recall", "precision", "num_switches"]
    found = motmetrics.metrics.create().compute(accumulator, metrics=names, return_dataframe=False)
    plain = {name: round(float(found[name]), 4) for name in names[:4]}
    return {"hota": None, **plain, "switches": int(found["num_switches"])}


def _ious(truth: Known, tracks: Known) -> NDArray[np.float64]:
    found = [[person.iou(track) for _, track in tracks] for _, person in truth]
    return np.array(found, np.float64).reshape(len(truth), len(tracks))
