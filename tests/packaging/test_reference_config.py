"""The commented reference `tapetum.toml` tells the truth about every setting."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import msgspec
import pytest

from tapetum import config, data
from tapetum.capture import AnySource
from tapetum.capture.source import SourceSettings

_SETTING = re.compile(r"^#(?=\S)", re.MULTILINE)
TEXT = (Path(__file__).parents[2] / "firmware-config/tapetum.toml").read_text(encoding="utf-8")
ACTIVE = _SETTING.sub("", TEXT)  # every setting taken out of its comment

Table = dict[str, Any]


def structs(found: Any) -> list[type[msgspec.Struct]]:
    """Return the structs among the members of a type, or among those of its elements."""
    while get_origin(found) in (Annotated, tuple):
        found = get_args(found)[0]
    members = get_args(found) or (found,)
    return [one for one in members if isinstance(one, type) and issubclass(one, msgspec.Struct)]


def chosen(kinds: list[type[msgspec.Struct]], table: Table) -> type[msgspec.Struct]:
    """Return the member of a union that the table's tag chooses."""
    for kind in kinds:
        tag = kind.__struct_config__
        if len(kinds) == 1 or table.get(str(tag.tag_field)) == tag.tag:
            return kind
    raise AssertionError(f"{table}: chooses none of {kinds}")


def tables(kind: type[msgspec.Struct], table: Table, place: str = "") -> Iterator[tuple[str, type, Table]]:
    """Yield every table of the file with its place and the struct that it sets."""
    yield place, kind, table
    for field in msgspec.structs.fields(kind):
        value = table.get(field.encode_name)
        where = f"{place}.{field.encode_name}".strip(".")
        if field.encode_name == "camera" and kind is config.Config:
            for name, camera in (value or {}).items():
                yield from tables(config.CameraSettings, camera, f"{where}.{name}")
        elif isinstance(value, dict | list) and structs(field.type):
            for one in value if isinstance(value, list) else [value]:
                yield from tables(chosen(structs(field.type), one), one, where)


FOUND = list(tables(config.Config, tomllib.loads(ACTIVE)))
KINDS = sorted({kind for _, kind, _ in FOUND}, key=lambda kind: kind.__name__)


def wanted(kind: type = config.Config) -> Iterator[type]:
    """Yield every struct that can be set, as the types say."""
    yield kind
    for field in msgspec.structs.fields(kind):
        inner = config.CameraSettings if field.encode_name == "camera" and kind is config.Config else None
        for one in [inner] if inner else structs(field.type):
            yield from wanted(one)


def keys_of(kind: type) -> set[str]:
    found = {field.encode_name for field in msgspec.structs.fields(kind)}
    return found | ({str(kind.__struct_config__.tag_field)} if kind.__struct_config__.tag_field else set())


def test_nothing_in_the_reference_is_active():
    assert tomllib.loads(TEXT) == {}


def test_the_reference_can_be_used_with_every_setting_taken_out_of_its_comment():
    assert set(config.parse(ACTIVE).camera) == {"front", "usb", "gate", "jetson", "clip", "drawn"}


def test_every_group_of_settings_is_in_the_reference():
    assert set(KINDS) == set(wanted())


def test_every_kind_of_source_has_an_example():
    assert {kind for kind in KINDS if issubclass(kind, SourceSettings)} == set(get_args(AnySource))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_key_that_there_is_is_in_the_reference_and_no_other(kind: type):
    of_kind = [set(table) for _, found, table in FOUND if found is kind]
    assert set().union(*of_kind) == keys_of(kind)
    if issubclass(kind, SourceSettings):
        assert of_kind == [keys_of(kind)]


def shown() -> list[Any]:
    """Return (value, default) of every setting in the reference that has a default and is no table of its own."""
    found = []
    for place, kind, table in FOUND:
        for field in msgspec.structs.fields(kind):
            name = field.encode_name
            if name not in table or field.required or structs(field.type) or (kind, name) == (config.Config, "camera"):
                continue
            made = field.default_factory is not msgspec.NODEFAULT
            default = msgspec.to_builtins(field.default_factory() if made else field.default)
            found.append(pytest.param(table[name], default, id=f"{place}.{name}".strip(".")))
    return found


@pytest.mark.parametrize(("value", "default"), shown())
def test_the_value_shown_is_the_default(value: Any, default: Any):
    wanted_value = list(default) if isinstance(default, tuple) else default
    assert value == wanted_value
    assert type(value) is type(wanted_value)


def bounds(kind: type, name: str) -> list[str]:
    """Return the numbers that bound the field, as they are written."""
    hint = next(field.type for field in msgspec.structs.fields(kind) if field.encode_name == name)
    metas = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    found = [getattr(meta, side) for meta in metas for side in ("ge", "gt", "le", "lt")]
    return [f"{bound:g}" if bound < 1e5 else str(bound) for bound in found if bound is not None]


def comment_above(place: str, name: str) -> str:
    """Return the prose above the setting: the last comment before it, and what its own line says."""
    lines = iter(TEXT.splitlines())
    next(line for line in lines if line in (f"#[{place}]", f"#[[{place}]]") or not place)
    prose: list[str] = []
    fresh = True
    for line in lines:
        if line.startswith("# "):
            prose = [line] if fresh else [*prose, line]
            fresh = False
        else:
            fresh = True
        if line.startswith(f"#{name} ="):
            return " ".join(prose)
    raise AssertionError(f"[{place}] {name}: not found")


def ranged() -> list[Any]:
    """Return (struct, place, name) of every setting with bounds; what all sources have, at the first of them alone."""
    found = []
    seen: set[str] = set()
    for place, kind, table in FOUND:
        for name in table:
            inherited = issubclass(kind, SourceSettings) and name in SourceSettings.__struct_fields__
            known = {field.encode_name for field in msgspec.structs.fields(kind)}
            if name in known and not (inherited and name in seen) and bounds(kind, name):
                found.append(pytest.param(kind, place, name, id=f"{place}.{name}".strip(".")))
            seen.add(name)
    return found


@pytest.mark.parametrize(("kind", "place", "name"), ranged())
def test_the_range_of_a_number_is_told_above_it(kind: type, place: str, name: str):
    prose = comment_above(place, name)
    assert set(bounds(kind, name)) <= set(re.findall(r"\d+(?:\.\d+)?", prose)), prose


def test_the_package_finds_its_reference():
    assert data.reference_config().read_text(encoding="utf-8") == TEXT
