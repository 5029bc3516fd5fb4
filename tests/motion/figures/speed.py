"""How long the methods take, alone and with all that is done around them, beside the peers in the same run."""

from collections.abc import Callable, Iterable

import cv2
import numpy as np

from tapetum.bench.motion.contenders import METHODS, Answer, Contender, default, everyone, name_of, peers
from tapetum.bench.motion.course import Record
from tapetum.bench.motion.sequence import Picture
from tapetum.motion import Method
from tapetum.motion.stage import Scene
from tapetum.scene import Plane
from tests.motion.figures import traffic
from tests.motion.figures.tables import Records, Row, shown

_FRAMES = 256
SETTLE = 64
"""Frames that do not count: what a method does to begin with."""
_PASSES = 5
_GROWN, _GROWN_SETTLE = 64, 32
_SMALL, _LARGE = (180, 320), (1080, 1920)
_LIMIT = 12  # luma steps: the default threshold of six, and four times the noise that smoothing leaves of `traffic`


class Alone:
    """A method without what is done around it: from a smoothed luma and a limit to its mask, and what it learns."""

    def __init__(self, kind: type[Method]) -> None:
        self._detector = kind().start()
        self._scene = Scene.of((0, 0))
        self._limit: Plane = np.zeros((0, 0), np.uint8)

    def __call__(self, luma: Plane) -> Answer:
        """Take the next luma, which stays as it is until after the two that follow."""
        if luma.shape != self._limit.shape:
            self._detector.detect(luma)
            self._scene, self._limit = Scene.of(luma.shape), np.full(luma.shape, _LIMIT, np.uint8)
            self._scene.picture = luma
            self._detector.model.seed(self._scene)
            return Answer(self._scene.strong)
        scene, model = self._scene, self._detector.model
        scene.picture, scene.previous, scene.earlier = luma, scene.picture, scene.previous
        scene.limit = self._limit
        cv2.absdiff(scene.picture, model.background, dst=scene.residual)
        model.compare(scene, ())
        model.learn(scene, ())
        return Answer(scene.strong)


def alone() -> list[Contender]:
    """Return each method alone, the default first, and the peers."""
    kinds = sorted(METHODS, key=lambda kind: name_of(kind) != default())
    return [Contender(name_of(kind), Alone(kind)) for kind in kinds] + peers()


def speed(seed: int = 1) -> list[Row]:
    """CPU time of a frame as a ratio to MOG2's in the same run, 640x360: empty, quiet and busy; p99 / median; growth.

    First of the methods alone, all on smoothed luma; then with all that is done around ours, all on luma as it comes.
    growth: from 320x180 to 1920x1080, time divided by pixels, 1 where it is in proportion.
    """
    return [*_rows("alone", alone, seed), *_rows("whole", everyone, seed)]


def _rows(part: str, who: Callable[[], list[Contender]], seed: int) -> list[Row]:
    scenes = {what: timed(part, what, traffic.SIZE, _FRAMES, who, seed) for what in traffic.SCENES}
    small, large = (timed(part, "quiet", size, _GROWN, who, seed) for size in (_SMALL, _LARGE))
    pixels = _LARGE[0] * _LARGE[1] / (_SMALL[0] * _SMALL[1])
    rows = []
    for name in scenes["empty"]:
        row: Row = {"part": part, "method": name}
        for what, records in scenes.items():
            row[what] = records[name].median_ms(SETTLE) / records["MOG2"].median_ms(SETTLE)
        row |= {"quiet_ms": scenes["quiet"][name].median_ms(SETTLE)}
        row |= {f"p99_{what}": p99(records[name]) for what, records in scenes.items()}
        grown = large[name].median_ms(_GROWN_SETTLE) / small[name].median_ms(_GROWN_SETTLE)
        rows.append(row | {"growth": grown / pixels})
    return rows


def p99(record: Record) -> float:
    """Return p99 of the times of its frames as a ratio to their median."""
    return record.p99_ms(SETTLE) / record.median_ms(SETTLE)


def timed(
    part: str, scene: str, size: tuple[int, int], frames: int, who: Callable[[], list[Contender]], seed: int
) -> Records:
    """Return the records of `who` on a scene of `traffic`, which is drawn before, so that caches are the methods'.

    Of each frame the least time of some passes counts: what else the machine did falls on another frame in each.
    """
    lumas: Iterable[Plane] = traffic.lumas(scene, size, frames, seed)
    if part == "alone":
        lumas = (np.asarray(cv2.blur(luma, (3, 3)), np.uint8) for luma in lumas)
    drawn = [Picture(number, luma, None) for number, luma in enumerate(lumas)]
    what = f"speed {part}, {scene} {size[1]}x{size[0]}"
    passes = [shown(what, drawn, frames, who()) for _ in range(_PASSES)]
    for name, record in passes[0].items():
        record.costs_s = [min(costs) for costs in zip(*(one[name].costs_s for one in passes), strict=True)]
    return passes[0]
