"""What was built installs, and every module of it imports without a warning, on the other Pythons that are promised.

Long, and the one test that asks a package index: each Python gets an environment of its own from the lock.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.packaging.test_wheel import CHECKOUT, built

IMPORTED = """
import importlib, pkgutil
import tapetum, tapetum_trainer
names = [
    module.name
    for package in (tapetum, tapetum_trainer)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    if not module.name.endswith("__main__")
]
for name in names:
    importlib.import_module(name)
print(len(names), tapetum.__file__)
"""


def python(minor: int) -> str:
    """Return the path of a Python 3.`minor`, as the scripts find it, or skip."""
    find = f'source "{CHECKOUT}/scripts/common.sh"; find_python {minor} {minor}'
    found = subprocess.run(["bash", "-c", find], capture_output=True, text=True, check=False, timeout=60)
    if found.returncode:
        pytest.skip(f"no Python 3.{minor} that can make environments is on this machine")
    return found.stdout.strip()


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("minor", [11, 12, 13])
def test_the_package_installs_and_every_module_imports_without_a_warning(minor: int, tmp_path: Path):
    environment = tmp_path / "venv"
    subprocess.run([python(minor), "-m", "venv", environment], check=True, timeout=120)
    install = [environment / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wheel = built("wheel", tmp_path / "built")
    for what in (["--require-hashes", "-r", CHECKOUT / "requirements/run.txt"], ["--no-deps", wheel]):
        done = subprocess.run([*install, *what], capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stderr
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [environment / "bin/python", "-W", "error", "-c", IMPORTED]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd="/", env=alone)
    assert (done.returncode, done.stderr) == (0, "")
    count, where = done.stdout.split()
    assert int(count) > 100
    assert Path(where).is_relative_to(environment), "what was installed, not this checkout"
    subprocess.run([environment / "bin/tapetum", "--version"], check=True, timeout=60)
