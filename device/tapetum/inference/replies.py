"""What the worker says, before the daemon believes it: a model may have taken it over.

Every number is looked at here, once, so that nothing behind it has to: what no honest worker says is an InferenceError,
and the worker is replaced. Every text becomes a plain line: it goes into logs, the status and alerts.
"""

import itertools
from typing import Any, TypeVar

import msgspec
import numpy as np

from tapetum.errors import InferenceError, Unreadable, Unsuitable
from tapetum.inference.confine import Confinement
from tapetum.inference.contract import MOST_CLASSES, Contract
from tapetum.inference.decode import Floats
from tapetum.inference.messages import MOST_ROWS, Answered, Ready
from tapetum.inference.wire import LARGEST_REPLY, Largest
from tapetum.text import plain

_REFUSALS = {"Unreadable": Unreadable, "Unsuitable": Unsuitable}
_TOLD = 2000  # characters of what it says that are repeated: an honest one's reasons are shorter
_COLUMNS = 6
_ROW = _COLUMNS * np.dtype(np.float32).itemsize
T = TypeVar("T")


def largest(pictures: int) -> Largest:
    """Return how long the reply to that many pictures may be."""
    return Largest(LARGEST_REPLY, pictures * MOST_ROWS * _ROW)


def ready(header: dict[str, Any], given: Contract | None) -> Ready:
    """Return what the worker says of its model; raises Unreadable or Unsuitable when it refuses it.

    given: the contract that came with the model, which it may not read otherwise.
    """
    if "refused" in header:
        raise _REFUSALS.get(str(header.get("kind")), InferenceError)(plain(str(header["refused"]), _TOLD))
    found = _converted(header.get("ready"), Ready)
    if given not in (None, found.contract):
        raise _nonsense("it reads the model by another contract than that of its bundle")
    held = found.confinement
    return msgspec.structs.replace(
        found, confinement=Confinement(level=plain(held.level, _TOLD), lacks=plain(held.lacks, _TOLD))
    )


def answered(header: dict[str, Any], body: memoryview, batch: int, pictures: int) -> tuple[list[Floats], float]:
    """Return the rows (k, 6) of each picture of the batch, and the milliseconds that they took."""
    said = _converted(header, Answered)
    if said.batch != batch or len(said.counts) != pictures or sum(said.counts) * _ROW != len(body):
        raise _nonsense("it answers something else than it was asked")
    rows = np.frombuffer(body, np.float32).reshape(-1, _COLUMNS)
    if not _sensible(rows):
        raise _nonsense("its rows are no detections")
    ends = list(itertools.accumulate(said.counts))
    return [rows[end - count : end] for end, count in zip(ends, said.counts, strict=True)], said.ms


def _sensible(rows: Floats) -> bool:
    """Whether all are class, score, left, top, right, bottom. What is no number is in no range."""
    classes, shares, first, last = rows[:, 0], rows[:, 1:], rows[:, 2:4], rows[:, 4:]
    whole = (classes >= 0) & (classes < MOST_CLASSES) & (classes == np.floor(classes))
    return bool(whole.all() and ((shares >= 0) & (shares <= 1)).all() and (first < last).all())


def _converted(said: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(said, kind)
    except (msgspec.ValidationError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _nonsense(str(error)) from None


def _nonsense(why: str) -> InferenceError:
    return InferenceError(f"the worker talks nonsense: {plain(why, _TOLD)}")
