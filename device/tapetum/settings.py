"""The base of everything that can be set: frozen, strict, with its range in its type."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every group of settings; the field's default is the product's default.

    A union of settings (`Method = FrameDifference | Mixture`) is the registry of what can be chosen: the tag field of
    its members picks the class, and the class makes what runs (`start`, `open`).
    """


Fraction = Annotated[float, Meta(ge=0, le=1)]
"""A share of something, 0..1."""

Positive = Annotated[float, Meta(gt=0)]
"""More than nothing."""

Seconds = Annotated[float, Meta(gt=0, le=86400)]
"""A span of time in seconds, at most a day."""

Count = Annotated[int, Meta(ge=1)]
"""One or more."""


def located(path: str) -> Path:
    """Return `path` with `~` as the home it stands for; as it is where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
