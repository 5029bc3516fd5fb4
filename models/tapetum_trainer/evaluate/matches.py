"""Which answers are right, and so what a threshold on their score lets through and loses.

An answer is right where it overlaps a thing of its class, that no better answer took, by an IoU of at least 0.5.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.decode import Floats

_AT = 0  # of pycocotools' IoU thresholds: 0.5


@dataclass(frozen=True, slots=True)
class Operating:
    """What a threshold comes to: answers of at least `min_score` count.

    precision: of them, how many are right, 1 where there are none; false_positives: for each picture, the mean.
    """

    min_score: float
    precision: float
    recall: float
    f1: float
    false_positives: float


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The answers of a class, or of all, best first, and whether each is right: scores, hits (n,).

    truths: how many things are wanted; pictures: in how many they were looked for.

    Answers that lie on something ignored are not among them.
    """

    scores: Floats
    hits: NDArray[np.bool_]
    truths: int
    pictures: int

    def at(self, min_score: float) -> Operating:
        """Return what this threshold comes to."""
        return self._after(int((self.scores >= np.float32(min_score)).sum()), min_score)

    def with_false_positives(self, rate: float) -> Operating:
        """Return what the lowest threshold comes to with up to `rate` wrong answers for each picture, the mean."""
        wrong = np.cumsum(~self.hits)
        within = [end for end in self._ends() if end == 0 or wrong[end - 1] <= rate * self.pictures]
        return self._after(within[-1])

    def best(self) -> Operating:
        """Return what the threshold with the best F1, the harmonic mean of precision and recall, comes to.

        It lies between the last answer that counts and the first that does not, so that an answer a little less sure,
        as another accelerator may give it, still counts.
        """
        ends = self._ends()
        right = np.concatenate([[0], np.cumsum(self.hits)])[ends]
        f1 = 2 * right / np.maximum(1, np.array(ends) + self.truths)
        return self._after(ends[int(np.argmax(f1))])

    def _ends(self) -> list[int]:
        """Return after how many answers a threshold can cut: not between two of the same score."""
        last = np.flatnonzero(np.diff(self.scores) != 0) + 1
        return [0, *map(int, last), len(self.scores)] if len(self.scores) else [0]

    def _after(self, count: int, min_score: float | None = None) -> Operating:
        right = int(self.hits[:count].sum())
        recall = right / self.truths if self.truths else 0.0
        precision = right / count if count else 1.0
        f1 = 2 * right / (count + self.truths) if count + self.truths else 0.0
        score = self._between(count) if min_score is None else min_score
        return Operating(score, precision, recall, f1, (count - right) / max(1, self.pictures))

    def _between(self, count: int) -> float:
        """Return a score that the first `count` answers have and the others do not."""
        above = float(self.scores[count - 1]) if count else 1.0
        below = float(self.scores[count]) if count < len(self.scores) else 0.0
        return above if count == len(self.scores) or count == 0 else round((above + below) / 2, 6)


def of_class(work: Any, number: int, pictures: int) -> Matches:
    """Return the answers of class `number` in the COCOeval `work`. pictures: in which it was looked for."""
    count = len(work.params.imgIds)
    start = number * len(work.params.areaRng) * count  # class by class, size by size; all sizes first
    found = [one for one in work.evalImgs[start : start + count] if one is not None]
    scores = np.concatenate([np.array(one["dtScores"], np.float32) for one in found] or [np.zeros(0, np.float32)])
    hits = np.concatenate([one["dtMatches"][_AT] > 0 for one in found] or [np.zeros(0, bool)])
    counted = ~np.concatenate([one["dtIgnore"][_AT] > 0 for one in found] or [np.zeros(0, bool)])
    truths = sum(int((np.array(one["gtIgnore"]) == 0).sum()) for one in found)
    return _ranked(scores[counted], hits[counted], truths, pictures)


def together(found: list[Matches], pictures: int) -> Matches:
    """Return the answers of all classes, under one threshold."""
    scores = np.concatenate([one.scores for one in found])
    return _ranked(scores, np.concatenate([one.hits for one in found]), sum(one.truths for one in found), pictures)


def _ranked(scores: Floats, hits: NDArray[np.bool_], truths: int, pictures: int) -> Matches:
    order = np.argsort(-scores, kind="stable")
    return Matches(scores[order], np.asarray(hits[order], np.bool_), truths, pictures)
