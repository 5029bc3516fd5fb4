"""Two models on the same pictures: who is better, and whether that is more than chance.

The difference in AP50 is told with an interval by the bootstrap over pictures: the pictures are drawn again, with
replacement, a thousand times, the same for both models, and the difference taken each time. Where the middle 95 % of
these hold 0, the pictures do not tell the models apart. Pictures of one clip are drawn together, since they show the
same things: as one draw for each group.

B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tapetum.inference.decode import Floats
from tapetum.settings import Settings
from tapetum_trainer.evaluate import coco
from tapetum_trainer.evaluate.result import by_group
from tapetum_trainer.evaluate.scores import Scores, scored
from tapetum_trainer.evaluate.truth import Pictures
from tapetum_trainer.evaluate.words import table, told

_RECALLS = np.linspace(0, 1, 101)  # at which COCO takes the precision
_AT_ONCE = 50  # draws: bounds the memory


class Comparison(Settings, frozen=True, kw_only=True):
    """How two models are compared."""

    draws: Annotated[int, Meta(ge=100, le=100_000)] = 1000
    share: Annotated[float, Meta(gt=0.5, lt=1)] = 0.95  # of the draws that lie in the interval
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much B is better than A, of 1: the AP50, and between what it lies with the share of the draws."""

    label: str
    ap50: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


Pair = tuple[Scores, Scores]
"""Of A, and of B."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Both models' figures, and the differences: of all classes, then of each of which there are things.

    parts: both models' figures of each condition and camera, by `condition` and `camera`, where there are such.
    """

    names: tuple[str, str]
    scores: Pair
    differences: tuple[Difference, ...]
    share: float
    parts: Mapping[str, Mapping[str, Pair]] = field(default_factory=dict)


def compared(
    names: tuple[str, str],
    answers: tuple[Sequence[Floats], Sequence[Floats]],
    pictures: Pictures,
    settings: Comparison | None = None,
    conditions: Mapping[str, tuple[Sequence[Floats], Sequence[Floats]]] | None = None,
) -> Compared:
    """Return how the models `names` do beside each other. answers: of `evaluate.answers`, for each picture.

    conditions: by name, the answers to the same pictures under it.
    """
    settings = settings or Comparison()
    labels, places = pictures.labels, range(len(pictures))
    weights = _draws(pictures, settings)
    pair = [_curves(one, pictures, weights) for one in answers]  # each (1 + draws, classes), the first undrawn
    with_things = [number for number in range(len(labels)) if np.isfinite(pair[0][0, number])]
    columns = [("all", with_things), *((labels[number], [number]) for number in with_things)]
    found = (
        _difference(label, _mean(pair[1][:, chosen]) - _mean(pair[0][:, chosen]), settings.share)
        for label, chosen in columns
        if chosen
    )
    scores = tuple(scored(one, pictures, places) for one in answers)
    return Compared(names, (scores[0], scores[1]), tuple(found), settings.share, _parts(answers, pictures, conditions))


def _parts(
    answers: tuple[Sequence[Floats], Sequence[Floats]],
    pictures: Pictures,
    conditions: Mapping[str, tuple[Sequence[Floats], Sequence[Floats]]] | None,
) -> dict[str, dict[str, Pair]]:
    cameras = [by_group(one, pictures) for one in answers]
    under = {
        name: (scored(one, pictures), scored(other, pictures)) for name, (one, other) in (conditions or {}).items()
    }
    found = {"condition": under, "camera": {name: (one, cameras[1][name]) for name, one in cameras[0].items()}}
    return {title: part for title, part in found.items() if part}


def _draws(pictures: Pictures, settings: Comparison) -> NDArray[np.int64]:
    """Return (1 + draws, pictures): how often each picture is in each draw; in the first, all are once."""
    groups = [pictures.group(index) or f"\0{index}" for index in range(len(pictures))]
    places = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    chance = np.full(len(places), 1 / max(1, len(places)))
    counts = np.random.default_rng(settings.seed).multinomial(len(places), chance, settings.draws)
    counts = np.concatenate([np.ones((1, len(places)), np.int64), counts])
    return np.asarray(counts[:, [places[name] for name in groups]])


def _curves(answers: Sequence[Floats], pictures: Pictures, weights: NDArray[np.int64]) -> Floats:
    """Return (draws, classes): the AP50 of each class in each draw, NaN where there is nothing of it."""
    work = coco.evaluated(answers, pictures, range(len(pictures)))
    return np.stack([_of_class(work, number, weights) for number in range(len(pictures.labels))], axis=1)


