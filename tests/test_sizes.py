"""Modules and functions stay small enough to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tapetum
import tapetum_trainer

SOURCES = sorted(path for package in (tapetum, tapetum_trainer) for path in Path(package.__file__).parent.rglob("*.py"))
MODULE_LINES, FUNCTION_LINES, PARAMETERS = 300, 50, 6

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    """Yield every function of the module, those within classes and functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def parameters(function: Function) -> list[str]:
    """Return the parameters' names, those of the instance and the class left out."""
    given = function.args
    extra = [one for one in (given.vararg, given.kwarg) if one]
    names = [one.arg for one in [*given.posonlyargs, *given.args, *given.kwonlyargs, *extra]]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-3:]))
def test_a_module_and_its_functions_are_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES
    for function in functions(path):
        assert (function.end_lineno or 0) - function.lineno < FUNCTION_LINES, function.name
        assert len(parameters(function)) <= PARAMETERS, function.name


def test_there_are_sources_and_functions_to_be_measured() -> None:
    assert len(SOURCES) > 50
    assert sum(1 for path in SOURCES for _ in functions(path)) > 300
