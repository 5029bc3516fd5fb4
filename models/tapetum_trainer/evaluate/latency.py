"""How long models take on this machine: beside each other, in turn, so that what else runs hits all alike.

A figure of one machine says little about another; the ratio to a model whose time there is known says more.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tapetum_trainer.evaluate.answers import Judged, Picture

_WARM = 2  # the first runs allocate


@dataclass(frozen=True, slots=True)
class Latency:
    """Of an answer, with preparing the picture and reading the outputs as a device does, on one thread, the medians.

    ratio: of the CPU time to that of the first model of the same run.
    """

    name: str
    median_ms: float
    cpu_ms: float
    ratio: float


def latencies(models: Sequence[Judged], pictures: Sequence[Picture], rounds: int = 30) -> tuple[Latency, ...]:
    """Return how long each model takes; the first is the reference. pictures: (h, w, 3), asked about in turn."""
    times: list[list[tuple[float, float]]] = [[] for _ in models]
    for turn in range(rounds + _WARM):
        picture = pictures[turn % len(pictures)]
        for model, taken in zip(models, times, strict=True):
            taken.append(_timed(model, picture))
    medians = [[statistics.median(column) for column in zip(*taken[_WARM:], strict=True)] for taken in times]
    return tuple(
        Latency(model.name, round(wall, 3), round(cpu, 3), round(cpu / medians[0][1], 3) if medians[0][1] else 1.0)
        for model, (wall, cpu) in zip(models, medians, strict=True)
    )


def _timed(model: Judged, picture: Picture) -> tuple[float, float]:
    """Return milliseconds of the clock and of the processor."""
    ask = model.as_on_device or model.ask
    wall, cpu = time.perf_counter(), time.process_time()
    ask(picture)
    return 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)
