"""A model with all that is needed to run and check it, in one file: `NAME.tapetum`.

A zip archive of stored files: `manifest.json` first, then the model, its twins compiled for accelerators, the pixels of
its probes. Reading it is pure: nothing is unpacked, run or written, and a file that is not sound in every byte is
refused with the field that is wrong, for whoever published it. A plain `.tflite` is read for what it says of itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tapetum import data
from tapetum.bundle import archive
from tapetum.bundle import manifest as manifests
from tapetum.bundle.check import check
from tapetum.bundle.manifest import Manifest, ProbeEntry, Provenance, Source
from tapetum.bundle.plain import of_tflite, read
from tapetum.errors import BundleError, ConfigError, Unreadable
from tapetum.inference.contract import Contract, Expected, ModelSpec, Probe
from tapetum.inference.settings import Inference
from tapetum.settings import located

__all__ = ["SHIPPED", "Manifest", "ModelBundle", "Provenance", "Source", "load", "named", "of_tflite", "open"]

SHIPPED = "shipped"
"""What names the detector that comes along, wherever the path of a model may stand."""

_BEGINNING = 8  # bytes by which a bundle and a model are told apart


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """A bundle that was read and found sound. contents: its files by their paths, the manifest left out."""

    manifest: Manifest
    contents: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """`name@version`: how alerts and logs call it."""
        return f"{self.manifest.name}@{self.manifest.version}"

    def spec(self) -> ModelSpec:
        """Return what the worker needs."""
        told = self.manifest
        return ModelSpec(
            name=self.name,
            content=self.contents[told.model],
            labels=told.labels,
            contract=Contract(input=told.input, decoder=told.decoder),
            min_score=told.min_score,
            twins={kind: self.contents[path] for kind, path in told.twins.items()},
            probes=tuple(self._probe(entry) for entry in told.probes),
        )

    def _probe(self, entry: ProbeEntry) -> Probe:
        taken = self.manifest.input
        pixels = np.frombuffer(self.contents[entry.pixels], np.uint8)
        expected = tuple(Expected(one.label, one.score, one.box) for one in entry.expected)
        shape = taken.height, taken.width, taken.channels
        return Probe(pixels.reshape(shape), expected, entry.score_tolerance, entry.iou)


def open(source: Path | str | bytes) -> ModelBundle:  # noqa: A001  `bundle.open` is what one looks for
    """Return the bundle in the file `source`, or in these bytes.

    Raises Unreadable when it is not sound, Unsuitable when this Tapetum, or no device, can use it.
    """
    content = source if isinstance(source, bytes) else read(Path(source), archive.LARGEST)
    files = dict(archive.files(content))
    if next(iter(files)) != manifests.FILE:
        raise Unreadable(f"its first file is {next(iter(files))}; {manifests.FILE} must be the first")
    manifest = manifests.parse(bytes(files.pop(manifests.FILE)))
    check(manifest, files)
    return ModelBundle(manifest, {path: bytes(view) for path, view in files.items()})


def named(model: str) -> Path:
    """Return the file that `model` names: a path, or `shipped` for the detector that comes along."""
    return data.detector() if model == SHIPPED else located(model)


def load(settings: Inference) -> ModelSpec | None:
    """Return the model that the settings name: a bundle, or a plain `.tflite` with its labels. None: they name none.

    Raises ConfigError, with key and file, when it cannot be used.
    """
    if not settings.model:
        return None
    path = named(settings.model)
    try:
        if not archive.is_archive(_beginning(path)):
            return of_tflite(path, settings.labels)
        if settings.labels:
            raise ConfigError(f"inference.labels: {path} brings its own labels; leave the key out")
        return open(path).spec()
    except BundleError as error:
        raise ConfigError(f"inference.model: {path}: {error}") from None


def _beginning(path: Path) -> bytes:
    """Return the first bytes of the file, none where it cannot be read: that is told when all of it is read."""
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING)
    except OSError:
        return b""
