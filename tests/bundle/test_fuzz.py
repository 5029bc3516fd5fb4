"""Whatever is done to a bundle or a model: it is read or refused, in little memory, and nothing else happens."""

import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tapetum import bundle
from tapetum.bundle import archive, flatbuffer, manifest
from tapetum.bundle.plain import contract_of, input_of, labels_of
from tapetum.bundle.tflite import Description, describe
from tapetum.errors import BundleError, ConfigError
from tapetum.inference.contract import Contract, Expected, ModelSpec, Probe
from tapetum.inference.decode import Classification
from tapetum_trainer.pack import pack
from tests.bundle.conftest import METRICS, PROVENANCE
from tests.bundle.test_bundle import unpacked, zipped

MODELS = [
    "coco_ssd_mobilenet_v1_quant/detect", "coral/mobilenet_v1_0.25_128_quant", "mediapipe/selfie_segmentation",
    "negative/model_invoking_error", "negative/person_detect", "tflm/hello_world_float", "tflm/simple_add_model",
    "yolo/yolov8n_full_integer_quant_416",
]  # fmt: skip
MOST_MIB = 24  # that reading a model, or refusing a bundle, may take beside the file itself
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def little_memory() -> Iterator[None]:
    """Fail when what is done within takes more than MOST_MIB at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_MIB << 20
    finally:
        tracemalloc.stop()


def read_or_refused(ask: Callable[[], Any]) -> Any:
    """Return what `ask` returns, or None when it refuses: with a text that somebody can read."""
    try:
        return ask()
    except BundleError as error:
        told = str(error)
    assert 10 < len(told) < 5000
    return None


class Sound:
    """A sound file, and the places in it where a change matters. No dataclass: hypothesis would print all of it."""

    def __init__(self, path: Path, content: bytes, places: list[int]) -> None:
        self.path, self.content, self.places = path, content, places

    def mutated(self, edits: list[tuple[int, int, int]]) -> bytes:
        """Return the content with other numbers at some of the places."""
        result = bytearray(self.content)
        for index, size, number in edits:
            place = self.places[index % len(self.places)]
            result[place : place + size] = number.to_bytes(8, "little")[:size]
        return bytes(result)


# --- models


def looked_at(content: bytes, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the places of all bytes that are read of a sound model: where a change matters."""
    places: set[int] = set()
    span = flatbuffer.Flatbuffer.span

    def noted(self: flatbuffer.Flatbuffer, position: int, size: int) -> memoryview:
        found = span(self, position, size)
        start = np.frombuffer(found, np.uint8).ctypes.data - base if size else 0
        places.update(range(start, start + min(size, 64)))
        return found

    base = np.frombuffer(content, np.uint8).ctypes.data
    with monkeypatch.context() as patch:
        patch.setattr(flatbuffer.Flatbuffer, "span", noted)
        describe(content)
    return sorted(places)


@pytest.fixture(scope="module", params=MODELS)
def sound(request: pytest.FixtureRequest, data: Path) -> Sound:
    """A model."""
    path = data / f"models/{request.param}.tflite"
    content = path.read_bytes()
    return Sound(path, content, looked_at(content, pytest.MonkeyPatch()))


letters = st.sampled_from([int.from_bytes(bytes([letter]) * 8, "little") for letter in b'0123579aez.}],"\xff'])
numbers = st.integers(0, 2**64 - 1) | letters  # letters: a text in which one is another is often still a text
changes = st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from([1, 1, 2, 4, 8]), numbers), min_size=1, max_size=4)


def asked(path: Path, content: bytes) -> Description:
    """Ask a model for all that is read of one."""
    found = describe(content)
    with suppress(ConfigError):
        labels_of(path, found, "")
    contract_of(found)
    return found


@many
@given(changes)
def test_a_model_is_read_or_refused(sound: Sound, edits: list[tuple[int, int, int]]):
    read_or_refused(lambda: asked(sound.path, sound.mutated(edits)))


@settings(many, max_examples=40)
@given(changes)
def test_a_model_is_read_in_little_memory(sound: Sound, edits: list[tuple[int, int, int]]):
    content = sound.mutated(edits)
    with little_memory():
        read_or_refused(lambda: describe(content))


@settings(many, max_examples=60)
@given(st.floats(0, 1))
def test_a_model_that_ends_early_is_read_or_refused(sound: Sound, share: float):
    content = sound.content[: int(len(sound.content) * share)]
    read_or_refused(lambda: asked(sound.path, content))


