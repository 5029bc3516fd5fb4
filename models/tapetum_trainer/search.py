"""What of a recipe is tried in several ways: its `[search]`, and the recipes that come of it.

A key is told by its path, `fit.rates.peak`; what it may be is a list, or a range. Each trial draws one of each by
chance: J. Bergstra and Y. Bengio, "Random search for hyper-parameter optimization", JMLR 13, 2012, show why that finds
more than a grid when few of the keys matter.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta

from tapetum.settings import Count, Settings

Value = str | bool | int | float


class Range(Settings, frozen=True, kw_only=True):
    """Numbers between two, both included; whole ones where both are written without a point."""

    low: int | float
    high: int | float
    log: bool = False  # each factor is as likely, as for rates

    def __post_init__(self) -> None:
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError(f"low ({self.low}) is less than high ({self.high}), and above 0 where log is wanted")

    @property
    def whole(self) -> bool:
        """Whether whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Choice = Annotated[tuple[Value, ...], Meta(min_length=2)]


class Search(Settings, frozen=True, kw_only=True):
    """Which keys, and how often."""

    over: Annotated[dict[str, Range | Choice], Meta(min_length=1)]  # by the key's path
    epochs: Count | None = None  # of a trial; those of `fit` by itself
    trials: Annotated[int, Meta(ge=2, le=1000)] = 12
    halving: bool = True  # a trial that is among the worse half after `grace`, twice, 4 times so many, ... ends there
    grace: Count = 2  # epochs


def changed(values: Mapping[str, Any], changes: Mapping[str, Value]) -> dict[str, Any]:
    """Return the recipe's `values`, as in its file, with `changes` by their paths, and nothing more to be searched.

    Raises KeyError with the path that leads through something that is no table.
    """
    found = copy.deepcopy({name: value for name, value in values.items() if name != "search"})
    for path, value in changes.items():
        *tables, key = path.split(".")
        place = found
        for name in tables:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise KeyError(path)
        place[key] = value
    return found


def corners(search: Search) -> Iterator[dict[str, Value]]:
    """Yield every value that a key must take, one key at a time: the ends of ranges, and all that can be chosen."""
    for path, over in search.over.items():
        yield from ({path: value} for value in ((over.low, over.high) if isinstance(over, Range) else over))
