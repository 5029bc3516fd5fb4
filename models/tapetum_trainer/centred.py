"""Scores that mean the same for every class and every model: from 0.5 on, an answer is worth more than none.

What a detector is trained with leaves its scores wherever rare things and a focal loss put them: one class's best
threshold is 0.25, another's 0.4, and what is right nine times in ten is said with 0.7. A daemon, its rules and its
users know one scale. So each class's logits are moved by a constant until the threshold that the recipe's rule chooses,
on pictures that were not trained with, is 0.5, and those of all classes are stretched about it until they rise as the
odds of being right do. Neither changes an order. It is Platt's calibration (J. Platt, "Probabilistic outputs for
support vector machines", 1999), of which the rule chooses the bias, and goes into the network: nothing is to be known
or done where it runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.evaluate.matches import Matches
from tapetum_trainer.folded import HEATMAP
from tapetum_trainer.thresholds import HIGHEST, LOWEST, UNKNOWN, Rule, enough

_FEW = 20  # right answers, and wrong ones, of which a stretch is told
_LEAST, _MOST = 0.5, 4.0  # between which a stretch lies: of a few answers the best may be any
_STEPS = 50  # of Newton's method, at most


@dataclass(frozen=True, slots=True)
class Calibration:
    """middles: (classes,) the scores that 0.5 now is. stretch: what logits were multiplied by."""

    middles: NDArray[np.float32]
    stretch: float


def centre(network: Any, found: Sequence[Matches], rule: Rule) -> Calibration:
    """Move and stretch the heatmap's logits in `network` by the answers of each class; return what was done."""
    done = calibration(found, rule)
    layer = network.get_layer(HEATMAP)
    kernel, bias = layer.get_weights()
    layer.set_weights([done.stretch * kernel, done.stretch * (bias - logits_of(done.middles))])
    return done


def calibration(found: Sequence[Matches], rule: Rule) -> Calibration:
    """Return how scores are to be moved and stretched; found: the answers of each class.

    What has learned nothing yet, so that no threshold between `LOWEST` and `HIGHEST` is worth anything, stays.
    """
    middles = np.array([_middle(one, rule) for one in enough(found)], np.float32)
    logits = [logits_of(one.scores) - logits_of(middle) for one, middle in zip(found, middles, strict=True)]
    hits = np.concatenate([one.hits for one in found])
    return Calibration(middles, stretched(np.concatenate(logits), hits))


def stretched(logits: NDArray[Any], hits: NDArray[np.bool_]) -> float:
    """Return by what `logits` (n,) are to be multiplied to rise as the odds of `hits` (n,) do; 1 of too few.

    The slope of a logistic regression, by Newton's method, with Platt's targets: so that what is told apart without a
    mistake has a slope too.
    """
    right, wrong = int(hits.sum()), int((~hits).sum())
    if min(right, wrong) < _FEW:
        return 1.0
    wanted = np.where(hits, (right + 1) / (right + 2), 1 / (wrong + 2))
    columns, weights = np.stack([np.ones(len(logits)), logits], axis=1), np.array([0.0, 1.0])
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-(columns @ weights).clip(-30, 30)))
        curve = (columns * (said * (1 - said))[:, None]).T @ columns
        step = np.linalg.solve(curve + 1e-6 * np.eye(2), columns.T @ (wanted - said))
        weights += step.clip(-1, 1)
        if abs(step).max() < 1e-6:
            break
    return float(np.clip(weights[1], _LEAST, _MOST))


def _middle(found: Matches, rule: Rule) -> float:
    score = rule.of(found).min_score
    return score if LOWEST <= score <= HIGHEST else UNKNOWN


def logits_of(scores: Any) -> Any:
    """Return the numbers whose sigmoid the scores are."""
    held = np.clip(np.asarray(scores, np.float64), 1e-4, 1 - 1e-4)
    return np.log(held / (1 - held))
