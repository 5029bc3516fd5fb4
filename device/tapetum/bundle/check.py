"""Whether the parts of a bundle fit together: what no type can say."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence

from tapetum.bundle.manifest import FILE, FileEntry, Manifest, ProbeEntry
from tapetum.bundle.plain import picture_of
from tapetum.bundle.tflite import describe
from tapetum.errors import BundleError, Unreadable, Unsuitable
from tapetum.inference.contract import Input
from tapetum.inference.labels import PLACEHOLDER
from tapetum.inference.tensors import TensorSpec

_NEAR = 1e-6  # relative: a scale is a float32 in the model and a decimal number in the manifest


def check(manifest: Manifest, files: Mapping[str, memoryview]) -> None:
    """Raise Unreadable or Unsuitable where the manifest, its files and the model contradict each other.

    files: all of the archive by their paths, the manifest left out.
    """
    _check_files(manifest.files, files)
    _check_uses(manifest)
    _check_labels(manifest)
    _check_model(manifest, files[manifest.model])
    for index, probe in enumerate(manifest.probes):
        _check_probe(manifest, probe, f"probes[{index}]")


def _wrong(field: str, text: str) -> Unreadable:
    return Unreadable(f"{FILE}: {field}: {text}")


def _check_files(told: Mapping[str, FileEntry], found: Mapping[str, memoryview]) -> None:
    """Raise Unreadable unless the archive holds exactly the files that are told of, byte for byte."""
    for path in sorted(told.keys() ^ found.keys()):
        where = "the archive", "the manifest"
        there, lacking = where if path in found else where[::-1]
        raise _wrong(f"files.{path}", f"it is in {there}, and not in {lacking}")
    for path, entry in told.items():
        if len(found[path]) != entry.bytes:
            raise Unreadable(f"{path}: it has {len(found[path])} bytes, and files.{path}.bytes is {entry.bytes}")
        digest = hashlib.sha256(found[path]).hexdigest()
        if digest != entry.sha256:
            raise Unreadable(f"{path}: it is not the file that was packed: its sha256 is {digest}")


def _uses(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield (field, path) for each use of a file."""
    yield "model", manifest.model
    yield from ((f"twins.{kind}", path) for kind, path in manifest.twins.items())
    yield from ((f"probes[{index}].pixels", probe.pixels) for index, probe in enumerate(manifest.probes))
    if manifest.card is not None:
        yield "card", manifest.card


def _check_uses(manifest: Manifest) -> None:
    """Raise Unreadable unless each file is for something, and for one thing."""
    unused = set(manifest.files)
    for field, path in _uses(manifest):
        if path not in unused:
            raise _wrong(field, f"{path} is not in files, or is named for something else too")
        unused.remove(path)
    for path in sorted(unused):
        raise _wrong(f"files.{path}", "it is for nothing: neither model, twin, probe nor card")


def _check_labels(manifest: Manifest) -> None:
    """Raise Unreadable where two classes have one name, or a threshold is for none."""
    names = [label for label in manifest.labels if label != PLACEHOLDER]
    if len(set(names)) != len(names):
        twice = next(name for name, after in zip(sorted(names), sorted(names)[1:], strict=False) if name == after)
        raise _wrong("labels", f"{twice!r} stands there twice; one name for each class is wanted")
    for label in sorted(manifest.min_score.keys() - set(names)):
        raise _wrong(f"min_score.{label}", "it is none of the labels")


def _check_probe(manifest: Manifest, probe: ProbeEntry, field: str) -> None:
    """Raise Unreadable where a probe is no picture for this model, or expects what cannot be."""
    wanted = manifest.input.width * manifest.input.height * manifest.input.channels
    if manifest.files[probe.pixels].bytes != wanted:
        raise _wrong(f"{field}.pixels", f"{probe.pixels} has another size than the {wanted} bytes of the input")
    for expected in probe.expected:
        left, top, right, bottom = expected.box
        if expected.label not in manifest.labels:
            raise _wrong(f"{field}.expected", f"{expected.label!r} is none of the labels")
        if left >= right or top >= bottom:
            raise _wrong(f"{field}.expected", f"the box {expected.box} is empty; left, top, right, bottom are wanted")


def _check_model(manifest: Manifest, model: memoryview) -> None:
    """Raise Unreadable or Unsuitable unless the model takes and gives what the manifest says it does."""
    try:
        described = describe(model)
        tensor = picture_of(described)
    except BundleError as error:
        raise type(error)(f"{manifest.model}: {error}") from None
    for field, given, found in _compared(manifest.input, tensor):
        if given != found:
            raise Unsuitable(f"{FILE}: input.{field}: it is {given}, and that of {manifest.model} is {found}")
    if (manifest.input.dtype == "float32") != (manifest.input.scale == 0):
        raise _wrong("input.scale", "it must be 0 for float32, and more for whole numbers")
    _check_outputs(manifest, described.outputs)


def _check_outputs(manifest: Manifest, outputs: Sequence[TensorSpec]) -> None:
    """Raise Unsuitable when the decoder does not read these; where a shape is left to the runtime, the worker tells."""
    if any(min(output.shape, default=0) < 1 for output in outputs) or manifest.decoder.fits(outputs):
        return
    shapes = ", ".join(str(output.shape) for output in outputs) or "none"
    kind = manifest.decoder.__struct_config__.tag
    wanted = manifest.decoder.WANTED
    raise Unsuitable(
        f"{FILE}: decoder: the outputs of {manifest.model} are {shapes}; {kind}, as it is set there, reads {wanted}"
    )


def _compared(given: Input, tensor: TensorSpec) -> Iterator[tuple[str, object, object]]:
    """Yield (field, what the manifest says, what the model says)."""
    _, height, width, channels = tensor.shape
    yield "height", given.height, height
    yield "width", given.width, width
    yield "channels", given.channels, channels
    yield "dtype", given.dtype, tensor.dtype
    if tensor.scale:  # a tensor may be without one: then the manifest's is what there is
        near = math.isclose(given.scale, tensor.scale, rel_tol=_NEAR)
        yield "scale", given.scale, given.scale if near else tensor.scale
        yield "zero_point", given.zero_point, tensor.zero_point
