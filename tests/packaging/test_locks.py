"""The locked requirements are what pyproject.toml asks for, with hashes, and name no machine."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = sorted((CHECKOUT / "requirements").glob("*.txt"))
PINNED = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;\\]+)(?P<marker> ; [^\\]+)?( \\)?$", re.MULTILINE)


def text(lock: str) -> str:
    return (CHECKOUT / f"requirements/{lock}.txt").read_text(encoding="utf-8")


def versions(lock: str) -> dict[str, str]:
    return {found["name"]: found["version"] for found in PINNED.finditer(text(lock))}


def asked(*extras: str) -> list[Requirement]:
    """Return what the project and these extras of it ask for."""
    found = [Requirement(line) for line in PROJECT["dependencies"]]
    for extra in extras:
        for requirement in map(Requirement, EXTRAS[extra]):
            found += asked(*requirement.extras) if requirement.name == "tapetum" else [requirement]
    return found


def unmet(lock: str, requirements: list[Requirement]) -> list[str]:
    have = versions(lock)
    return [
        str(requirement)
        for requirement in requirements
        if not requirement.specifier.contains(have.get(canonicalize_name(requirement.name), "0"))
    ]


def test_the_lock_of_a_run_meets_what_a_run_asks_for():
    assert unmet("run", asked("stream", "broker", "pi")) == []


def test_the_lock_of_the_tests_meets_every_extra_but_that_of_several_machines():
    """Ray and what it brings are 600 MB, for tests of minutes that are run by hand."""
    assert unmet("test", asked(*EXTRAS.keys() - {"scale"})) == []


def test_the_lock_of_bookworm_meets_what_a_run_asks_for():
    assert unmet("bookworm", asked("stream", "broker", "pi")) == []


def test_the_older_runtime_s_lock_meets_all_but_the_newer_runtime():
    assert unmet("legacy", asked("stream")) == ["ai-edge-litert>=1.4"]
    assert versions("legacy")["tflite-runtime"] == "2.14.0"


def test_the_tests_run_on_the_very_versions_of_a_run():
    assert versions("run").items() <= versions("test").items()


def test_the_versions_are_those_that_go_together():
    for lock, numpy, opencv in (
        ("run", "2", "4.14"),
        ("bookworm", "1.26.4", "4.11.0.86"),
        ("legacy", "1.26.4", "4.11.0.86"),
    ):
        have = versions(lock)
        assert have["numpy"].startswith(numpy)
        assert have["opencv-python-headless"].startswith(opencv)


@pytest.mark.parametrize("lock", [path.stem for path in LOCKS])
def test_every_package_is_pinned_and_has_hashes(lock: str):
    blocks = re.split(r"\n(?=\S)", text(lock))
    packages = [block for block in blocks if not block.startswith("#")]
    assert packages
    assert [block for block in packages if not PINNED.match(block) or "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", [path.stem for path in LOCKS])
def test_a_lock_names_no_host_and_no_path(lock: str):
    assert re.findall(r"://|--index|--find-links|(?<!\S)/\S+", text(lock)) == []
