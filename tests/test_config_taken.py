"""What is said in tapetum.toml is what is taken; and whatever is written there, it is taken or refused."""

import contextlib
import math
import re
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from tapetum import config, data
from tapetum.alerts.broker import Broker
from tapetum.capture import AnySource, Stream
from tapetum.config import CameraSettings
from tapetum.errors import ConfigError
from tapetum.settings import Settings
from tests.configuration import FIELDS, PLACES, Place, Table, camera, described, refused, text_of

# What was said is what is taken.


def texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)


def numbers(kind: inspect.IntType | inspect.FloatType) -> st.SearchStrategy[Any]:
    lows = [bound for bound in (kind.ge, kind.gt) if bound is not None]
    highs = [bound for bound in (kind.le, kind.lt) if bound is not None]
    low, high = max(lows, default=-1000), min(highs, default=1000)
    if isinstance(kind, inspect.IntType):
        step = int(kind.multiple_of or 1)
        return st.integers(math.ceil(low / step), high // step).map(lambda number: number * step)
    return st.floats(low, high, exclude_min=kind.gt is not None, exclude_max=kind.lt is not None)


def allowed(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Return values of TOML that `kind` allows."""
    match kind:
        case inspect.IntType() | inspect.FloatType():
            found = numbers(kind)
        case inspect.BoolType():
            found = st.booleans()
        case inspect.LiteralType():
            found = st.sampled_from(kind.values)
        case inspect.StrType():
            found = texts().map("rtsp://{}".format) if kind.pattern else texts()
        case inspect.VarTupleType() | inspect.ListType():
            found = st.lists(allowed(kind.item_type), min_size=kind.min_length or 0, max_size=4)
        case inspect.TupleType():
            found = st.tuples(*map(allowed, kind.item_types)).map(list)
        case inspect.DictType():
            found = st.dictionaries(allowed(kind.key_type), allowed(kind.value_type), max_size=3)
        case inspect.UnionType():
            found = st.one_of([allowed(one) for one in kind.types])
        case inspect.StructType():
            found = tables(kind)
        case _:
            raise AssertionError(f"{kind}: give it a strategy")
    return found


_FILES = {Broker: {"host", "ca", "certificate", "key", "credentials", "tls"}, Stream: {"ca"}}
"""What names files that must be there, and goes with them."""


def tables(kind: inspect.StructType) -> st.SearchStrategy[Table]:
    files = _FILES.get(kind.cls, set())
    fields = {one.encode_name: one for one in kind.fields if one.encode_name not in files}
    required = {name: allowed(one.type) for name, one in fields.items() if one.required}
    optional = {name: allowed(one.type) for name, one in fields.items() if not one.required}
    tag = {kind.tag_field: st.just(kind.tag)} if kind.tag_field else {}
    return st.fixed_dictionaries(required | tag, optional=optional)


@pytest.mark.parametrize("kind", typing.get_args(AnySource), ids=lambda kind: kind.__name__)
@given(st.data())
def test_every_kind_of_source_is_taken_as_it_was_written(kind: type[Settings], data: st.DataObject) -> None:
    table = data.draw(tables(described(kind)))
    taken = config.parse(text_of(camera(source=table)))
    assert taken.camera["front"].source == msgspec.convert(table, kind)
    assert type(taken.camera["front"].source) is kind


def with_zones_that_can_be(front: Table) -> Table:
    """Return a camera's table with zones that have an inside and names of their own, of which its rules name one."""
    names = [f"zone {number}" for number, _ in enumerate(front.get("zones", []))]
    for name, zone in zip(names, front.get("zones", []), strict=True):
        zone |= {"name": name, "points": [[0, 0], [1, 0], [zone["points"][0][0], 1]]}
    if "zones" in front.get("rules", {}):
        front["rules"]["zones"] = names[:1]
    return front


@given(
    tables(described(CameraSettings)).map(with_zones_that_can_be),
    st.builds(dict, broker=tables(described(Broker))),
)
def test_all_that_can_be_set_comes_back_from_what_was_taken(front: Table, rest: Table) -> None:
    taken = config.parse(text_of(rest | {"camera": {"front": front}}))
    again = msgspec.to_builtins(taken)
    assert config.parse(text_of(again)) == taken
    assert taken.camera["front"] == msgspec.convert(front, CameraSettings)


def test_settings_cannot_be_changed() -> None:
    taken = config.parse(text_of(camera()))
    for value in (taken, taken.broker, taken.camera["front"], taken.camera["front"].source):
        with pytest.raises(AttributeError):
            setattr(value, value.__struct_fields__[0], "other")


# Whatever is written there, it is taken or refused.

NAMES = sorted({field.encode_name for place in PLACES for field in place.kind.fields} | {"type", "algorithm", "front"})
keys = st.one_of(st.sampled_from(NAMES), st.text(max_size=5))
words = st.one_of(st.sampled_from(["synthetic", "camshift", "frame-difference", "/", "."]), st.text(max_size=8))
leaves = st.one_of(
    st.booleans(),
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    words.filter(lambda word: not word.startswith("~")),
)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


def taken_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        config.parse(text)


@given(st.dictionaries(keys, anything, max_size=5))
def test_any_table_is_taken_or_refused(table: Table) -> None:
    taken_or_refused(text_of(table))


def test_a_file_in_the_home_of_nobody_is_refused() -> None:
    assert refused({"broker": {"credentials": "~nobody-of-that-name/x"}}).startswith("broker.credentials: ")


@given(st.sampled_from(FIELDS), anything)
def test_any_value_anywhere_is_taken_or_refused(where: tuple[Place, inspect.Field], value: Any) -> None:
    place, field = where
    taken_or_refused(text_of(place.with_value(field.encode_name, value)))


@given(st.text())
def test_any_text_is_taken_or_refused(text: str) -> None:
    taken_or_refused(text)


@given(content=st.binary())
def test_any_bytes_are_taken_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    with contextlib.suppress(ConfigError):
        config.load(path)


REFERENCE = re.sub(r"^#(?=\S)", "", data.reference_config().read_text(encoding="utf-8"), flags=re.MULTILINE)


@given(st.data())
def test_a_damaged_file_is_taken_or_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(REFERENCE)))
    stop = data.draw(st.integers(start, min(len(REFERENCE), start + 40)))
    text = REFERENCE[:start] + data.draw(st.text(max_size=5)) + REFERENCE[stop:]
    taken_or_refused(text)