@settings(many, max_examples=300)
@given(st.binary(max_size=400))
def test_bytes_that_begin_as_a_model_does_are_read_or_refused(content: bytes):
    read_or_refused(lambda: describe(content[:4] + b"TFL3" + content[4:]))


# --- bundles


@pytest.fixture(scope="module")
def small(data: Path) -> Sound:
    """A bundle of a model of 300 kB; a change matters in all but the insides of its files."""
    path = data / "models/negative/person_detect.tflite"
    taken = Contract(input=input_of(describe(path.read_bytes())), decoder=Classification())
    probe = Probe(np.zeros((96, 96, 1), np.uint8), (Expected("person", 0.5, (0, 0, 1, 1)),))
    labels = "nobody", "person"
    spec = ModelSpec("person@1", path.read_bytes(), labels, taken, {"person": 0.5}, {"edgetpu": b"twin" * 9}, (probe,))
    content = pack(spec, PROVENANCE, METRICS, card="# A card")
    inside: set[int] = set()
    for name, view in archive.files(content).items():
        start = content.index(bytes(view))
        inside.update(range(start, start + len(view)) if name != manifest.FILE else ())
    return Sound(path, content, [place for place in range(len(content)) if place not in inside])


@many
@given(changes)
def test_a_bundle_in_which_something_changed_is_refused_or_holds_the_same(
    small: Sound, edits: list[tuple[int, int, int]]
):
    content = small.mutated(edits)
    assert read_or_refused(lambda: bundle.open(content)) in (None, bundle.open(small.content))


@many
@given(st.data())
def test_pieces_of_a_bundle_put_elsewhere_are_refused_or_hold_the_same(small: Sound, data: st.DataObject):
    cuts = [match.start() for match in re.finditer(b"PK\x03\x04|PK\x01\x02|PK\x05\x06", small.content)]
    pieces = [small.content[start:end] for start, end in pairwise([*cuts, len(small.content)])]
    order = data.draw(st.lists(st.integers(0, len(pieces) - 1), max_size=2 * len(pieces)))
    content = b"".join(pieces[index] for index in order)
    assert read_or_refused(lambda: bundle.open(content)) in (None, bundle.open(small.content))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["../x", "a" * 200, "x\n", "1.0.0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


def paths(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value in a manifest."""
    yield way
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        yield from paths(inner, (*way, name))


@settings(many, max_examples=400)
@given(st.data())
def test_a_manifest_in_which_something_changed_is_read_or_refused(small: Sound, data: st.DataObject):
    contents = unpacked(small.content)
    told = json.loads(contents["manifest.json"])
    way = data.draw(st.sampled_from([way for way in paths(told) if way]))
    holder = told
    for step in way[:-1]:
        holder = holder[step]
    holder[way[-1]] = data.draw(json_values)
    if isinstance(holder, dict) and data.draw(st.booleans()):
        holder[data.draw(st.text(max_size=10))] = data.draw(json_values)
    content = zipped(contents | {"manifest.json": json.dumps(told).encode("utf-8", "surrogatepass")})
    read_or_refused(lambda: bundle.open(content).spec())


@settings(many, max_examples=300)
@given(st.binary(max_size=300))
def test_bytes_are_refused(content: bytes):
    for beginning in (b"", b"PK\x03\x04"):
        with little_memory(), pytest.raises(BundleError):
            bundle.open(beginning + content)


@settings(many, max_examples=300)
@given(st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")))
@example(b'{"schema": 1, "requires": "\xff"}')
def test_a_text_is_no_manifest(text: bytes):
    with pytest.raises(BundleError):
        manifest.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"schema": 1, "labels": [' + b'"a",' * 250_000 + b'"a"]}',
        b'{"schema": 1, "metrics": {' + b'"a":1,"b":1,' * 80_000 + b'"c":1}}',
        b'{"schema": 1, "version": ' + b"9" * 1_000_000 + b"}",
        b'{"schema": 1, "requires": "' + b"9" * 1_000_000 + b'"}',
        b'{"schema": 1, "name": "' + b"a" * 1_000_000 + b'"}',
        b"[" * 1_000_000,
    ],
    ids=["labels", "metrics", "version", "requires", "name", "nesting"],
)
def test_a_manifest_that_is_too_much_of_something_is_refused_in_little_memory(text: bytes):
    with little_memory(), pytest.raises(BundleError):
        manifest.parse(text)
