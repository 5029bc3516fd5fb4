"""Which of a model's classes is which of ours: so a model of 91 classes is judged on the five that we want."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tapetum.inference.decode import Floats
from tapetum_trainer.errors import RecipeError

Labels = Mapping[str, Sequence[str]]
"""Our label -> theirs."""


def columns(ours: Sequence[str], theirs: Sequence[str], mapping: Labels | None = None) -> NDArray[np.int32]:
    """Return (theirs,): for each of a model's classes the index of ours, -1 where it is none.

    mapping: our label -> theirs; what is not in it, and all where it is None, goes by the same name. Raises RecipeError
    where it names a label that there is not, or one of theirs for two of ours, or where nothing is left.
    """
    wanted = {label: [label] if label in theirs else [] for label in ours} | {
        label: list(names) for label, names in (mapping or {}).items()
    }
    found = np.full(len(theirs), -1, np.int32)
    for label, names in wanted.items():
        if label not in ours:
            raise RecipeError(f"{label}: there is no such class; there are {', '.join(ours)}")
        for name in names:
            found[_place(name, label, theirs, found)] = ours.index(label)
    if (found < 0).all():
        raise RecipeError(f"the model knows none of {', '.join(ours)}; it knows {_some(theirs)}: give a mapping")
    return found


def _place(name: str, label: str, theirs: Sequence[str], found: NDArray[np.int32]) -> int:
    if name not in theirs:
        raise RecipeError(f"{label} = {name}: the model has no such label; it has {_some(theirs)}")
    place = list(theirs).index(name)
    if found[place] >= 0:
        raise RecipeError(f"{name} means two classes; one of them is wanted")
    return place


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:20]) + (", ..." if len(labels) > 20 else "")


def relabelled(rows: Floats, ours: NDArray[np.int32]) -> Floats:
    """Return the rows (k, 6) with our classes, those of none left out. ours: of `columns`."""
    theirs = rows[:, 0].astype(np.int64)
    inside = (theirs >= 0) & (theirs < len(ours))
    kept: Floats = rows[inside & (ours[theirs.clip(0, len(ours) - 1)] >= 0)].copy()
    kept[:, 0] = ours[kept[:, 0].astype(np.int64)]
    return kept


def given(means: Sequence[str], ours: Sequence[str]) -> dict[str, tuple[str, ...]] | None:
    """Return our label -> the model's, as `--means OURS=THEIRS,...` gives them; raises RecipeError."""
    found = {}
    for one in means:
        label, equals, theirs = one.partition("=")
        if not equals or label not in ours:
            raise RecipeError(f"--means {one}: OURS=THEIRS,... is wanted, OURS of {', '.join(ours)}")
        found[label] = tuple(theirs.split(","))
    return found or None


def fitting(theirs: Sequence[str], mapping: Labels | None) -> dict[str, tuple[str, ...]] | None:
    """Return the part of `mapping` whose labels a model has: another model may have ours."""
    known = {ours: tuple(label for label in labels if label in theirs) for ours, labels in (mapping or {}).items()}
    return {ours: labels for ours, labels in known.items() if labels} or None
