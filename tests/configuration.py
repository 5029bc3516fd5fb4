"""All tables and keys of tapetum.toml, as the types of its settings say them, and files that hold them."""

import json
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import inspect

from tapetum import config
from tapetum.config import CameraSettings, Config
from tapetum.errors import ConfigError

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

FIELDS = [(place, field) for place in PLACES for field in place.kind.fields if place.key(field.name) != "camera"]


def named(value: Any) -> str | None:
    """Return what a case is called."""
    if isinstance(value, Place):
        return ".".join(value.keys) + f"({value.kind.cls.__name__})"
    return value.encode_name if isinstance(value, inspect.Field) else None
