"""Packs a model and all that is needed to run and check it into a bundle.

The same input gives the same bytes, on every machine and at any time, so that a bundle can be made again and compared:
the archive has fixed times, and the manifest a fixed order.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from tapetum import bundle
from tapetum.inference.contract import Expected, ModelSpec, Probe

FIRST = "0.1.0"  # version of Tapetum that reads bundles
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive knows
_UNIX = 3
_MODE = 0o100644 << 16


def pack(
    spec: ModelSpec,
    provenance: bundle.Provenance,
    metrics: Mapping[str, float],
    *,
    card: str = "",
    requires: str = FIRST,
) -> bytes:
    """Return the bundle of `spec`. card: the model card, Markdown. requires: the least version of Tapetum.

    spec.name: `name@version`. Raises ValueError when `spec` has no contract, and Unreadable or Unsuitable, as a device
    would, when its parts do not fit together.
    """
    if spec.contract is None:
        raise ValueError(f"{spec.name}: a contract is wanted: how the model is asked, and how its answers are read")
    files = _files(spec, card)
    name, _, version = spec.name.rpartition("@")
    manifest = {
        "schema": 1,
        "name": name,
        "version": int(version),
        "requires": requires,
        "input": spec.contract.input,
        "decoder": spec.contract.decoder,
        "labels": spec.labels,
        "min_score": _sorted(spec.min_score),
        "model": "model.tflite",
        "twins": {kind: _twin(kind) for kind in sorted(spec.twins)},
        "card": "card.md" if card else None,
        "files": {path: entry(content) for path, content in files.items()},
        "metrics": _sorted(metrics),
        "provenance": provenance,
        "probes": _probes(spec.probes),
    }
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    packed = archive({"manifest.json": text, **files})
    bundle.open(packed)  # what no device would take is never written
    return packed


def _files(spec: ModelSpec, card: str) -> dict[str, bytes]:
    files = {"model.tflite": spec.content} | {_twin(kind): spec.twins[kind] for kind in sorted(spec.twins)}
    files |= {_pixels(index): np.ascontiguousarray(probe.pixels).tobytes() for index, probe in enumerate(spec.probes)}
    return files | ({"card.md": card.encode()} if card else {})


def _twin(kind: str) -> str:
    return f"twins/{kind}.tflite"


def _pixels(index: int) -> str:
    return f"probes/{index}.raw"


def _sorted(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(values[name]) for name in sorted(values)}


def entry(content: bytes) -> dict[str, Any]:
    """Return what a manifest says of a file."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _probes(probes: Sequence[Probe]) -> list[dict[str, Any]]:
    return [
        {
            "pixels": _pixels(index),
            "expected": [_expected(one) for one in probe.expected],
            "score_tolerance": probe.score_tolerance,
            "iou": probe.iou,
        }
        for index, probe in enumerate(probes)
    ]


def _expected(one: Expected) -> dict[str, Any]:
    return {"label": one.label, "score": one.score, "box": one.box}


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of `files` by their paths; the manifest must be the first."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as file:
        for path, content in files.items():
            told = zipfile.ZipInfo(path, _TIME)
            told.create_system, told.external_attr = _UNIX, _MODE
            file.writestr(told, content)
    return target.getvalue()
