"""What the documents say is so: links lead somewhere, examples are taken, commands and settings exist as told."""

import argparse
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tapetum import cli, config
from tapetum_trainer import recipe, tasks
from tapetum_trainer.rollout import plan
from tests.packaging.test_reference_config import structs

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page for page in ROOT.rglob("*.md") if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
)
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"(?:^|[\s(]|bin/)tapetum +([a-z][a-z-]+)([^\n|;&#]*)", re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def prose(page: Path) -> str:
    """Return the page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def headings(page: Path) -> list[str]:
    """Return the page's headings, without their signs."""
    return re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and GitLab make them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in headings(page):
        text = re.sub(r"\]\([^)]*\)", "]", heading)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@every_page
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page: Path):
    for link in _LINK.findall(_SPAN.sub("", prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


# --- examples of configurations


def blocks(kind: str) -> list[Any]:
    """Return (text) of every fenced block of this kind, named by its page and line."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if match[2] == kind:
                line = text.count("\n", 0, match.start()) + 1
                found.append(pytest.param(dedent(match[3]), id=f"{name_of(page)}:{line}"))
    return found


def the_yard() -> str:
    """Return the first recipe in the pages, that others are like."""
    return next(text for one in blocks("toml") for text in one.values if text.startswith('name = "yard"'))


@pytest.fixture(scope="module")
def etc(tmp_path_factory) -> Path:
    """Make a folder that holds what the examples look for in /etc/tapetum."""
    folder = tmp_path_factory.mktemp("etc")
    key = "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test"
    for name in ("ca", "device", "gate"):
        files = "-keyout", f"{name}.key", "-out", f"{name}.crt"
        command = ["openssl", "req", "-x509", "-newkey", *key, *files]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    credentials = folder / "credentials.toml"
    credentials.touch(0o600)
    credentials.write_text('user = "a"\npassword = "b"\n')
    return folder


def completed(text: str) -> str:
    """Return an example with a drawn scene for each of its cameras that has no source, at least for one."""
    values = tomllib.loads(text)
    cameras = values.get("camera", {"front": {}})
    lacking = [name for name, camera in cameras.items() if "source" not in camera]
    return text + "".join(f'\n[camera.{name}.source]\ntype = "synthetic"\n' for name in lacking)


@pytest.mark.parametrize("text", blocks("toml"))
def test_an_example_of_a_configuration_is_taken(text: str, etc: Path, tmp_path: Path, capsys):
    if re.match(r"# \S+\.toml\n", text) and not text.startswith("# tapetum.toml"):
        assert set(tomllib.loads(text)) == {"user", "password"}  # the one other file that the device has
        return
    if "\n[[stages]]" in text:
        (tmp_path / "plan.toml").write_text(text)
        assert plan.load(tmp_path / "plan.toml").stages
        return
    if text.startswith("task = "):
        (tmp_path / "recipe.toml").write_text(text)
        assert tasks.load(tmp_path / "recipe.toml").name == tomllib.loads(text)["name"]
        return
    if "\n[classes]" in text:
        assert recipe.parse(text).classes
        return
    if text.startswith('like = "yard.toml"'):
        (tmp_path / "yard.toml").write_text(the_yard())
        (tmp_path / "ours.toml").write_text(text)
        assert recipe.load(tmp_path / "ours.toml").name == tomllib.loads(text)["name"]
        return
    text = completed(text).replace("/etc/tapetum", str(etc))
    file = tmp_path / "tapetum.toml"
    file.write_text(text)
    found = config.parse(text)
    if not found.inference.model:
        assert cli.main(["check-config", str(file)]) == 0, capsys.readouterr().err


def test_there_are_examples_of_every_kind_of_source():
    text = (ROOT / "docs/guide/cameras.md").read_text(encoding="utf-8")
    for kind in structs(config.AnySource):
        assert f'type = "{kind.__struct_config__.tag}"' in text


# --- commands


def parser_of(command: str) -> argparse.ArgumentParser:
    """Return the parser of a command, `models show` as well as `run`."""
    name, _, verb = command.partition(" ")
    parser = argparse.ArgumentParser(prog=name)
    cli._module(name).add_arguments(parser)
    return verbs_of(parser)[verb] if verb else parser


def verbs_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of what a command can do, where it can do several things."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(groups[0].choices) if groups else {}


def commands() -> list[str]:
    """Return every command that the reference tells of by itself: `models show` as well as `run`, and one `bench`."""
    verbs = {name: [] if name == "bench" else verbs_of(parser_of(name)) for name in cli._COMMANDS}
    return [command for name in cli._COMMANDS for command in ([f"{name} {verb}" for verb in verbs[name]] or [name])]


def parser_for(command: str, arguments: str) -> argparse.ArgumentParser:
    """Return the parser that takes these arguments: that of the bench or of the verb that they begin with."""
    what = re.match(r" +([a-z]+)", arguments)
    verbs = verbs_of(parser_of(command))
    return verbs[what[1]] if what and verbs else parser_of(command)


def code(page: Path) -> Iterator[str]:
    """Yield every piece of code on the page, lines that go on joined."""
    for match in _FENCE.finditer(page.read_text(encoding="utf-8")):
        yield match[3].replace("\\\n", " ")
    yield from _SPAN.findall(prose(page))


@every_page
def test_every_command_that_is_named_exists_with_its_options(page: Path):
    for piece in code(page):
        for command, arguments in _COMMAND.findall(piece):
            assert command in cli._COMMANDS, piece
            parser = parser_for(command, arguments)
            known = {option for action in parser._actions for option in action.option_strings}
            assert set(re.findall(r"(?<=\s)-[-a-z]+", arguments)) <= known, piece


@every_page
def test_every_script_that_is_named_exists(page: Path):
    for piece in code(page):
        for script in re.findall(r"(?:^|[\s/(])(scripts/[a-z-]+)", piece):
            assert (ROOT / script).exists(), piece
