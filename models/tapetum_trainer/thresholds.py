"""From which score on an answer counts, label by label: chosen on pictures that were not trained with, and said how."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from tapetum.settings import Fraction, Settings
from tapetum_trainer.evaluate.matches import Matches, Operating, together

LOWEST, HIGHEST = 0.05, 0.95
"""Between which a threshold lies: of a few pictures the best may be one at which everything or nothing counts."""
ENOUGH = 20
"""Things of which a class's own threshold is told; of fewer, that of all classes together stands for it."""
UNKNOWN = 0.5
"""The threshold of a label of which there is nothing in the pictures."""


class BestF1(Settings, tag_field="type", tag="best-f1", frozen=True, kw_only=True):
    """The score with the best F1, the harmonic mean of precision and recall: both count alike."""

    def of(self, found: Matches) -> Operating:
        """Return what the chosen threshold comes to."""
        return found.best()

    def words(self) -> str:
        """Return how it was chosen."""
        return "the best F1 (what is missed and what is wrong count alike)"


class FalsePositives(Settings, tag_field="type", tag="false-positives", frozen=True, kw_only=True):
    """The lowest score with no more than `rate` wrong answers for each picture and label, the mean."""

    rate: Annotated[float, Meta(gt=0, le=100)] = 0.05

    def of(self, found: Matches) -> Operating:
        """Return what the chosen threshold comes to."""
        return found.with_false_positives(self.rate)

    def words(self) -> str:
        """Return how it was chosen."""
        return f"no more than {self.rate:g} wrong answers for each picture and label, the mean"


Rule = BestF1 | FalsePositives


def thresholds(found: Sequence[Matches], labels: Sequence[str], rule: Rule) -> dict[str, Fraction]:
    """Return the least score of each label, with three digits. found: of each class, in the labels' order."""
    return {label: _chosen(one, rule) for label, one in zip(labels, enough(found), strict=True)}


def enough(found: Sequence[Matches]) -> list[Matches]:
    """Return for each class the answers that its threshold is told of: its own, or all, where it has few things."""
    everything = together(list(found), max((one.pictures for one in found), default=0))
    return [one if one.truths >= ENOUGH else everything for one in found]


def _chosen(found: Matches, rule: Rule) -> float:
    if not found.truths:
        return UNKNOWN
    return round(min(HIGHEST, max(LOWEST, rule.of(found).min_score)), 3)
