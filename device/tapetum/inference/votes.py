"""What a track is held to be: what a model said of it over its life, the latest counting most."""

from collections import defaultdict

from tapetum.scene import Detection, Label

_FADES = 0.8  # what is left of older votes when one is added: what was half seen at first is outvoted soon
_CLEAR = 0.7  # of all evidence for one label, and it is settled


class Votes:
    """The answers about one track, and how often it was asked about."""

    def __init__(self) -> None:
        self._evidence: dict[str, float] = defaultdict(float)
        self._squares: dict[str, float] = defaultdict(float)
        self._model = ""
        self.asked = 0
        self.asked_ns = 0
        self.rechecked = 0  # questions since it is settled
        self.doubted = 0  # questions since it is not

    def ask(self, t_ns: int, enough: float) -> None:
        """Count a question; `enough`: the sum of scores from which it has a label."""
        settled = self.settled(enough)
        self.asked += 1
        self.asked_ns = t_ns
        self.rechecked = self.rechecked + 1 if settled else 0
        self.doubted = 0 if settled else self.doubted + 1

    def add(self, detection: Detection, model: str, weight: float = 1.0) -> None:
        """Count one detection that fits the track, by its score and `weight`; older votes fade."""
        for label in self._evidence:
            self._evidence[label] *= _FADES
            self._squares[label] *= _FADES
        self._evidence[detection.label] += weight * detection.score
        self._squares[detection.label] += weight * detection.score**2
        self._model = model

    def leading(self) -> str | None:
        """Return the label with the most evidence, or None before the first vote."""
        return max(self._evidence, key=lambda label: self._evidence[label], default=None)

    def label(self, enough: float) -> Label | None:
        """Return the leading label, or None while its scores sum to less than `enough`.

        Its score is the mean score of its votes, weighted by the scores, times its share of all evidence.
        """
        name = self.leading()
        if name is None or self._evidence[name] < enough:
            return None
        return Label(name, self._squares[name] / sum(self._evidence.values()), self._model)

    def settled(self, enough: float) -> bool:
        """Return whether it has a label, and little speaks for another."""
        name = self.leading()
        if name is None or self._evidence[name] < enough:
            return False
        return self._evidence[name] >= _CLEAR * sum(self._evidence.values())
