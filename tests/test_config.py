"""Whatever is wrong with tapetum.toml is said with its key and what would be right, and nothing of it is taken."""

import math
import re
import socket
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from tapetum import config, data
from tapetum.capture import AnySource, Synthetic
from tapetum.config import CameraSettings, Config
from tapetum.errors import ConfigError
from tapetum.motion import Method
from tapetum.tracking.choice import Choice
from tests.configuration import FIELDS, PLACES, Place, Table, camera, named, refused, text_of

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


LIMITED = [(place, field) for place, field in FIELDS if out_of_range(field.type)]
BOUNDED = [case for case in LIMITED if isinstance(case[1].type, inspect.IntType | inspect.FloatType)]


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
