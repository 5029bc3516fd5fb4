"""Teachers as models that can be judged, by name: what a detector that learned from them is held against."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tapetum_trainer.evaluate.answers import Judged
from tapetum_trainer.teachers import nanodet
from tapetum_trainer.teachers.answers import Teacher
from tapetum_trainer.teachers.fetch import OBJECTRON
from tapetum_trainer.teachers.nanodet import NanoDet
from tapetum_trainer.teachers.objectron import Objectron
from tapetum_trainer.teachers.passes import Look, Passes

TEACHERS: Mapping[str, Callable[[Path], Teacher]] = {
    "objectron": lambda cache: Objectron(OBJECTRON.fetched(cache).read_bytes()),
    "nanodet": lambda cache: NanoDet(nanodet.fetched(cache).read_bytes()),
}
"""By name, each made of what lies in a folder, or is fetched into it; raises TeacherError where it cannot be had."""


def named(name: str, cache: Path) -> Judged:
    """Return a teacher with the labels of the shipped detector, looking once at each picture."""
    look = Look(TEACHERS[name](cache), Passes(grids=()))
    return Judged(name, look.labels, look.rows)
