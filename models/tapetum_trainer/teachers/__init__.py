"""Teachers: networks out of packages whose licence lets their answers be used and passed on, and labels made by them.

`together(cache)` is both that there are; `pseudo_labels(pictures, together(cache), min_score)` asks them.
"""

from tapetum_trainer.teachers.answers import Answers, Seer, Teacher
from tapetum_trainer.teachers.fetch import OBJECTRON, TeacherError, Weights
from tapetum_trainer.teachers.guided import START, Guidance, Guided, guided
from tapetum_trainer.teachers.nanodet import NanoDet
from tapetum_trainer.teachers.objectron import SHIPPED, Objectron
from tapetum_trainer.teachers.passes import Grid, Look, Passes
from tapetum_trainer.teachers.pseudo import Labeller, Labels, pseudo_labels
from tapetum_trainer.teachers.taught import Taught, Trust
from tapetum_trainer.teachers.together import Together, together

__all__ = [
    "OBJECTRON", "SHIPPED", "START", "Answers", "Grid", "Guidance", "Guided", "Labeller", "Labels", "Look", "NanoDet",
    "Objectron", "Passes", "Seer", "Taught", "Teacher", "TeacherError", "Together", "Trust", "Weights", "guided",
    "pseudo_labels", "together",
]  # fmt: skip
