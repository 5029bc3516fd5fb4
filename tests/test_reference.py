"""The references cannot drift: they hold every command, setting, field and figure that there is, and nothing else."""

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

from tapetum import cli, config, daemon, data, health
from tapetum.capture import Synthetic
from tapetum.commands import bench, status
from tests.bench.test_tracking import sequence
from tests.packaging.test_reference_config import structs
from tests.test_docs import ROOT, commands, headings, parser_of, verbs_of

Row = tuple[str, ...]
CAMERA = config.CameraSettings(source=Synthetic())
"""As it is when nothing is said."""


def section(page: str, heading: str) -> str:
    """Return what stands under `heading` on the page, up to the next heading that is as high."""
    text = (ROOT / "docs/ref" / page).read_text(encoding="utf-8")
    found = re.search(rf"^(##+) {re.escape(heading)}\n(.*?)(?=^\1 |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/ref/{page}: there is no heading {heading}"
    return found[2]


def table(text: str, columns: int) -> list[Row]:
    """Return the first `columns` cells of every row of the tables in `text`, the heads left out."""
    rows = [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in text.splitlines()]
    rows = [row[:columns] for row in rows if row]
    marks = [index for index, row in enumerate(rows) if set(row[0]) == {"-"}]
    return [row for index, row in enumerate(rows) if index not in marks and index + 1 not in marks]


def shown(action: argparse.Action) -> str:
    """Return an argument as `--help` shows it."""
    value = str(action.metavar or action.dest.upper())
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    return "`" + ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 else "") + "`"


def taken(parser: argparse.ArgumentParser) -> set[str]:
    """Return all that a parser takes but --help, as --help shows it."""
    return {shown(action) for action in parser._actions if action.dest != "help"}


@pytest.mark.parametrize("command", commands())
def test_the_reference_of_a_command_names_all_it_takes_and_nothing_else(command: str):
    wanted = taken(parser_of(command)).union(*(taken(inner) for inner in verbs_of(parser_of(command)).values()))
    assert {row[0] for row in table(section("cli.md", f"`tapetum {command}`"), 1)} == wanted


@pytest.mark.parametrize("what", bench.BENCHES)
def test_the_reference_says_which_option_is_of_which_bench(what: str):
    rows = table(section("cli.md", "`tapetum bench`"), 2)
    assert {option for option, of in rows if what in of.split(", ")} == taken(verbs_of(parser_of("bench"))[what])


def test_every_exit_status_is_told():
    told = {int(row[0]) for row in table(section("cli.md", "Exit status"), 1)}
    assert told == {0, 1, 2, status.NOT_RUNNING, daemon.BUG, cli.CONFIG_ERROR, 128 + SIGINT, 128 + SIGTERM}


def parts(kind: Any, place: str = "") -> Iterator[str]:
    """Yield the names of all fields of a dataclass, those of a camera as `cameras.NAME.fps`."""
    for name, hint in get_type_hints(kind).items():
        where = f"{place}.{name}".strip(".")
        if get_origin(hint) is Mapping and is_dataclass(get_args(hint)[1]):
            yield from parts(get_args(hint)[1], f"{where}.NAME")
        elif is_dataclass(hint):
            yield from parts(hint, where)
        else:
            yield where


def test_every_field_of_the_status_is_told():
    told = [row[0].strip("`") for row in table(section("cli.md", "Fields of the status"), 1)]
    assert told == list(parts(health.Health))


# --- settings


def range_of(kind: Any) -> str:
    """Return what a value of a field may be, in words."""
    if get_origin(kind) is Literal:
        return ", ".join(f'`"{value}"`' for value in get_args(kind))
    metas = kind.__metadata__ if get_origin(kind) is Annotated else ()
    meta = metas[0] if metas else msgspec.Meta()
    if meta.pattern:
        return f"`{meta.pattern}`".replace("|", r"\|")
    if meta.min_length:
        return f"at least {meta.min_length}"
    bounds = {"{} or more": meta.ge, "above {}": meta.gt, "up to {}": meta.le, "below {}": meta.lt}
    words = ", ".join(text.format(bound) for text, bound in bounds.items() if bound is not None)
    words = re.sub(r"^(\S+) or more, up to (\S+)$", r"\1 to \2", words)
    return words + (f", in steps of {meta.multiple_of}" if meta.multiple_of else "")


def type_of(kind: Any) -> str:
    """Return the type of a field in words."""
    if get_origin(kind) is Annotated:
        return type_of(get_args(kind)[0])
    if get_origin(kind) is tuple and get_origin(get_args(kind)[0]) is tuple:
        return "list of points"
    names = {str: "text", bool: "true or false", int: "whole number", float: "number"}
    origins = {Literal: "text", tuple: "list of texts", list: "list of texts", dict: "table"}
    return names.get(kind) or origins[get_origin(kind)]


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """Return the default of a field as TOML has it, or that a value must be given."""
    if field.required:
        return "required"
    made = field.default_factory is not msgspec.NODEFAULT
    return f"`{json.dumps(msgspec.to_builtins(field.default_factory() if made else field.default))}`"


