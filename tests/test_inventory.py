"""What a device says of itself is read in bounds, whatever comes."""

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tapetum import health, inventory
from tapetum.inventory import LARGEST, LONGEST, MOST, Inventory

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
GOOD = {
    "schema": 1, "tapetum": "0.1.0", "python": "3.11.7", "machine": "aarch64", "packages": {"numpy": "2.4.6"},
    "model": "street@4", "classes": ["aarch64", "cpu"], "cameras": {"hall": "picamera"}, "root": "a" * 64,
}  # fmt: skip


def test_what_a_device_says_is_read_as_it_was_meant():
    said = health.inventory("street@4", {"hall": "picamera"}, ("aarch64", "cpu"), "a" * 64)
    assert inventory.parse(msgspec.json.encode(said)) == said
    assert said.tapetum == "0.1.0"
    assert inventory.parse(json.dumps({**GOOD, "later": {"more": 1}}).encode()).model == "street@4"


def test_a_device_with_more_than_fits_says_as_much_as_does():
    many = {f"camera-{number:03}-{'x' * 200}": "y" * 200 for number in range(200)}
    said = health.inventory("m" * 500, many, tuple("c" * 300 for _ in range(90)), "")
    assert (len(said.cameras), len(said.classes), len(said.model)) == (MOST, MOST, LONGEST)
    payload = msgspec.json.encode(said)
    assert max(map(len, [*said.cameras, *said.cameras.values(), *said.classes])) == LONGEST
    assert inventory.parse(payload) == said


@given(
    st.binary(max_size=300)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.builds(lambda name, value: json.dumps(GOOD | {name: value}).encode(), st.sampled_from(sorted(GOOD)), VALUES)
)
@example(b"[" * LARGEST)
@example(json.dumps(GOOD | {"cameras": {"x" * 200: "y"}}).encode())
@example(json.dumps(GOOD | {"root": "A" * 64}).encode())
@example(json.dumps(GOOD | {"root": "a" * 64 + "\n"}).encode())
@example(json.dumps(GOOD | {"schema": 2}).encode())
@example(b"x" * (LARGEST + 1))
def test_an_inventory_is_one_in_its_bounds_or_is_refused(payload: bytes):
    try:
        found = inventory.parse(payload)
    except ValueError:
        return
    assert found.schema == 1
    assert found.root in ("", "a" * 64)
    for texts in (found.packages, found.cameras):
        assert len(texts) <= MOST
        assert all(len(text) <= LONGEST for pair in texts.items() for text in pair)


@pytest.mark.parametrize("field", ["tapetum"])
def test_what_must_be_said_is_missed(field: str):
    with pytest.raises(ValueError, match=field):
        inventory.parse(json.dumps({name: value for name, value in GOOD.items() if name != field}).encode())


def test_a_root_is_known_by_its_bytes(tmp_path):
    assert inventory.digest(tmp_path / "root.json") == ""
    (tmp_path / "root.json").write_bytes(b"{}")
    assert (
        inventory.digest(tmp_path / "root.json") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )
    assert Inventory(tapetum="0.1.0").root == ""
