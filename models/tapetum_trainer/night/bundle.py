"""The bundle of a curve network: the archive and the manifest's form of a detector's, of another task.

A device that does not know the task says so and keeps what it has; nothing in it could be taken for a detector.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tapetum.bundle import Provenance, archive
from tapetum.bundle.manifest import FILE, FileEntry, Line, Name, Path
from tapetum.errors import Unreadable
from tapetum.inference.contract import Input
from tapetum.settings import Count, Settings
from tapetum_trainer import pack
from tapetum_trainer.night.curve import PASSES

_MODEL, _CARD = "model.tflite", "card.md"


class Manifest(Settings, frozen=True, kw_only=True):
    """What stands in `manifest.json`. passes: how often the curve is applied."""

    schema: Literal[1] = 1
    task: Literal["night"] = "night"
    name: Name
    version: Count
    requires: str = pack.FIRST
    input: Input
    passes: Annotated[int, Meta(ge=PASSES, le=PASSES)] = PASSES
    model: Path = _MODEL
    card: Path = _CARD
    files: dict[Path, FileEntry]
    metrics: dict[Line, float]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class NightBundle:
    """A bundle that was found sound. model: the `.tflite`."""

    manifest: Manifest
    model: bytes
    card: str


def packed(
    name: str, model: bytes, picture: Input, provenance: Provenance, metrics: Mapping[str, float], card: str
) -> bytes:
    """Return the bundle of `model`, the same bytes from the same input. name: `name@version`."""
    files = {_MODEL: model, _CARD: card.encode()}
    title, _, version = name.rpartition("@")
    manifest = Manifest(
        name=title,
        version=int(version),
        input=picture,
        files={path: msgspec.convert(pack.entry(content), FileEntry) for path, content in files.items()},
        metrics={key: float(metrics[key]) for key in sorted(metrics)},
        provenance=provenance,
    )
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    found = pack.archive({FILE: text, **files})
    opened(found)
    return found


def opened(content: bytes) -> NightBundle:
    """Return the bundle in `content`; raises Unreadable when it is not sound, or of another task."""
    files = dict(archive.files(content))
    try:
        manifest = msgspec.json.decode(files.pop(FILE, b""), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"{FILE}: it is no curve network's: {error}") from None
    if (
        manifest.files != {path: msgspec.convert(pack.entry(bytes(view)), FileEntry) for path, view in files.items()}
        or not {manifest.model, manifest.card} <= files.keys()
    ):
        raise Unreadable(f"{FILE}: files: they are not those that were packed")
    return NightBundle(manifest, bytes(files[manifest.model]), bytes(files[manifest.card]).decode())
