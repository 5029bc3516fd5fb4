"""All contenders along one sequence, one thread, timed by the CPU time of the process.

They take turns of a few frames each, in an order that moves on, so that what else the machine does falls on all alike
and each works with warm caches. Decoding, the analysis luma and the picture in colour that peers are given are not
timed, nor is the start.
"""

import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from tapetum.bench.motion.course import turns
from tapetum.bench.steady import one_thread
from tapetum.bench.tracking.contenders import Contender, Running
from tapetum.bench.tracking.score import Record
from tapetum.bench.tracking.sequence import Sequence as Frames
from tapetum.bench.tracking.sequence import Shown
from tapetum.colour import to_bgr
from tapetum.scene import Box, Frame, Plane
from tapetum.tracking.follower import Followed

_WHOLE = Box(0, 0, 1, 1)

Answers = list[Followed]
"""Of one contender, in a turn."""
After = Callable[[Shown, Plane, dict[str, Followed]], None]


def run(sequence: Frames, contenders: Sequence[Contender], after: After) -> list[Record]:
    """Return the record of each contender; `after` is called with each frame, its picture, and ours and peers' answers.

    Of those with several seeds the first one's answers are given.
    """
    records = [Record() for _ in contenders]
    running: list[Running] = []
    with one_thread():
        for number, turn in enumerate(turns(sequence.shown())):
            pictures = [picture_of(one.frame) for one in turn]
            if not running:
                running = _started(contenders, turn[0], pictures[0])
            answers: list[Answers] = [[] for _ in contenders]
            for index in np.roll(np.arange(len(contenders)), -number):
                answers[index] = _take(running[index], turn, pictures, records[index])
            for at, (one, picture) in enumerate(zip(turn, pictures, strict=True)):
                after(one, picture, _first(contenders, [own[at] for own in answers]))
    return records


def _started(contenders: Sequence[Contender], first: Shown, picture: Plane) -> list[Running]:
    return [one.start(first.frame, picture, first.there or _WHOLE) for one in contenders]


def _take(one: Running, turn: Sequence[Shown], pictures: Sequence[Plane], record: Record) -> Answers:
    answers = []
    for shown, picture in zip(turn, pictures, strict=True):
        start_s = time.process_time()
        found = one.update(shown.frame, picture)
        record.costs_s.append(time.process_time() - start_s)
        record.count(found.box, found.visible, shown.there, picture.shape)
        answers.append(found)
    return answers


def _first(contenders: Sequence[Contender], answers: Sequence[Followed]) -> dict[str, Followed]:
    return {one.name: answer for one, answer in zip(contenders, answers, strict=True) if not one.seed}


def picture_of(frame: Frame) -> Plane:
    """Return `frame` as (H, W, 3) BGR uint8."""
    height, width = frame.y.shape
    chroma = [np.asarray(cv2.resize(plane, (width, height)), np.uint8) for plane in (frame.u, frame.v)]
    return to_bgr([np.ascontiguousarray(frame.y), *chroma], frame.colour)
