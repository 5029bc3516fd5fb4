"""Whatever is wrong with tapetum.toml is said with its key and what would be right, and nothing of it is taken."""

import contextlib
import json
import math
import re
import socket
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from tapetum import config, data
from tapetum.alerts.broker import Broker
from tapetum.capture import AnySource, Stream, Synthetic
from tapetum.config import CameraSettings, Config
from tapetum.errors import ConfigError
from tapetum.motion import Method
from tapetum.settings import Settings
from tapetum.tracking.choice import Choice

Table = dict[str, Any]
REQUIRED: Table = {"url": "rtsp://camera/1", "path": "clip.mp4", "command": ["camera", "--y4m"]}
"""What a source's keys without a default are set to here."""


def toml(value: Any) -> str:
    """Return `value` as TOML writes it, tables inline."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {toml(one)}" for key, one in value.items()) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def text_of(table: Table) -> str:
    """Return a configuration file that says `table`."""
    return "\n".join(f"{json.dumps(key, ensure_ascii=False)} = {toml(value)}" for key, value in table.items())


def refused(table: Table | str) -> str:
    """Return why the configuration is refused."""
    with pytest.raises(ConfigError) as error:
        config.parse(table if isinstance(table, str) else text_of(table))
    return str(error.value)


def camera(**settings: Any) -> Table:
    """Return a configuration of one camera called front."""
    return {"camera": {"front": {"source": {"type": "synthetic"}} | settings}}


class Place(typing.NamedTuple):
    """A table of the configuration: where it is, what it is, and what must stand in it at least."""

    keys: tuple[str, ...]
    kind: inspect.StructType
    least: Table

    def with_value(self, key: str, value: Any) -> Table:
        """Return a configuration in which `key` of this table is `value`, and all else as it should be."""
        table: Table = self.least | {key: value}
        for level in reversed(self.keys):
            table = {level: table}
        if self.keys[:2] == ("camera", "front") and "source" not in table["camera"]["front"]:
            table["camera"]["front"]["source"] = {"type": "synthetic"}
        return table

    def key(self, name: str) -> str:
        return ".".join((*self.keys, name))


def structs(kind: inspect.Type) -> list[inspect.StructType]:
    """Return the kinds of table that `kind` allows."""
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return [one for one in members if isinstance(one, inspect.StructType)]


def places(kind: inspect.StructType, keys: tuple[str, ...] = ()) -> Iterator[Place]:
    """Yield every table of the configuration, each kind of source, method and follower."""
    required = {one.encode_name: REQUIRED[one.encode_name] for one in kind.fields if one.encode_name in REQUIRED}
    yield Place(keys, kind, ({kind.tag_field: kind.tag} if kind.tag_field else {}) | required)
    for one in kind.fields:
        for inner in structs(one.type):
            yield from places(inner, (*keys, one.encode_name))


def described(kind: type) -> inspect.StructType:
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    return found


PLACES = [*places(described(Config)), *places(described(CameraSettings), ("camera", "front"))]


WRONG: dict[type, list[Any]] = {
    inspect.IntType: ["1", 1.5, True, []],
    inspect.FloatType: ["1", True, [], math.nan, math.inf, -math.inf],
    inspect.StrType: [1, True, ["a"], "a\0b"],
    inspect.BoolType: ["yes", 1],
    inspect.LiteralType: ["nonsense", 1],
    inspect.VarTupleType: ["person", 1, [1]],
    inspect.ListType: ["person", 1, [1]],
}
"""Values of TOML that are no such thing."""


def out_of_range(kind: inspect.Type) -> list[Any]:
    """Return the values just beyond what `kind` allows."""
    found: list[Any] = []
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        step = 1 if isinstance(kind, inspect.IntType) else 1e-6
        found += [kind.ge - step] if kind.ge is not None else []
        found += [kind.le + step] if kind.le is not None else []
        found += [kind.gt] if kind.gt is not None else []
        found += [kind.lt] if kind.lt is not None else []
        found += [-(10**12), 10**30] if isinstance(kind, inspect.IntType) and kind.le is not None else []
        found += [kind.multiple_of * 500 + 1] if kind.multiple_of else []
    if isinstance(kind, inspect.StrType) and kind.pattern:
        found += ["", "ftp://camera/1"]
    if isinstance(kind, inspect.VarTupleType | inspect.ListType) and kind.min_length:
        found += [[]]
    return found


FIELDS = [(place, field) for place in PLACES for field in place.kind.fields if place.key(field.name) != "camera"]
LIMITED = [(place, field) for place, field in FIELDS if out_of_range(field.type)]
BOUNDED = [case for case in LIMITED if isinstance(case[1].type, inspect.IntType | inspect.FloatType)]


def named(value: Any) -> str | None:
    """Return what a case is called."""
    if isinstance(value, Place):
        return ".".join(value.keys) + f"({value.kind.cls.__name__})"
    return value.encode_name if isinstance(value, inspect.Field) else None


@pytest.mark.parametrize(("place", "field"), FIELDS, ids=named)
def test_a_value_of_another_type_is_refused_with_its_key(place: Place, field: inspect.Field) -> None:
    for value in WRONG.get(type(field.type), [1, "text", []]):  # the rest are tables
        message = refused(place.with_value(field.encode_name, value))
        assert message.startswith(place.key(field.encode_name)), message
        assert re.search(r"expected|one of .* is wanted", message), message


@pytest.mark.parametrize(("place", "field"), LIMITED, ids=named)
def test_a_value_out_of_range_is_refused_with_its_key_and_the_bound(place: Place, field: inspect.Field) -> None:
    for value in out_of_range(field.type):
        message = refused(place.with_value(field.encode_name, value))
        assert message.startswith(f"{place.key(field.encode_name)}: expected "), message


@pytest.mark.parametrize(("place", "field"), BOUNDED, ids=named)
def test_the_bound_itself_is_allowed(place: Place, field: inspect.Field) -> None:
    for value in (field.type.ge, field.type.le):
        if value is not None:
            config.parse(text_of(place.with_value(field.encode_name, value)))


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_an_unknown_key_is_refused_with_those_that_are_known(place: Place) -> None:
    key = "devise" if not place.keys else "surprise"
    message = refused(place.with_value(key, 1))
    assert message.startswith(f"{place.key(key)}: there is no such key; ")
    known = message.partition("known are ")[2].split(", ")
    tag = {place.kind.tag_field} if place.kind.tag_field else set()
    assert set(known) == {field.encode_name for field in place.kind.fields} | tag


@pytest.mark.parametrize(("place", "field"), FIELDS, ids=named)
def test_a_key_with_a_slip_of_the_pen_is_answered_with_the_one_that_was_meant(
    place: Place, field: inspect.Field
) -> None:
    name = field.encode_name
    message = refused(place.with_value(name + "x", 1))
    assert f"did you mean {name}?" in message


@pytest.mark.parametrize(
    ("place", "choices"),
    [
        ("source.type", AnySource),
        ("motion.algorithm", Method),
        ("tracking.follower.algorithm", Choice),
    ],
)
def test_an_unknown_choice_is_answered_with_all_there_are(place: str, choices: Any) -> None:
    table: Any = "telepathy"
    for level in reversed(place.split(".")):
        table = {level: table}
    message = refused(camera(**table))
    assert message.startswith(f"camera.front.{place}: ")
    tags = [str(kind.__struct_config__.tag) for kind in typing.get_args(choices) or (choices,)]
    assert message.endswith(f"one of {', '.join(tags)} is wanted")


def test_a_word_that_is_none_of_a_few_is_answered_with_those() -> None:
    assert refused('[broker]\ndelivery = "soon"').endswith("one of broker, receipt is wanted")
    assert refused(camera(source={"type": "synthetic", "scene": "dusk"})).endswith("one of day, night is wanted")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"camera": {"front": {}}}, "camera.front.source: it is missing"),
        ({"camera": {"front": {"source": {}}}}, "camera.front.source.type: it is missing; one of picamera, "),
        (camera(source={"type": "stream"}), "camera.front.source.url: it is missing"),
        (camera(source={"type": "pipe"}), "camera.front.source.command: it is missing"),
        (camera(source={"type": "file"}), "camera.front.source.path: it is missing"),
        (camera(source=3), "camera.front.source: expected a table"),
        ({"camera": 3}, "camera: expected tables [camera.NAME]"),
        ({"camera": [{}]}, "camera: expected tables [camera.NAME]"),
        ({"camera": {"front": 3}}, "camera.front: expected a table"),
        ({"broker": "localhost"}, "broker: expected a table"),
        (camera(rules={"labels": ["person", 3]}), "camera.front.rules.labels[1]: expected a string"),
        (
            {"broker": {"host": "broker.example"}},
            "broker.tls: alerts would go to broker.example in the clear; set tls = true",
        ),
        ({"broker": {"certificate": "a.pem"}}, "broker.key: certificate and key go together"),
        ({"broker": {"host": "localhost", "tls": True, "ca": "/no/ca.pem"}}, "broker.ca: /no/ca.pem: "),
        ({"broker": {"credentials": "/no/credentials"}}, "broker.credentials: /no/credentials: No such file"),
        ({"camera": {"cmd": {"source": {"type": "synthetic"}}}}, "camera.cmd: 'cmd' is a topic of the device itself"),
        ({"device": "repository"}, "device: 'repository' is where on the broker the models are"),
    ],
)
def test_what_is_missing_or_cannot_be_is_named(table: Table, message: str) -> None:
    assert refused(table).startswith(message)


LINE = "a\n"


@pytest.mark.parametrize("name", ["", "a/b", "a b", "+", "#", "-front", "ä", "a" * 65, "$SYS", LINE])
def test_a_name_that_cannot_be_a_level_of_a_topic_is_refused(name: str) -> None:
    assert refused({"camera": {name: {"source": {"type": "synthetic"}}}}).startswith(f"camera.{name}: ")
    if name:
        assert refused({"device": name}).startswith(f"device: {name!r} must be 1 to 64 letters, digits, ")


@pytest.mark.parametrize("name", ["a", "0", "front-door_2.left", "a" * 64])
def test_a_name_of_letters_digits_and_a_few_signs_is_taken(name: str) -> None:
    taken = config.parse(text_of({"device": name, "camera": {name: {"source": {"type": "synthetic"}}}}))
    assert taken.name == name
    assert list(taken.camera) == [name]


def test_a_device_without_a_name_is_called_as_its_machine() -> None:
    assert config.parse("").name == socket.gethostname().split(".")[0]


def test_motion_that_is_set_without_naming_a_method_is_set_for_the_default() -> None:
    taken = config.parse(text_of(camera(motion={"min_area": 0.01}))).camera["front"]
    assert taken.motion == msgspec.structs.replace(CameraSettings(source=taken.source).motion, min_area=0.01)


def test_an_empty_file_is_all_defaults() -> None:
    assert config.parse("") == Config()
    assert config.parse(text_of(camera())).camera == {"front": CameraSettings(source=Synthetic())}


def test_the_shipped_reference_is_all_defaults_but_for_what_it_names() -> None:
    assert config.load(data.reference_config()) == Config()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00", "is no text in UTF-8"),
        (b"\xef\xbb\xbf[broker]\n", "is no TOML: "),  # a byte order mark
        (b"[broker\n", "is no TOML: "),
        (b"port = 1\nport = 2\n", "is no TOML: "),
        (b"a = " + b"[" * 5000, "is no TOML: it is nested too deeply"),
        (b"[broker]\nport = " + b"9" * 5000, "is no TOML: "),
        (b"[broker]\nport = 70000\n", "broker.port: expected "),
        (b"\0\0\0\0", "is no TOML: "),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "tapetum.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(f"{path}: {message}")):
        config.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path / 'no.toml'}: No such file or directory")):
        config.load(tmp_path / "no.toml")
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path}: Is a directory")):
        config.load(tmp_path)


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
