"""The reference of a bundle cannot drift: it tells of every field of the manifest, and of nothing else."""

import json
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
import pytest

from tapetum.bundle import archive, manifest
from tapetum.inference.decode import AnyDecoder
from tests.test_docs import ROOT, headings
from tests.test_reference import Row, section, table

NAMES = {str: "text", bool: "true or false", int: "whole number", float: "number", type(None): "null"}
KINDS = {"path": manifest.Path, "name": manifest.Name, "line": manifest.Line}
"""Texts that are told of once, above the tables."""
LIMITS = {"min_length": "at least {}", "max_length": "up to {}"}


def unwrapped(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def structs(kind: Any) -> list[type[msgspec.Struct]]:
    """Return the structs that a type names, at any depth."""
    if get_args(kind):
        return [one for part in get_args(kind) for one in structs(part)]
    return [kind] if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else []


def type_of(kind: Any) -> str:
    """Return the type of a field in words."""
    if kind in KINDS.values():
        return next(name for name, one in KINDS.items() if one == kind)
    kind = unwrapped(kind)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return NAMES[type(parts[0])]
    if origin is dict:
        return f"object: {type_of(parts[0])} -> {type_of(parts[1])}"
    if origin is tuple:
        return f"array of {type_of(parts[0])}s"
    if origin in (UnionType, Union):
        return " or ".join(dict.fromkeys(type_of(part) for part in parts))
    return "object" if structs(kind) else NAMES[kind]


def range_of(kind: Any) -> str:
    """Return what a value of a field may be, in words."""
    if kind in KINDS.values():
        return ""
    metas = kind.__metadata__ if get_origin(kind) is Annotated else ()
    meta, inner = metas[0] if metas else msgspec.Meta(), unwrapped(kind)
    parts = get_args(inner)
    if get_origin(inner) is Literal:
        return ", ".join(f"`{json.dumps(value)}`" for value in parts)
    if get_origin(inner) is tuple and ... not in parts:
        return ", ".join(filter(None, [f"{len(parts)} of them", range_of(parts[0])]))
    if get_origin(inner) in (UnionType, Union):
        return range_of(parts[0])
    words = [f"`{meta.pattern}`".replace("|", r"\|")] if meta.pattern else []
    bounds = {"{} or more": meta.ge, "above {}": meta.gt, "up to {}": meta.le, "below {}": meta.lt}
    words += [
        text.format(f"{bound:g}" if bound < 1e6 else bound) for text, bound in bounds.items() if bound is not None
    ]
    words += [text.format(getattr(meta, name)) for name, text in LIMITS.items() if getattr(meta, name) is not None]
    if get_origin(inner) in (dict, tuple):
        inside = [range_of(part) for part in parts if part is not ...]
        words += [" -> ".join(text for text in inside if text)] if any(inside) else []
    return ", ".join(words)


def default_of(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    made = field.default_factory is not msgspec.NODEFAULT
    return f"`{json.dumps(msgspec.to_builtins(field.default_factory() if made else field.default))}`"


def rows_of(kind: type[msgspec.Struct]) -> list[Row]:
    """Return key, type, default and range of every field."""
    tag = kind.__struct_config__
    rows = [(f"`{tag.tag_field}`", "text", "required", f'`"{tag.tag}"`')] if tag.tag_field else []
    return rows + [
        (f"`{field.encode_name}`", type_of(field.type), default_of(field), range_of(field.type))
        for field in msgspec.structs.fields(kind)
    ]


def groups(kind: type[msgspec.Struct] = manifest.Manifest, place: str = "") -> Iterator[tuple[str, type]]:
    """Yield (heading, struct) for the manifest and every object in it."""
    tag = kind.__struct_config__
    yield (
        (f"`{place}`" if place else "The manifest")
        + (f' with `"{tag.tag_field}": "{tag.tag}"`' if tag.tag_field else ""),
        kind,
    )
    for field in msgspec.structs.fields(kind):
        origin = get_origin(unwrapped(field.type))
        level = {dict: ".PATH", tuple: "[]"}.get(origin, "")
        for inner in structs(field.type):
            if inner in get_args(AnyDecoder):
                continue  # they have a page of their own
            yield from groups(inner, f"{place}.{field.encode_name}{level}".strip("."))


GROUPS = list(groups())


@pytest.mark.parametrize(("heading", "kind"), GROUPS, ids=[kind.__name__ for _, kind in GROUPS])
def test_the_reference_tells_of_every_field_its_type_default_and_range(heading: str, kind: type[msgspec.Struct]):
    told = table(section("bundle.md", heading), 5)
    wanted = rows_of(kind)
    assert [row[:4] for row in told] == wanted, "\n".join("| " + " | ".join([*row, "..."]) + " |" for row in wanted)
    assert all(len(row[4]) > 3 for row in told), "each has a meaning"


@pytest.mark.parametrize("name", KINDS)
def test_the_reference_tells_what_a_text_of_each_kind_is(name: str):
    meta = KINDS[name].__metadata__[0]  # type: ignore[attr-defined]
    told = section("bundle.md", "The archive") + section("bundle.md", "The manifest")
    assert meta.pattern in told
    assert not meta.max_length or f"{meta.max_length} characters" in told


def test_the_reference_has_no_other_sections():
    found = headings(ROOT / "docs/ref/bundle.md")[1:]
    found.remove("`decoder`")
    assert found == ["The archive", *[heading for heading, _ in GROUPS], "A plain `.tflite`"]


def test_the_reference_tells_the_bounds_of_the_archive():
    text = section("bundle.md", "The archive")
    for bound in (
        f"up to {archive.LARGEST >> 20} MiB",
        f"up to {archive.MOST_FILES} files",
        f"up to {archive.LARGEST_FILE >> 20} MiB each",
        f"up to {archive.LONGEST_PATH} characters",
        f"up to {manifest.LARGEST >> 20} MiB of manifest",
    ):
        assert bound in " ".join(text.split())


def test_the_example_in_the_reference_is_a_manifest():
    text = (ROOT / "docs/ref/bundle.md").read_text(encoding="utf-8")
    example = text.split("```json\n")[1].split("```")[0]
    assert manifest.parse(example.encode()).name == "street"
