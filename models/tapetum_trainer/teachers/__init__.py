"""Teachers: networks out of packages whose licence lets their answers be used and passed on, and labels made by them.

teacher = Objectron(OBJECTRON.fetched(cache).read_bytes())
for labels in pseudo_labels(pictures, teacher, min_score=0.4, cache=cache / "answers"): ...
"""

from tapetum_trainer.teachers.answers import Answers, Teacher
from tapetum_trainer.teachers.fetch import OBJECTRON, TeacherError, Weights
from tapetum_trainer.teachers.objectron import SHIPPED, Objectron
from tapetum_trainer.teachers.passes import Grid, Passes
from tapetum_trainer.teachers.pseudo import Labeller, Labels, pseudo_labels
from tapetum_trainer.teachers.taught import Taught, Trust

__all__ = [
    "OBJECTRON", "SHIPPED", "Answers", "Grid", "Labeller", "Labels", "Objectron", "Passes", "Taught", "Teacher",
    "TeacherError", "Trust", "Weights", "pseudo_labels",
]  # fmt: skip
