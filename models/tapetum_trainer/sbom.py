"""What a model was made with, as a software bill of materials: every package of this environment, CycloneDX 1.6.

Made by cyclonedx-bom, which reads what is installed, in a process of its own. The same environment gives the same
bytes: no time, no serial number.
"""

import json
import subprocess
import sys
from pathlib import Path

from tapetum_trainer.errors import TrainerError

_TOOL = "cyclonedx_py"
_VERSION = "1.6"
_TIMEOUT_S = 300


def bill(python: str = sys.executable) -> bytes:
    """Return the bill of the environment of the interpreter `python`, JSON.

    Raises TrainerError where cyclonedx-bom is not installed beside the trainer, or cannot read the environment.
    """
    command = [sys.executable, "-m", _TOOL, "environment", "--spec-version", _VERSION, "--output-format", "JSON"]
    command += ["--output-reproducible", "--mc-type", "application", python]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise TrainerError(f"the bill of materials took longer than {_TIMEOUT_S} s; is {python} a local one?") from None
    if done.returncode:
        raise TrainerError(f"no bill of materials could be made: {_reason(done.stderr)}")
    return done.stdout


def _reason(stderr: bytes) -> str:
    text = stderr.decode(errors="replace").strip()
    if f"No module named {_TOOL}" in text:
        return "cyclonedx-bom is not there: pip install 'tapetum[train]'"
    return text.splitlines()[-1][:300] if text else "it did not say why"


def write(path: Path, python: str = sys.executable) -> int:
    """Write the bill to `path`, and return how many packages are in it; raises as `bill`."""
    content = bill(python)
    path.write_bytes(content)
    return len(json.loads(content).get("components", []))
