"""What a track is held to be: what a model said of it over its life, the latest counting most.

A track without a label takes the leading one as soon as enough speaks for it. One that has a label keeps it until
another is as clear as a settled one: a lead alone may be a quarter of what was said, and a name that comes and goes
with each answer is worse than one that comes late.
"""

from collections import defaultdict

from tapetum.inference.scheduler import Standing
from tapetum.scene import Detection, Label

_FADES = 0.8  # what is left of older votes when one is added: what was half seen at first is outvoted soon
_CLEAR = 0.7  # of all evidence for one label, and it is settled


class Votes:
    """The answers about one track."""

    def __init__(self, enough: float) -> None:
        """`enough`: the sum of scores from which it has a label."""
        self._enough = enough
        self._evidence: dict[str, float] = defaultdict(float)
        self._squares: dict[str, float] = defaultdict(float)
        self._held: str | None = None
        self._models: dict[str, str] = {}  # who has said it last

    def add(self, detection: Detection, model: str, weight: float = 1.0) -> None:
        """Count one detection that fits the track, by its score and `weight`; older votes fade."""
        for label in self._evidence:
            self._evidence[label] *= _FADES
            self._squares[label] *= _FADES
        self._evidence[detection.label] += weight * detection.score
        self._squares[detection.label] += weight * detection.score**2
        self._models[detection.label] = model
        self._held = self._believed()

    def leading(self) -> str | None:
        """Return the label with the most evidence, or None before the first vote."""
        return max(self._evidence, key=lambda label: self._evidence[label], default=None)

    @property
    def label(self) -> Label | None:
        """What it is held to be, or None while too little speaks for anything.

        Its score is the mean score of its votes, weighted by the scores, times its share of all evidence.
        """
        if self._held is None:
            return None
        return Label(self._held, self._squares[self._held] / sum(self._evidence.values()), self._models[self._held])

    @property
    def standing(self) -> Standing:
        """What they have come to."""
        if self._held is None:
            return Standing.LEANING if self._evidence else Standing.UNKNOWN
        return Standing.SETTLED if self._is_clear(self._held) else Standing.NAMED

    def _believed(self) -> str | None:
        """Return the leading label where it is to be held from now on, else the one that is held."""
        leading = self.leading()
        if leading is None or self._evidence[leading] < self._enough:
            return self._held
        return leading if self._held is None or self._is_clear(leading) else self._held

    def _is_clear(self, label: str) -> bool:
        return self._evidence[label] >= _CLEAR * sum(self._evidence.values())
