"""Whatever ends or fails before and after each step of an installing: it comes to its end, and nothing is left over."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.install.killed import cases


def run(folder: Path, *arguments: str) -> list[str]:
    """Run all cases; return a line for each."""
    command = [sys.executable, "-m", "tests.install.killed", str(folder), *arguments]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_an_installing_that_is_killed_hangs_or_fails_at_any_step_comes_to_its_end_without_help(tmp_path: Path):
    found = run(tmp_path)
    assert found == [f"{case}: ok" for case in cases()]
    assert len(found) == 66


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_an_installing_of_real_models_in_real_workers_comes_to_its_end_too(tmp_path: Path):
    assert run(tmp_path, "--real") == [f"{case}: ok" for case in cases()]
