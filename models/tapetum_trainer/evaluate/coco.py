"""Answers and truth as pycocotools takes them.

Boxes are told in a picture of which the longer side has 640 pixels, as most of COCO have: so COCO's sizes (small below
32 x 32, large from 96 x 96) mean the same share of a picture, whatever it was reduced to.

What is ignored counts as COCO's crowds: an answer that lies in one, by the share of the answer, is neither right nor
wrong. An answer of a class that was not looked for in a picture is left out: nobody knows whether it is right.

T.-Y. Lin et al., "Microsoft COCO: common objects in context", ECCV 2014; https://cocodataset.org/#detection-eval
"""

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tapetum.inference.decode import Floats
from tapetum_trainer.evaluate.truth import Pictures

SIDE = 640.0
"""Pixels of the longer side, in which sizes are told."""
MOST = 100
"""Answers for a picture and class that count, the best."""
SIZES = ("all", "small", "medium", "large")
"""The order of the areas in pycocotools."""


def evaluated(answers: Sequence[Floats], pictures: Pictures, indices: Sequence[int]) -> Any:
    """Return the COCOeval of the answers, one for each of `indices`, evaluated and accumulated."""
    from pycocotools.coco import COCO  # noqa: PLC0415  it takes a third of a second
    from pycocotools.cocoeval import COCOeval  # noqa: PLC0415

    truths, found = COCO(), COCO()
    frame = {
        "images": [{"id": index} for index in indices],
        "categories": [{"id": number} for number in range(len(pictures.labels))],
    }
    pairs = list(zip(indices, answers, strict=True))
    truths.dataset = frame | {"annotations": _numbered(_truth(pictures, indices))}
    found.dataset = frame | {"annotations": _numbered(_answers(pictures, pairs))}
    with contextlib.redirect_stdout(io.StringIO()):
        truths.createIndex()
        found.createIndex()
        work = COCOeval(truths, found, "bbox")
        work.params.maxDets = [MOST]
        work.evaluate()
        work.accumulate()
    return work


def _numbered(entries: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries with numbers from 1 on: 0 would stand for no match."""
    return [entry | {"id": number} for number, entry in enumerate(entries, start=1)]


def _truth(pictures: Pictures, indices: Sequence[int]) -> Iterator[dict[str, Any]]:
    for index in indices:
        known = pictures.known(index)
        things = zip(_pixels(pictures, index, pictures.boxes(index)), pictures.classes(index), strict=True)
        for (box, number), ignored in zip(things, pictures.ignored(index), strict=True):
            if known[number]:
                yield _entry(index, int(number), box) | {"iscrowd": int(ignored), "ignore": int(ignored)}


def _answers(pictures: Pictures, pairs: Sequence[tuple[int, Floats]]) -> Iterator[dict[str, Any]]:
    for index, rows in pairs:
        kept = rows[pictures.known(index)[rows[:, 0].astype(np.int64)]] if len(rows) else rows
        for row, box in zip(kept, _pixels(pictures, index, kept[:, 2:6]), strict=True):
            yield _entry(index, int(row[0]), box) | {"iscrowd": 0, "score": float(row[1])}


def _pixels(pictures: Pictures, index: int, boxes: Floats) -> list[list[float]]:
    """Return left, top, width, height in pixels of a picture of which the longer side has 640."""
    height, width = pictures.picture(index).shape[:2]
    scale = SIDE / max(height, width)
    left, top, right, bottom = (boxes.astype(np.float64) * (scale * np.array([width, height, width, height]))).T
    return np.stack([left, top, right - left, bottom - top], axis=1).tolist()  # type: ignore[no-any-return]


def _entry(index: int, number: int, box: list[float]) -> dict[str, Any]:
    return {"image_id": index, "category_id": number, "bbox": box, "area": box[2] * box[3]}
