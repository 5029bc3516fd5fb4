"""Why a configuration is refused, in the operator's words: the key, what was found there, and what would be right."""

import difflib
import re
from typing import Any, Literal, get_args, get_origin

import msgspec

_PLACE = re.compile(r" - at (?:`key` in )?`(?P<place>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")
_TYPES = {"object": "a table", "array": "an array", "str": "a string", "int": "an integer", "float": "a number"}
_TYPE = re.compile(r"`(object|array|str|int|float)`")


def explained(message: str, kind: type[Any], values: Any, prefix: str) -> str:
    """Return msgspec's `message` about `values`, which should be a `kind`, with the key, below `prefix`, that is meant.

    Unknown keys come with the nearest known, choices with all that can be chosen, missing keys by their own name.
    """
    place = _PLACE.search(message)
    path = place["place"].removeprefix("$").strip(".") if place else ""
    text = _PLACE.sub("", message)
    unknown, missing = _UNKNOWN.search(text), _MISSING.search(text)
    if unknown:
        return f"{_joined(prefix, path, unknown['name'])}: {_instead(unknown['name'], _at(kind, values, path))}"
    if missing:
        path, text = _joined(path, missing["name"]), "it is missing"
    else:
        text = _TYPE.sub(lambda found: _TYPES[found[1]], text[0].lower() + text[1:])
    choices = _choices(kind, values, path)
    return f"{_joined(prefix, path)}: {text}" + (f"; one of {', '.join(choices)} is wanted" if choices else "")


def _joined(*levels: str) -> str:
    return ".".join(filter(None, levels))


def _instead(name: str, kinds: list[Any]) -> str:
    names = sorted({known.encode_name for one in kinds for known in _fields(one)} | _tag_fields(kinds))
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"there is no such key; {hint}known are {', '.join(names)}"


def _tag_fields(kinds: list[Any]) -> set[str]:
    return {str(one.__struct_config__.tag_field) for one in kinds if one.__struct_config__.tag_field}


def _choices(kind: type[Any], values: Any, path: str) -> list[str]:
    """Return what may stand at `path`, where that is one of a few: a member of a union by its tag, or a literal."""
    table, _, key = path.rpartition(".")
    members, _ = _members(kind, values, table)
    tags = [str(one.__struct_config__.tag) for one in members if one.__struct_config__.tag_field == key]
    types = [known.type for one in _at(kind, values, table) for known in _fields(one) if known.encode_name == key]
    return tags or [str(value) for found in types if get_origin(found) is Literal for value in get_args(found)]


def _at(kind: type[Any], values: Any, path: str) -> list[Any]:
    """Return the structs that may stand at `path` in `kind`: the one that a tag in `values` chooses, else all."""
    members, values = _members(kind, values, path)
    return [one for one in members if _is_chosen(one, values)] or members


def _members(kind: type[Any], values: Any, path: str) -> tuple[list[Any], Any]:
    """Return all structs that are allowed at `path` in `kind`, and what stands there in `values`."""
    members: list[Any] = [kind]
    for level in filter(None, path.split(".")):
        key, _, index = level.rstrip("]").partition("[")
        chosen = [one for one in members if _is_chosen(one, values)] or members
        types = [known.type for one in chosen for known in _fields(one) if known.encode_name == key]
        members = [one for found in types for one in _structs(found)]
        values = values.get(key) if isinstance(values, dict) else None
        values = values[int(index)] if index.isdigit() and isinstance(values, list) else values
    return members, values


def _fields(kind: Any) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def _is_chosen(kind: Any, values: Any) -> bool:
    config = kind.__struct_config__
    return isinstance(values, dict) and values.get(config.tag_field) == config.tag


def _structs(found: Any) -> list[Any]:
    """Return the structs that `found` names: itself, or, of a union, a list or a table with free keys, its parts."""
    if get_args(found):
        return [one for part in get_args(found) for one in _structs(part)]
    return [found] if isinstance(found, type) and issubclass(found, msgspec.Struct) else []
