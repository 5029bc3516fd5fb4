"""Scores that mean the same for every class and every model: from 0.5 on, an answer is worth more than none.

What a detector is trained with leaves its scores wherever rare things and a focal loss put them: one class's best
threshold is 0.25, another's 0.4. A daemon, its rules and its users know one scale. So each class's logits are moved by
a constant, which changes no order, until the threshold that the recipe's rule chooses, on pictures that were not
trained with, is 0.5. This is the bias of Platt's calibration (J. Platt, "Probabilistic outputs for support vector
machines", 1999), and goes into the network: nothing is to be known or done where it runs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapetum_trainer.evaluate.matches import Matches, together
from tapetum_trainer.folded import HEATMAP
from tapetum_trainer.thresholds import HIGHEST, LOWEST, UNKNOWN, Rule

ENOUGH = 20
"""Things of which a class's own threshold is told; of fewer, that of all classes together stands for it."""


def centre(network: Any, found: Sequence[Matches], rule: Rule) -> NDArray[np.float32]:
    """Move the heatmap's logits in `network`; found: of each class. Returns the scores (classes,) that 0.5 now is.

    What has learned nothing yet, so that no threshold between `LOWEST` and `HIGHEST` is worth anything, stays.
    """
    everything = together(list(found), max((one.pictures for one in found), default=0))
    middles = np.array([_middle(one if one.truths >= ENOUGH else everything, rule) for one in found], np.float32)
    layer = network.get_layer(HEATMAP)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, bias - np.log(middles / (1 - middles))])
    return middles


def _middle(found: Matches, rule: Rule) -> float:
    score = rule.of(found).min_score
    return score if LOWEST <= score <= HIGHEST else UNKNOWN
