"""Whether a model answers its own probes: questions of which the answers are known and come with it."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapetum.errors import Unsuitable
from tapetum.inference.contract import Expected, ModelSpec, Probe
from tapetum.inference.decode import Floats
from tapetum.inference.labels import NAMELESS
from tapetum.scene import Box

Ask = Callable[[Sequence[NDArray[np.uint8]]], tuple[list[Floats], float]]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial of a model came to. accelerator: on which; latency_ms: of an answer, the median over its probes."""

    accelerator: str
    probes: int
    latency_ms: float


def check(spec: ModelSpec, accelerator: str, ask: Ask, min_score: float) -> Trial:
    """Ask all probes of `spec`; raises Unsuitable, naming the first whose answer is another."""
    times = []
    for number, probe in enumerate(spec.probes, start=1):
        (rows,), taken_ms = ask([probe.pixels])
        times.append(taken_ms)
        fault = _fault(spec, probe, rows, min_score)
        if fault:
            raise Unsuitable(f"probe {number} of {len(spec.probes)} on {accelerator}: {fault}")
    return Trial(accelerator, len(spec.probes), round(statistics.median(times), 2) if times else 0.0)


def _fault(spec: ModelSpec, probe: Probe, rows: Floats, min_score: float) -> str:
    """Return what is wrong with the answer `rows`; "" where nothing is."""
    for expected in probe.expected:
        if not any(_meets(spec, probe, expected, row) for row in rows):
            return f"{expected.label} of {expected.score:.2f} is expected, and not found: {_told(spec, rows)}"
    meant = [row for row in rows if not _is_nothing(spec, row)]
    sure = [row for row in meant if row[1] >= spec.min_score.get(_label(spec, row), min_score)]
    if not probe.expected and sure:
        return f"nothing is expected, and found is {_told(spec, sure)}"
    return ""


def _meets(spec: ModelSpec, probe: Probe, expected: Expected, row: NDArray[np.float32]) -> bool:
    near = abs(float(row[1]) - expected.score) <= probe.score_tolerance
    where = Box(*map(float, row[2:])).iou(Box(*expected.box)) >= probe.iou
    return _label(spec, row) == expected.label and near and where


def _is_nothing(spec: ModelSpec, row: NDArray[np.float32]) -> bool:
    """Whether the class is one of the labels, and stands there for nothing; a class that is none of them is a fault."""
    return bool(0 <= row[0] < len(spec.labels)) and spec.labels[int(row[0])] in NAMELESS


def _label(spec: ModelSpec, row: NDArray[np.float32]) -> str:
    return spec.labels[int(row[0])] if 0 <= row[0] < len(spec.labels) else ""


def _told(spec: ModelSpec, rows: Sequence[NDArray[np.float32]] | Floats) -> str:
    found = [f"{_label(spec, row) or 'a class without a label'} of {row[1]:.2f}" for row in rows[:3]]
    return ", ".join(found) or "nothing is"