def _of_class(work: Any, number: int, weights: NDArray[np.int64]) -> Floats:
    count = weights.shape[1]
    start = number * len(work.params.areaRng) * count
    scores, hits, places, wanted = _located(work.evalImgs[start : start + count])
    order = np.argsort(-scores, kind="stable")
    things = weights @ wanted
    hits, places = hits[order], places[order]
    batches = [slice(begin, begin + _AT_ONCE) for begin in range(0, len(weights), _AT_ONCE)]
    parts = [average_precision(hits, weights[batch][:, places], things[batch]) for batch in batches]
    return np.concatenate(parts)


def _located(found: Sequence[Any]) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Return scores, whether right, and the picture's place, of the answers that count; and the things of each."""
    scores: list[float] = []
    hits: list[bool] = []
    places: list[int] = []
    wanted = np.zeros(len(found), np.int64)
    for place, one in enumerate(found):
        if one is not None:
            counted = np.flatnonzero(~one["dtIgnore"][0].astype(bool))
            scores += [one["dtScores"][index] for index in counted]
            hits += [bool(one["dtMatches"][0][index] > 0) for index in counted]
            places += [place] * len(counted)
            wanted[place] = int((np.array(one["gtIgnore"]) == 0).sum())
    return np.array(scores, np.float64), np.array(hits, bool), np.array(places, np.int64), wanted


def average_precision(hits: NDArray[np.bool_], weights: NDArray[np.int64], things: NDArray[np.int64]) -> Floats:
    """Return (draws,): COCO's average precision of answers (n,), best first, each counted `weights` (draws, n) times.

    things: (draws,) how many are wanted; where there are none, NaN.
    """
    right = np.cumsum(weights * hits, axis=1)
    every = np.cumsum(weights, axis=1)
    precision = right / np.maximum(every, 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = right / np.maximum(things, 1)[:, None]
    found = [_at_recalls(*rows) for rows in zip(recall, envelope, strict=True)]
    return np.where(things > 0, found, np.nan).astype(np.float64)


def _at_recalls(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    places = np.searchsorted(recall, _RECALLS, side="left")
    return float(precision[places[places < len(precision)]].sum() / len(_RECALLS))


def _mean(columns: Floats) -> NDArray[np.float64]:
    """Return the mean over classes of each draw, those left out of which it holds nothing."""
    there = np.isfinite(columns)
    return np.asarray(np.where(there, columns, 0).sum(axis=1) / np.maximum(1, there.sum(axis=1)), np.float64)


def _difference(label: str, differences: NDArray[np.float64], share: float) -> Difference:
    low, high = np.quantile(differences[1:], [(1 - share) / 2, (1 + share) / 2])
    return Difference(label, *(round(float(one), 6) + 0.0 for one in (differences[0], low, high)))


def text(found: Compared) -> str:
    """Return both models side by side, as a table of plain text."""
    first, second = found.names
    lines = [f"A: {first}", f"B: {second}", f"{found.scores[0].pictures} pictures", ""]
    lines += table([head(found), *rows(found)])
    for title in found.parts:
        lines += ["", *table([part_head(title), *part_rows(found, title)])]
    return "\n".join(lines) + "\n"


def part_head(title: str) -> tuple[str, ...]:
    """Return the names of the columns of `part_rows`; title: `condition` or `camera`."""
    return (title, "things", "A", "B", "B - A")


def part_rows(found: Compared, title: str) -> list[tuple[str, ...]]:
    """Return the AP50 of all classes in each part; of conditions first that of the pictures as they are."""
    whole = {"as it is": found.scores} if title == "condition" else {}
    return [
        (name, str(one.truths), told(one.ap50), told(other.ap50), _apart(one.ap50, other.ap50))
        for name, (one, other) in (whole | dict(found.parts[title])).items()
    ]


def _apart(first: float | None, second: float | None) -> str:
    return "-" if first is None or second is None else f"{second - first:+.3f}"


def head(found: Compared) -> tuple[str, ...]:
    """Return the names of the columns of `rows`."""
    return ("AP50", "A", "B", "B - A", f"{100 * found.share:g} % of draws", "")


def rows(found: Compared) -> list[tuple[str, ...]]:
    """Return a row for all classes, and one for each."""
    return [
        (
            one.label,
            *(told(_ap50(scores, one.label)) for scores in found.scores),
            f"{one.ap50:+.3f}",
            f"{one.low:+.3f} .. {one.high:+.3f}",
            ("B is better" if one.ap50 > 0 else "A is better") if one.certain else "not told apart",
        )
        for one in found.differences
    ]


def _ap50(scores: Scores, label: str) -> float | None:
    named = {one.label: one.ap50 for one in scores.classes}
    return named[label] if label in named and label != "all" else scores.ap50
