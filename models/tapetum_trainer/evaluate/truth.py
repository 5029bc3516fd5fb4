"""Labelled pictures as a model is judged by them."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Pictures(Protocol):
    """What is asked of a labelled set: `tapetum_trainer.data.packed.Packed` is one."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes."""
        ...

    def __len__(self) -> int:
        """Return how many pictures there are."""
        ...

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Return (h, w, 3) RGB."""
        ...

    def boxes(self, index: int) -> NDArray[np.float32]:
        """Return (k, 4): left, top, right, bottom, fractions of the picture."""
        ...

    def classes(self, index: int) -> NDArray[np.int32]:
        """Return (k,): index into `labels`."""
        ...

    def ignored(self, index: int) -> NDArray[np.bool_]:
        """Return (k,): what is neither wanted nor punished."""
        ...

    def known(self, index: int) -> NDArray[np.bool_]:
        """Return (labels,): of which classes each thing in the picture has its box."""
        ...

    def origin(self, index: int) -> str:
        """Return where it came from, for reports."""
        ...

    def group(self, index: int) -> str:
        """Return the camera or clip that it is of; "": none."""
        ...


def groups(pictures: Pictures) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield (group, its pictures' indices) in order of name, those of no group left out."""
    found: dict[str, list[int]] = {}
    for index in range(len(pictures)):
        found.setdefault(pictures.group(index), []).append(index)
    yield from ((name, found[name]) for name in sorted(found) if name)
