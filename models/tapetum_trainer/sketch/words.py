"""What was found in a folder, and what was made of it, in words."""

from collections.abc import Mapping, Sequence

from tapetum_trainer.errors import DataError, Doubt
from tapetum_trainer.sketch.layouts import Found

_MOST = 3  # doubts that are told here


def told(
    found: Sequence[Found],
    pictures: int,
    labels: Mapping[str, int],
    classes: Mapping[str, Sequence[str]],
    left_out: Mapping[str, int],
) -> tuple[str, ...]:
    """Return the lines. labels: how many things have each; left_out: those of them that mean no class."""
    sources = ", ".join(map(_source, found))
    counted = ", ".join(_class(name, means, labels) for name, means in classes.items())
    lines = [f"{pictures} pictures: {sources}", f"classes, with how many things there are: {counted}"]
    if left_out:
        few = ", ".join(f"{label} ({count})" for label, count in left_out.items())
        lines.append(f"left out, since there are too few of them to learn from: {few}")
    return tuple(lines)


def lost(name: str, labels: Sequence[str], classes: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the line about what the bundle `name` knows, and what comes of it will not."""
    gone = [label for label in labels if label not in classes]
    return (f"known to {name}, not shown here, and not told by what comes of it: {', '.join(gone)}",) if gone else ()


def doubts(heard: Sequence[DataError]) -> tuple[str, ...]:
    """Return the lines about what is probably not meant. A mistake the training tells, `dataset check` all of them."""
    found = [str(one) for one in heard if isinstance(one, Doubt)]
    more = len(found) - _MOST
    return (
        *found[:_MOST],
        *([f"and {more} more: `tapetum-trainer dataset check` tells them"] if more > 0 else []),
    )


def _source(one: Found) -> str:
    kind, split = one.source.__struct_config__.tag, one.source.split
    return f"{kind} in {one.folder or 'it'}" + (f" ({split})" if split != "auto" else "")


def _class(name: str, means: Sequence[str], labels: Mapping[str, int]) -> str:
    count = sum(labels.get(one, 0) for one in {name, *means})
    return f"{name} ({count}: {', '.join(means)})" if means else f"{name} ({count})"
