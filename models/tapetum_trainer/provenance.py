"""Where a model that was made here comes from, as its bundle says it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import distributions

import keras

from tapetum import __version__
from tapetum.bundle import Provenance, Source


def provenance(licence: str, made_of: Sequence[Source], recipe: str, data: str) -> Provenance:
    """Return it. recipe, data: the hashes of both."""
    return Provenance(
        licence=licence,
        made_by=_versions(),
        made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        recipe=f"recipe {recipe}, data {data}",
        sources=tuple(made_of),
    )


def _versions() -> str:
    """Return what makes the model, with the versions: all of it is in the bill of materials."""
    others = ", ".join(f"{one} {_version(one)}" for one in ("keras", keras.backend.backend(), "ai-edge-quantizer"))
    return f"tapetum-trainer {__version__}, {others}"


def _version(name: str) -> str:
    """Return the version of an installed package; TensorFlow's may be that for processors alone."""
    return next(one.version for called in (name, f"{name}-cpu") for one in distributions(name=called))