def rows_of(kind: type[msgspec.Struct], union: int) -> list[Row]:
    """Return key, type, default and range of every setting of `kind` that is no table of its own."""
    tag = kind.__struct_config__
    rows = []
    if tag.tag_field:
        value = f'`"{tag.tag}"`'
        optional = union == 1 or kind is type(CAMERA.motion)
        rows.append((f"`{tag.tag_field}`", "text", value if optional else "required", value))
    for field in msgspec.structs.fields(kind):
        if not structs(field.type) and not (kind is config.Config and field.encode_name == "camera"):
            row = (f"`{field.encode_name}`", type_of(field.type), default_of(field), range_of(field.type))
            rows.append(row)
    return rows


def is_list(kind: Any) -> bool:
    return get_origin(get_args(kind)[0] if get_origin(kind) is Annotated else kind) is tuple


def groups(kind: type = config.Config, place: str = "", union: int = 1) -> Iterator[tuple[str, type, int]]:
    """Yield (heading, struct, members of its union) for every table of the configuration."""
    tag = kind.__struct_config__
    heading = f"`[{place}]`" if place else "The top of the file"
    yield heading + (f' with `{tag.tag_field} = "{tag.tag}"`' if union > 1 else ""), kind, union
    for field in msgspec.structs.fields(kind):
        if field.encode_name == "camera" and kind is config.Config:
            yield from groups(config.CameraSettings, "camera.NAME")
            continue
        found = structs(field.type)
        where = f"{place}.{field.encode_name}".strip(".")
        for inner in found:
            yield from groups(inner, f"[{where}]" if is_list(field.type) else where, len(found))


GROUPS = list(groups())


@pytest.mark.parametrize(("heading", "kind", "union"), GROUPS, ids=[kind.__name__ for _, kind, _ in GROUPS])
def test_the_reference_of_the_configuration_tells_of_every_key_its_type_default_and_range(heading, kind, union):
    told = table(section("configuration.md", heading), 5)
    assert [row[:4] for row in told] == rows_of(kind, union)
    assert all(len(row[4]) > 3 for row in told), "each has a meaning"


def test_the_reference_of_the_configuration_has_no_other_sections():
    assert headings(ROOT / "docs/ref/configuration.md")[1:] == [heading for heading, _, _ in GROUPS]


# --- benches


def fields(value: Any, place: str = "") -> set[str]:
    """Return the names of all fields, those of rows as `people[].label`."""
    if isinstance(value, dict):
        return set().union(*(fields(inner, f"{place}.{name}".strip(".")) for name, inner in value.items()))
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return set().union(*(fields(inner, f"{place}[]") for inner in value))
    return {place}


@pytest.fixture
def arguments(tmp_path: Path) -> dict[str, list[str]]:
    """Return for each bench what makes it short."""
    people, boxes = tmp_path / "people.json", tmp_path / "boxes.csv"
    people.write_text('{"fps": 10, "people": [{"visible": [0, 199], "in_view": [0, 199]}]}')
    boxes.write_text("1,1,100,100,40,90\n2,1,100,100,40,90\n")
    room = tmp_path / "room"
    (room / "input").mkdir(parents=True)
    (room / "input/in1.pgm").write_bytes(b"P5 32 16 255\n" + bytes(32 * 16))
    clip = ["--clip", str(data.clip()), "--truth"]
    return {
        "analysis": [],
        "motion": [str(room)],
        "alarm": [*clip, str(people)],
        "tracks": [*clip, str(boxes)],
        "tracking": [str(sequence(tmp_path))],
        "association": ["--frames", "20"],
        "delivery": ["--kills", "0", "--alerts", "2"],
        "supervisor": ["--kills", "1", "--hangs", "1"],
        "memory": ["--frames", "1"],
        "gating": [str(data.clip())],
        "speed": ["--crops", "1"],
    }


@pytest.fixture
def model(request: pytest.FixtureRequest) -> list[str]:
    """Return what names a real model."""
    folder = request.getfixturevalue("data") / "models/coco_ssd_mobilenet_v1_quant"
    return ["--model", str(folder / "detect.tflite")]


@pytest.mark.parametrize("what", bench.BENCHES)
def test_the_reference_of_a_bench_tells_of_every_field_that_it_prints(what: str, arguments, request, capsys):
    model = request.getfixturevalue("model") if what in ("gating", "supervisor", "speed") else []
    model += ["--judge", model[1]] if what == "gating" else []
    assert cli.main(["bench", what, *arguments[what], *model, "--json"]) == 0
    told = {row[0].strip("`") for row in table(section("bench.md", f"`tapetum bench {what}`"), 1)}
    assert told == fields(json.loads(capsys.readouterr().out))
