"""What a track is held to be: the sum of what a model said of it over its life."""

from collections import defaultdict

from tapetum.scene import Detection, Label


class Votes:
    """The answers about one track, and how often it was asked about."""

    def __init__(self) -> None:
        self._evidence: dict[str, float] = defaultdict(float)
        self._squares: dict[str, float] = defaultdict(float)
        self._model = ""
        self.asked = 0
        self.asked_ns = 0
        self.rechecked = 0  # questions since it has a label

    def ask(self, t_ns: int, enough: float) -> None:
        """Count a question; `enough`: the sum of scores from which it has a label."""
        self.asked += 1
        self.asked_ns = t_ns
        self.rechecked = self.rechecked + 1 if self.label(enough) else 0

    def add(self, detection: Detection, model: str) -> None:
        """Count one detection that fits the track, by its score."""
        self._evidence[detection.label] += detection.score
        self._squares[detection.label] += detection.score**2
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
