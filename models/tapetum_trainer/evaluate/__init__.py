"""How good a model is: on labelled pictures, by class, size, condition and camera, and how long it takes.

    model = load(Path("house.tapetum"))
    print(text(evaluate(model, pictures)))

`tapetum_trainer.evaluate.scores` has the arithmetic alone, for what has its answers already: validation after an epoch.
"""

from tapetum_trainer.evaluate.answers import Ask, Judged, answers, load, of_spec
from tapetum_trainer.evaluate.latency import Latency, latencies
from tapetum_trainer.evaluate.mapping import columns, relabelled
from tapetum_trainer.evaluate.matches import Matches, Operating
from tapetum_trainer.evaluate.moved import Loss, losses
from tapetum_trainer.evaluate.result import Result, evaluate
from tapetum_trainer.evaluate.scores import ClassScores, Scores, Sizes, scored
from tapetum_trainer.evaluate.truth import Pictures
from tapetum_trainer.evaluate.words import flat, json, text

__all__ = [
    "Ask",
    "ClassScores",
    "Judged",
    "Latency",
    "Loss",
    "Matches",
    "Operating",
    "Pictures",
    "Result",
    "Scores",
    "Sizes",
    "answers",
    "columns",
    "evaluate",
    "flat",
    "json",
    "latencies",
    "load",
    "losses",
    "of_spec",
    "relabelled",
    "scored",
    "text",
]
