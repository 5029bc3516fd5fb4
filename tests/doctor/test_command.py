"""`tapetum doctor` says of each thing whether it is there, and of what is not the command that mends it."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tapetum.commands import doctor
from tapetum.doctor.finding import Finding, Machine
from tests.doctor.making import CORE, written


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    command = [sys.executable, "-m", "tapetum", "doctor", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | environment
    )


def test_a_machine_on_which_nothing_is_missing_is_told_so_line_by_line(tmp_path: Path) -> None:
    file = written(
        tmp_path / "tapetum.toml", f'state_dir = "{tmp_path}"\n[camera.front]\nsource = {{ type = "synthetic" }}\n'
    )
    done = run("--config", file)
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(re.fullmatch(r"(ok      |warning ) [\w-]+: .+", line) for line in lines)
    checks = [line[9:].partition(":")[0] for line in lines]
    assert checks[:6] == ["python", *CORE]
    assert {"configuration", "state_dir", "disk", "clock", "service", "watchdog", "broker", "model"} <= set(checks)
    assert f"ok       configuration: {file}: device " in done.stdout


def test_what_is_missing_comes_with_its_command_and_a_status(tmp_path: Path) -> None:
    file = written(tmp_path / "tapetum.toml", '[camera.front.source]\ntype = "v4l2"\ndevice = "/dev/no-camera"\n')
    done = run("--config", file)
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("missing  camera: "))
    assert line.startswith("missing  camera: /dev/no-camera: there is no such device; ")
    assert line.endswith(("v4l2-ctl --list-devices", f"-> editor {file}"))  # the latter where this machine has another


def test_a_machine_reads_the_same_as_one_object(tmp_path: Path) -> None:
    file = written(tmp_path / "tapetum.toml", "[broker]\nprot = 1\n")
    lines, found = run("--config", file), run("--config", file, "--json")
    report = json.loads(found.stdout)
    assert (lines.returncode, found.returncode, report["ok"]) == (1, 1, False)
    assert set(report) == {"ok", "checks"}
    free = re.compile(r"\d+ MB are free")  # while others write
    told = [free.sub("", Finding(**check).line) for check in report["checks"]]
    assert told == [free.sub("", line) for line in lines.stdout.splitlines()]
    (configuration,) = (check for check in report["checks"] if check["check"] == "configuration")
    assert configuration["what"].startswith(f"{file}: broker.prot: there is no such key; did you mean port?")
    assert configuration["mend"] == f"editor {file}"


def test_it_works_where_no_package_is_installed() -> None:
    packages = ("numpy", "cv2", "msgspec", "paho", "lap", "ai_edge_litert", "tflite_runtime", "av", "iotcore")
    code = f"""
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {packages}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from tapetum.cli import main
sys.exit(main(["doctor"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    for name in [*CORE, "ai-edge-litert"]:
        (line,) = (line for line in lines if line.startswith(f"missing  {name}: is not installed  -> "))
        command = shlex.split(line.partition(" -> ")[2])
        assert command[:4] == [sys.executable, "-m", "pip", "install"]
        assert re.fullmatch(rf"{name}[<>=].*", command[4])
    assert lines[-1].startswith("warning  configuration: not looked at")


def test_the_configuration_of_the_system_is_taken_where_none_is_named(root: Path) -> None:
    file = written(root / "etc/tapetum/tapetum.toml", 'device = "porch"\n')
    found = {finding.check: finding for finding in doctor.findings(Machine(root), None)}
    assert found["configuration"].what == f"{file}: names no camera"
