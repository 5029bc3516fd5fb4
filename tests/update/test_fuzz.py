"""Whatever an index, a floor, a contract or an answer of the process that fetches is: an error says so, or none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tapetum.errors import BundleError, UpdateError
from tapetum.update import floor, repository
from tapetum.update.floor import Floor
from tapetum.update.messages import Found
from tapetum.update.offer import Contract
from tapetum.update.repository import Index
from tapetum.update.trust import checked_root

T = TypeVar("T")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
GOOD: dict[type, Any] = {
    Index: {"schema": 1, "files": {"metadata/1.root.json": {"sha256": "0" * 64, "bytes": 5}}, "clearing": []},
    Floor: {"root": 1, "timestamp": {"version": 2, "keys": ["a"]}, "seen_s": 5, "push": 1, "answered": [1, "a"]},
}


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def changed(kind: type) -> st.SearchStrategy[bytes]:
    """JSON that is almost right: one of its fields is anything."""
    fields = sorted(GOOD[kind])
    return st.builds(lambda name, value: encoded(GOOD[kind] | {name: value}), st.sampled_from(fields), VALUES)


def tried(read: Callable[[], T]) -> tuple[T | None, str]:
    """Return what is read, or why it cannot be: an UpdateError is the only way."""
    try:
        return read(), ""
    except UpdateError as error:
        return None, str(error)


@settings(deadline=None)
@given(st.binary(max_size=300) | changed(Index) | VALUES.map(encoded))
@example(b"[" * 60_000)
@example(b'{"files":' * 10_000)
@example(b'{"files":{"metadata/' + b"x" * 65_000)
@example(encoded(GOOD[Index]))
def test_an_index_is_one_or_is_refused(payload: bytes):
    found, why = tried(lambda: repository.parse(payload))
    if found is None:
        assert why.startswith("tapetum/v1/repository/index: ")
        return
    assert all(1 <= len(blob.topics()) <= 4096 for blob in found.blobs())
    assert all(name.split("/")[1][0] != "." and name.count("/") == 1 for name in found.files)


@settings(deadline=None)
@given(content=st.binary(max_size=300) | changed(Floor))
def test_a_floor_is_one_or_the_device_must_be_enrolled_again(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    folder = tmp_path_factory.getbasetemp()
    (folder / floor.FILE).write_bytes(content)
    found, why = tried(lambda: floor.read(folder))
    if found is None:
        assert "enrol the device again" in why
        return
    assert found.root >= 0
    assert msgspec.json.decode(msgspec.json.encode(found), type=Floor) == found


@settings(deadline=None)
@given(VALUES)
def test_what_the_process_that_fetches_found_and_a_contract_are_ones_or_refused(value: Any):
    for kind in (Found, Contract):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(value, kind)


@settings(deadline=None)
@given(st.binary(max_size=300) | VALUES.map(encoded))
def test_what_is_no_root_is_not_trusted(content: bytes):
    with pytest.raises(BundleError):
        checked_root(content)


def test_a_floor_is_there_whole_after_it_was_written(tmp_path: Path):
    assert "No such file" in tried(lambda: floor.read(tmp_path))[1]
    for version in (1, 2):
        floor.write(tmp_path, Floor(root=version))
        assert floor.read(tmp_path).root == version
    assert [path.name for path in tmp_path.iterdir()] == [floor.FILE]
