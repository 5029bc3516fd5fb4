"""The page on models says what the decoders are, and what they can be told."""

import re
import typing
from pathlib import Path

import msgspec
import pytest

from tapetum.inference.decode import AnyDecoder
from tapetum.inference.decode.rows import Family

PAGE = (Path(__file__).parents[3] / "docs/ref/models.md").read_text(encoding="utf-8")
FAMILIES: tuple[type[Family], ...] = typing.get_args(AnyDecoder)
OUTPUTS = {"boxes", "classes", "scores", "output", "regressors", "heatmap", "size", "offset"}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table under `heading`."""
    text = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def tag(family: type[Family]) -> str:
    return str(family.__struct_config__.tag)


def test_every_decoder_stands_there_in_the_order_in_which_they_are_tried():
    expected = [[f"`{tag(family)}`", family.WANTED] for family in FAMILIES]
    assert [row[:2] for row in rows("Decoders")] == expected


@pytest.mark.parametrize("family", FAMILIES, ids=tag)
def test_everything_that_a_decoder_can_be_told_stands_there_with_its_default(family: type[Family]):
    mine = [row for row in rows("What a decoder can be told") if f"`{tag(family)}`" in row[0]]
    told = {key: row[2] for row in mine for key in re.findall(r"`(\w+)`", row[1])}
    fields = {field.name: field for field in msgspec.structs.fields(family)}
    kinds = {name for name, field in fields.items() if name not in OUTPUTS or isinstance(field.default, str)}
    assert told.keys() == kinds
    for name in kinds:
        default = fields[name].default
        shown = "" if default is msgspec.NODEFAULT else f"`{msgspec.json.encode(default).decode()}`"
        assert told[name] == shown, name


@pytest.mark.parametrize("family", FAMILIES, ids=tag)
def test_what_a_float_model_is_given_stands_there(family: type[Family]):
    text = " ".join(PAGE.partition("## What a model is given\n")[2].split())
    mean, std = family.MEAN_STD
    assert f"{mean:g} and {std:g}" in text
    if (mean, std) != Family.MEAN_STD:
        assert f"`{tag(family)}` {mean:g} and {std:g}" in text
    boxed = text.partition("are letterboxed")[0].rpartition(". ")[2]
    assert (f"`{tag(family)}`" in boxed) == (family.FIT == "letterbox")
