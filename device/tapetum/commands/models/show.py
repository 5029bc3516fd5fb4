"""`tapetum models show`: what a bundle or a plain `.tflite` says of itself; no runtime is loaded."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tapetum.errors import BundleError, ConfigError
from tapetum.text import plain

if TYPE_CHECKING:
    from tapetum.bundle.tflite import Description

_FIRST = 8  # labels that are printed
_OF_A_MANIFEST = "input", "decoder", "labels", "min_score", "metrics", "provenance", "probes", "requires"
_SAID, _OPEN = "said by the manifest", "left to the worker: only a runtime knows its outputs"
_RECOGNISED = "recognised by the outputs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `models show` takes."""
    parser.add_argument(
        "file", metavar="FILE", help="a bundle (.tapetum), a .tflite, or shipped: the one that comes along"
    )
    parser.add_argument("--labels", metavar="FILE", help="labels of a .tflite (default: those in it or beside it)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(options: argparse.Namespace) -> int:
    """Print it; raises ConfigError when the file is refused."""
    from tapetum.bundle import archive, named, plain

    path = named(options.file)
    try:
        content = plain.read(path, archive.LARGEST)
        if archive.is_archive(content):
            found = _of_bundle(path, content, options.labels)
        else:
            found = _of_model(path, content, options.labels or "")
    except BundleError as error:
        raise ConfigError(f"{path}: {error}") from None
    print(json.dumps(found) if options.json else "\n".join(_lines(found)))
    return 0


def _of_bundle(path: Path, content: bytes, labels: str | None) -> dict[str, Any]:
    """Return what is to be told of a bundle."""
    from msgspec import to_builtins

    from tapetum import bundle
    from tapetum.bundle.tflite import describe

    if labels:
        raise ConfigError(f"--labels: {path} brings its own labels; leave it out")
    opened = bundle.open(content)
    told = to_builtins(opened.manifest)
    twins = {kind: told["files"][file]["bytes"] for kind, file in told["twins"].items()}
    kept = {key: told[key] for key in _OF_A_MANIFEST}
    return {
        "file": str(path), "kind": "bundle", "name": told["name"], "version": told["version"], "bytes": len(content),
        "decided": _SAID, **kept, "twins": twins, "problem": "",
        **_tensors(describe(opened.contents[opened.manifest.model])),
    }  # fmt: skip


def _of_model(path: Path, content: bytes, labels: str) -> dict[str, Any]:
    """Return what is to be told of a plain model."""
    from msgspec import to_builtins

    from tapetum.bundle import plain
    from tapetum.bundle.tflite import describe

    described = describe(content)
    contract = plain.contract_of(described)
    taken = contract.input if contract else plain.input_of(described)
    names, problem = _labels(path, described, labels)
    return {
        "file": str(path), "kind": "tflite", "name": path.stem, "version": 0, "bytes": len(content),
        "decided": _RECOGNISED if contract else _OPEN,
        "input": to_builtins(taken), "decoder": to_builtins(contract.decoder) if contract else None,
        "labels": names, "min_score": {}, "metrics": {}, "provenance": _provenance(described), "requires": "",
        "twins": {}, "probes": [], "problem": problem, **_tensors(described),
    }  # fmt: skip


def _labels(path: Path, described: "Description", labels: str) -> tuple[list[str], str]:
    """Return the labels, and what is wrong where there are none: the rest can be told without."""
    from tapetum.bundle import plain

    try:
        return list(plain.labels_of(path, described, labels)), ""
    except ConfigError as error:
        if labels:
            raise
        return [], str(error)


def _provenance(described: "Description") -> dict[str, Any]:
    """Return what the metadata say of where a model comes from."""
    told = described.metadata
    if told is None:
        return {}
    fields = {"name": told.name, "version": told.version, "author": told.author, "licence": told.licence}
    return {key: value for key, value in fields.items() if value}


def _tensors(described: "Description") -> dict[str, Any]:
    from msgspec import to_builtins

    return {"inputs": to_builtins(described.inputs), "outputs": to_builtins(described.outputs)}


# --- in words


def _lines(found: dict[str, Any]) -> list[str]:
    kind = "a bundle" if found["kind"] == "bundle" else "a plain .tflite"
    lines = [f"{_plain(found['name'])}@{found['version']}: {kind} of {found['bytes']} bytes"]
    lines += [_input(found["input"]), f"decoder: {_decoder(found['decoder'])}, {found['decided']}"]
    lines += [f"output: {_tensor(tensor)}" for tensor in found["outputs"]]
    lines += [f"twin: {kind}, {size} bytes" for kind, size in found["twins"].items()]
    lines += [_labels_line(found["labels"], found["problem"])]
    for key in ("min_score", "metrics"):
        lines += [f"{key}: " + ", ".join(f"{name} {value:g}" for name, value in found[key].items())] * bool(found[key])
    lines += [f"provenance: {key}: {_plain(value)}" for key, value in found["provenance"].items() if value]
    lines += [f"probe: {_expected(probe['expected'])}" for probe in found["probes"]]
    return lines + [f"requires: Tapetum {found['requires']} or later"] * bool(found["requires"])


def _input(taken: dict[str, Any]) -> str:
    size = f"{taken['width']} x {taken['height']}, {'RGB' if taken['channels'] == 3 else 'brightness'}"
    stored = f", scale {taken['scale']:g}, zero point {taken['zero_point']}" if taken["scale"] else ""
    mean, std = (_numbers(taken[key]) for key in ("mean", "std"))
    return f"input: {size}, {taken['dtype']}{stored}, (pixel - {mean}) / {std}, {taken['fit']}"


def _numbers(values: list[float]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else "(" + ", ".join(f"{value:g}" for value in values) + ")"


def _decoder(decoder: dict[str, Any] | None) -> str:
    if decoder is None:
        return "unknown"
    settings = ", ".join(f"{key} {value}" for key, value in decoder.items() if key != "type")
    return f"{decoder['type']}" + (f" ({settings})" if settings else "")


def _tensor(tensor: dict[str, Any]) -> str:
    stored = f", scale {tensor['scale']:g}, zero point {tensor['zero_point']}" if tensor["scale"] else ""
    shape = " x ".join(map(str, tensor["shape"])) or "shape unknown"
    return f"{_plain(tensor['name']) or 'without a name'}, {shape}, {tensor['dtype']}{stored}"


def _labels_line(labels: list[str], problem: str) -> str:
    shown = ", ".join(map(_plain, labels[:_FIRST])) + (", ..." if len(labels) > _FIRST else "")
    return f"labels: {len(labels)}: {shown}" if labels else f"labels: none: {problem}"


def _expected(expected: list[dict[str, Any]]) -> str:
    return ", ".join(f"{_plain(one['label'])} {one['score']:.0%}" for one in expected) or "nothing is to be found"


def _plain(value: Any) -> str:
    """Return a value out of a file as text of one line: a terminal must not be told what to do by it."""
    if isinstance(value, (list, tuple)):
        return "; ".join(", ".join(_plain(part) for part in one.values() if part) for one in value)
    return plain(str(value), 200)
