"""The scripts say in plain words what is missing, and do nothing that is done already."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = [*sorted(path for path in (CHECKOUT / "scripts").iterdir() if path.suffix != ".sh"), CHECKOUT / ".ci/run"]


def run(*command: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    words = [str(word) for word in command]
    environment = {**os.environ, **environment}
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=environment, cwd="/")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout of which the scripts may make something."""
    for name in ("scripts", "requirements"):
        shutil.copytree(CHECKOUT / name, tmp_path / name)
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH with all that the scripts use, and no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("bash", "env", "dirname", "cat", "sort", "paste", "sha256sum", "cut", "id", "grep"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_script_can_be_run_and_read_by_bash(script: Path):
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    assert run("bash", "-n", script).stderr == ""


def test_without_a_python_it_says_which_is_needed_and_where_to_get_it(copy: Path, tools: Path):
    done = run(copy / "scripts/run", PATH=str(tools))
    assert done.returncode == 1
    assert "Python 3.11 to 3.13 is needed; found: none" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr


def test_a_python_that_is_too_old_is_named(copy: Path, tools: Path):
    # Nothing but its answers make a Python old, and no old one can be counted on to be here.
    (tools / "python3").write_text('#!/bin/bash\n[[ $1 == -V ]] && echo "Python 3.9.2" || echo no\n')
    (tools / "python3").chmod(0o755)
    assert "found: Python 3.9.2" in run(copy / "scripts/run", PATH=str(tools)).stderr


def test_a_python_that_cannot_make_environments_is_told_apart(copy: Path, tools: Path):
    (tools / "python3").write_text("#!/bin/bash\necho incomplete\n")
    (tools / "python3").chmod(0o755)
    assert "sudo apt install python3-venv" in run(copy / "scripts/run", PATH=str(tools)).stderr


def test_an_extra_that_there_is_not_is_refused(copy: Path):
    done = run(copy / "scripts/environment", "--extras", "stream,steam")
    assert done.returncode == 1
    assert "known are stream" in done.stderr


def made(copy: Path, lock: str) -> None:
    """Make an environment that looks finished."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", copy / ".venv"], check=True)
    stamp = run("bash", "-c", f'source "{copy}/scripts/common.sh"; stamp_of "{copy}/.venv" {lock}').stdout
    assert stamp
    (copy / ".venv/stamp").write_text(stamp)


def test_an_environment_that_is_up_to_date_is_left_alone(copy: Path):
    made(copy, "run")
    done = run(copy / "scripts/environment")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("changed", ["requirements/run.txt", "pyproject.toml"])
def test_an_environment_is_brought_up_to_date_when_what_it_was_made_of_changed(copy: Path, changed: str):
    made(copy, "run")
    with (copy / changed).open("a") as file:
        file.write("# changed\n")
    assert "Installing requirements/run.txt" in run(copy / "scripts/environment").stderr


def test_an_environment_that_was_moved_is_made_anew(copy: Path, tmp_path: Path):
    made(copy, "run")
    stamp = copy / ".venv/stamp"
    stamp.write_text(stamp.read_text().replace(str(copy), "/elsewhere"))
    assert (
        "Making the environment .venv" in run(copy / "scripts/environment", PIP_NO_INDEX="1", PIP_FIND_LINKS="").stderr
    )


@pytest.fixture
def ci(copy: Path) -> Path:
    """Where `.ci/run` lies, with parts that pass at once."""
    shutil.copytree(CHECKOUT / ".ci", copy / ".ci")
    for part in ("check", "test", "test-backends", "test-legacy"):
        (copy / "scripts" / part).write_text(f"#!/bin/bash\necho {part} is run\n")
    return copy / ".ci/run"


def test_without_a_python_3_11_the_older_runtime_is_left_out_and_the_reason_told(ci: Path, tools: Path):
    done = run(ci, PATH=str(tools))
    assert (done.returncode, done.stderr) == (0, "")
    assert "check is run" in done.stdout
    assert "test-legacy is run" not in done.stdout
    assert "scripts/test-legacy: skipped, for want of a Python 3.11 that can make environments" in done.stdout


def test_with_a_python_3_11_the_older_runtime_must_pass(ci: Path, tools: Path):
    (tools / "python3.11").write_text('#!/bin/bash\n[[ $* == "- 11 11" ]] && echo yes || echo no\n')  # when probed
    (tools / "python3.11").chmod(0o755)
    assert "test-legacy is run" in run(ci, PATH=str(tools)).stdout
    (ci.parents[1] / "scripts/test-legacy").write_text("#!/bin/bash\nexit 1\n")
    done = run(ci, PATH=str(tools))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "== FAILED: scripts/test-legacy")
