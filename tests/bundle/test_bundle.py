"""A bundle: what is packed comes out, and what is not sound in every byte is refused with what is wrong."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tapetum import __version__, bundle
from tapetum.bundle.plain import LARGEST
from tapetum.errors import BundleError, ConfigError, Unreadable, Unsuitable
from tapetum.inference.contract import Contract, Input, ModelSpec, Probe
from tapetum.inference.settings import Inference
from tapetum_trainer.pack import pack
from tests.bundle.conftest import CARD, METRICS, PROVENANCE
from tests.bundle.flat import model, tensor

Manifest = dict[str, Any]


def test_what_is_packed_comes_out(packed: bytes, spec: ModelSpec):
    found = bundle.open(packed)
    assert (found.name, found.manifest.name, found.manifest.version) == ("street@3", "street", 3)
    assert (found.manifest.metrics, found.manifest.provenance) == (METRICS, PROVENANCE)
    assert found.contents["card.md"].decode() == CARD
    out = found.spec()
    assert replace(out, probes=()) == replace(spec, probes=())
    for one, other in zip(out.probes, spec.probes, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert replace(one, pixels=other.pixels) == other


def test_the_same_input_gives_the_same_bytes(packed: bytes, spec: ModelSpec):
    turned = dict(reversed(METRICS.items()))
    assert pack(spec, PROVENANCE, turned, card=CARD) == packed


def test_a_file_is_read_as_its_bytes_are(packed: bytes, tmp_path: Path):
    path = tmp_path / "street.tapetum"
    path.write_bytes(packed)
    assert bundle.open(path) == bundle.open(str(path)) == bundle.open(packed)


def test_other_programs_can_look_into_it(packed: bytes):
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:2] == ["manifest.json", "model.tflite"]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}  # not that of packing


def test_a_model_that_nobody_can_ask_is_not_packed(spec: ModelSpec):
    with pytest.raises(ValueError, match="street@3: a contract is wanted"):
        pack(replace(spec, contract=None), PROVENANCE, METRICS)


def test_what_no_device_would_take_is_not_packed(spec: ModelSpec):
    with pytest.raises(Unreadable, match=r"min_score\.tiger: it is none of the labels"):
        pack(replace(spec, min_score={"tiger": 0.5}), PROVENANCE, METRICS)


def test_a_scale_may_be_written_with_as_many_digits_as_a_float32_has(packed: bytes):
    assert bundle.open(changed(packed, put("input/scale", 0.00781250001))).name == "street@3"


# --- what is refused


def changed(packed: bytes, change: Callable[[Manifest], object], **files: bytes) -> bytes:
    """Return the bundle with its manifest changed by `change`, and `files` added or in the place of others."""
    contents = unpacked(packed)
    manifest = json.loads(contents["manifest.json"])
    change(manifest)
    return zipped(contents | {"manifest.json": json.dumps(manifest).encode()} | files)


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(contents: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return target.getvalue()


def put(path: str, value: Any) -> Callable[[Manifest], None]:
    """Return what puts `value` at `path` in a manifest; None: takes it away."""

    def change(manifest: Manifest) -> None:
        *way, last = path.split("/")
        for step in way:
            manifest = manifest[int(step)] if isinstance(manifest, list) else manifest[step]
        if value is None:
            del manifest[last]
        else:
            manifest[last] = value

    return change


def test_a_bundle_whose_manifest_is_written_anew_is_taken(packed: bytes):
    assert bundle.open(zipped(unpacked(packed))).name == "street@3"


FIELDS = [
    ("schema", 0, "schema: invalid enum value 0; one of 1 is wanted"),
    ("schema", None, "schema: it is missing"),
    ("name", "Street", "name: expected a string matching"),
    ("name", "..", "name: expected a string matching"),
    ("name", "street\n", "name: expected a string matching"),
    ("version", 0, "version: expected an integer >= 1"),
    ("version", 2.5, "version: expected an integer, got a number"),
    ("version", True, "version: expected an integer, got"),
    ("verison", 3, "verison: there is no such key; did you mean version?"),
    ("requires", "0.1", "requires: expected a string matching"),
    ("input/width", 0, "input.width: expected an integer >= 1"),
    ("input/widht", 0, "input.widht: there is no such key; did you mean width?"),
    ("input/dtype", "int4", "input.dtype: invalid enum value 'int4'; one of uint8, int8, float32 is wanted"),
    ("decoder/boxes", 1, "decoder: the outputs of model.tflite are (1, 10, 4), (1, 10), "),
    ("decoder", {"type": "classification"}, "; classification, as it is set there, reads "),
    ("input/scale", 0.0, "input.scale: it is 0.0, and that of model.tflite is 0.0078125"),
    ("input/width", 320, "input.width: it is 320, and that of model.tflite is 300"),
    ("input/height", 320, "input.height: it is 320, and that of model.tflite is 300"),
    ("input/channels", 1, "input.channels: it is 1, and that of model.tflite is 3"),
    ("input/dtype", "int8", "input.dtype: it is int8, and that of model.tflite is uint8"),
    ("input/zero_point", 0, "input.zero_point: it is 0, and that of model.tflite is 128"),
    ("decoder/type", "sdd", "decoder.type: invalid value 'sdd'"),
    ("decoder/boxes", 99, "decoder.boxes: expected an integer <= 31"),
    ("labels", [], "labels: expected an array of length >= 1"),
    ("labels", ["person", "person"], "labels: 'person' stands there twice"),
    ("labels", ["person", "a\nb"], r"labels[1]: expected a string matching"),
    ("labels", ["person", "a\u202eb"], r"labels[1]: expected a string matching"),
    ("labels", ["person", ""], r"labels[1]: expected a string matching"),
    ("labels", ["person", "x" * 101], r"labels[1]: expected a string of length <= 100"),
    ("labels", ["person"] * 10_001, "labels: expected an array of length <= 10000"),
    ("min_score/person", 1.5, "min_score[...]: expected a number <= 1.0"),
    ("min_score/tiger", 0.5, "min_score.tiger: it is none of the labels"),
    ("model", "other.tflite", "model: other.tflite is not in files"),
    ("model", "../model.tflite", "model: expected a string matching"),
    ("twins/gpu", "model.tflite", "twins.gpu: model.tflite is not in files, or is named for something else too"),
    ("twins/edgetpu", None, "files.twins/edgetpu.tflite: it is for nothing"),
    ("card", "card.txt", "card: card.txt is not in files"),
    ("files/card.md", None, "files.card.md: it is in the archive, and not in the manifest"),
    ("files/x", {"sha256": "0" * 64, "bytes": 1}, "files.x: it is in the manifest, and not in the archive"),
    ("files/card.md/bytes", 7, "card.md: it has 37 bytes, and files.card.md.bytes is 7"),
    ("files/card.md/sha256", "0" * 64, "card.md: it is not the file that was packed: its sha256 is"),
    ("files/card.md/sha1", "0", "files[...].sha1: there is no such key"),
    ("files", {"../x": {"sha256": "0" * 64, "bytes": 1}}, "files: expected a string matching"),
    ("metrics/AP50", "good", "metrics[...]: expected a number, got a string"),
    ("provenance", None, "provenance: it is missing"),
    ("provenance/licence", "", "provenance.licence: expected a string matching"),
    ("provenance/made_at", "yesterday", "provenance.made_at: expected a string matching"),
    ("probes/0/iou", 2, "probes[0].iou: expected a number <= 1.0"),
    ("probes/0/ious", 2, "probes[0].ious: there is no such key; did you mean iou?"),
    ("probes/0/pixels", "card.md", "card: card.md is not in files, or is named for something else too"),
    ("probes/0/expected/0/label", "tiger", "probes[0].expected: 'tiger' is none of the labels"),
    ("probes/0/expected/0/box", [0.5, 0, 0.5, 1], "probes[0].expected: the box (0.5, 0.0, 0.5, 1.0) is empty"),
    ("probes/0/expected/0/box", [0, 0.5, 1, 0.5], "probes[0].expected: the box (0.0, 0.5, 1.0, 0.5) is empty"),
    ("probes/0/expected/0/box", [0, 0, 1], "probes[0].expected[0].box: expected an array of length 4"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "told"), FIELDS, ids=[f"{path}-{told[:30]}" for path, _, told in FIELDS])
def test_a_field_that_is_wrong_is_named_with_what_would_be_right(packed: bytes, path: str, value: Any, told: str):
    with pytest.raises(BundleError) as caught:
        bundle.open(changed(packed, put(path, value)))
    assert told in str(caught.value)


def test_two_classes_may_be_without_a_name(spec: ModelSpec):
    names = ("person", "???", *spec.labels[2:-1], "???")
    assert bundle.open(pack(replace(spec, labels=names), PROVENANCE, METRICS)).spec().labels == names


def test_a_bundle_for_a_later_tapetum_says_what_to_update(packed: bytes):
    for change, told in [
        (put("schema", 2), f"schema: it is 2; this Tapetum {__version__} reads 1: update it"),
        (put("requires", "99.0.0"), f"requires: it is 99.0.0, and this is Tapetum {__version__}: update it"),
    ]:
        with pytest.raises(Unsuitable) as caught:
            bundle.open(changed(packed, lambda manifest, change=change: (change(manifest), manifest.update(new=1))))
        assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "manifest.json: it is no JSON"),
        (b"[]", "manifest.json: expected a table, got an array"),
        (b'{"schema": 1, "name": "\xff"}', "manifest.json: it is no JSON"),
        (b'{"schema": 1, "x": ' + b"[" * 100_000, "manifest.json: it is no JSON"),
        (b" " * (1 << 20) + b"{}", "manifest.json: it has 1048578 bytes; up to 1048576 are taken"),
    ],
    ids=["empty", "array", "encoding", "nesting", "size"],
)
def test_a_manifest_that_is_none_is_refused(packed: bytes, text: bytes, told: str):
    with pytest.raises(Unreadable) as caught:
        bundle.open(zipped(unpacked(packed) | {"manifest.json": text}))
    assert told in str(caught.value)


def test_a_key_that_stands_twice_is_refused(packed: bytes):
    contents = unpacked(packed)
    contents["manifest.json"] = contents["manifest.json"].replace(b'"AP50":', b'"AP50": 0.9, "AP50":')
    with pytest.raises(Unreadable, match="AP50: it stands there 2 times"):
        bundle.open(zipped(contents))


def test_the_manifest_must_be_the_first_file(packed: bytes):
    contents = unpacked(packed)
    last = {name: contents[name] for name in [*list(contents)[1:], "manifest.json"]}
    with pytest.raises(Unreadable, match=r"its first file is model\.tflite; manifest\.json must be the first"):
        bundle.open(zipped(last))


def test_the_model_must_be_one(packed: bytes):
    fake = b"\x10\0\0\0TFL3" + bytes(100)
    entry = {"sha256": hashlib.sha256(fake).hexdigest(), "bytes": len(fake)}
    with pytest.raises(Unreadable, match=r"^model\.tflite: "):
        bundle.open(changed(packed, put("files/model.tflite", entry), **{"model.tflite": fake}))


def test_a_model_of_whole_numbers_needs_a_scale(data: Path, spec: ModelSpec):
    content = (data / "models/tflm/hello_world_int8.tflite").read_bytes()
    with pytest.raises(Unsuitable, match=r"model\.tflite: its inputs are \(1, 1\); one picture"):
        pack(replace(spec, content=content), PROVENANCE, METRICS)


@pytest.mark.parametrize(("kind", "dtype", "scale"), [(3, "uint8", 0.0), (9, "int8", 0.0), (0, "float32", 0.5)])
def test_a_scale_is_for_whole_numbers_and_they_have_one(spec: ModelSpec, kind: int, dtype: str, scale: float):
    taken = msgspec.convert({"width": 2, "height": 2, "dtype": dtype, "scale": scale}, Input)
    content = model([tensor(kind=kind)])
    with pytest.raises(Unreadable, match=r"input\.scale: it must be 0 for float32, and more for whole numbers"):
        pack(replace(spec, content=content, contract=replaced(spec, taken), probes=()), PROVENANCE, METRICS)


def replaced(spec: ModelSpec, taken: Input) -> Contract:
    """Return the contract of `spec` with another input."""
    assert spec.contract is not None
    return Contract(input=taken, decoder=spec.contract.decoder)


def test_a_probe_has_the_size_of_the_input(spec: ModelSpec):
    small = Probe(np.zeros((10, 10, 3), np.uint8), ())
    with pytest.raises(Unreadable, match=r"probes\[0\]\.pixels: probes/0\.raw has another size"):
        pack(replace(spec, probes=(small,)), PROVENANCE, METRICS)


# --- what a configuration names


def test_a_configuration_may_name_a_bundle(packed: bytes, tmp_path: Path):
    path = tmp_path / "anything"
    path.write_bytes(packed)
    found = bundle.load(Inference(model=str(path)))
    assert found is not None
    assert (found.name, found.min_score) == ("street@3", {"person": 0.4})


def test_a_configuration_may_name_a_plain_model(model: Path):
    found = bundle.load(Inference(model=str(model)))
    assert found is not None
    assert (found.name, found.labels[0], found.content) == ("detect@0", "person", model.read_bytes())


def test_a_configuration_may_name_none():
    assert bundle.load(Inference()) is None


def test_a_bundle_brings_its_own_labels(packed: bytes, tmp_path: Path):
    path = tmp_path / "street.tapetum"
    path.write_bytes(packed)
    with pytest.raises(ConfigError, match=r"inference\.labels: .*street\.tapetum brings its own labels; leave"):
        bundle.load(Inference(model=str(path), labels="labels.txt"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "there is no such file"),
        (b"", "the file is empty"),
        (b"not a model", "it is no flatbuffer of the kind TFL3"),
        (b"PK\x03\x04" + bytes(100), "it is no bundle"),
    ],
)
def test_what_cannot_be_used_is_told_with_key_and_file(content: bytes | None, told: str, tmp_path: Path):
    path = tmp_path / "street"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        bundle.load(Inference(model=str(path)))
    assert str(caught.value).startswith(f"inference.model: {path}: {told}")


def test_a_folder_is_no_model(tmp_path: Path):
    with pytest.raises(ConfigError, match="it is no file"):
        bundle.load(Inference(model=str(tmp_path)))


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path):
    path = tmp_path / "huge.tflite"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(ConfigError, match="it has more than 128 MiB"):
        bundle.load(Inference(model=str(path)))
