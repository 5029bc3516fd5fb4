"""Python and its packages: whether they are there, new enough, and load."""

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tapetum.doctor.finding import Finding, Machine, State

_OLDEST, _NEWEST = (3, 11), (3, 13)
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)\s*(?P<bounds>[^;]*)")
_BOUND = re.compile(r"(?P<sign>>=|<)\s*(?P<version>[\d.]+)")
_APT = Path("usr/lib/python3/dist-packages")
_PROVISION = "sudo scripts/provision"
_BROKEN = (ImportError, AttributeError, OSError, RuntimeError, SystemError, TypeError, ValueError)
"""What the import of a damaged or ill-fitting package ends with."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package: what pip calls it, what Python calls it, what it is for."""

    name: str
    module: str
    purpose: str = ""


CORE = (
    Package("numpy", "numpy"),
    Package("opencv-python-headless", "cv2"),
    Package("msgspec", "msgspec"),
    Package("paho-mqtt", "paho.mqtt.client"),
    Package("lap", "lap"),
)
RUNTIMES = (
    Package("ai-edge-litert", "ai_edge_litert.interpreter"),
    Package("tflite-runtime", "tflite_runtime.interpreter"),
)
STREAM = Package("av", "av", "files, network cameras and replay")
BROKER = Package("iotcore", "iotcore", "the broker of a first run")


def python(version: tuple[int, ...] = sys.version_info[:3], largest: int = sys.maxsize) -> Finding:
    """Whether this Python can run it: 64 bit, 3.11 to 3.13."""
    what = f"{'.'.join(map(str, version))}, {'64' if largest > 2**32 else '32'} bit, {sys.executable}"
    if largest <= 2**32:
        return Finding(
            "python", "missing", f"{what}; the TFLite runtime has no 32-bit packages: install a 64-bit system"
        )
    if not _OLDEST <= version[:2] <= _NEWEST:
        return Finding("python", "missing", f"{what}; 3.11 to 3.13 is needed", _PROVISION)
    return Finding("python", "ok", what)


def packages() -> Iterator[Finding]:
    """Look at all that is always needed, the model's runtime too."""
    for package in CORE:
        yield look(package, needed=True)
    found = [look(package, needed=True) for package in RUNTIMES]
    yield next((one for one in found if one.state == "ok"), found[0])


def look(package: Package, needed: bool) -> Finding:
    """Whether `package` loads in a version that will do; where it is not `needed`, it is only told."""
    bounds = requirements().get(package.name, "")
    install = pip(package.name + bounds)
    purpose = f" (for {package.purpose})" if package.purpose else ""
    try:
        module = importlib.import_module(package.module)
    except _BROKEN as error:
        what = "is not installed" if _is_absent(package.module, error) else f"does not load: {_short(error)}"
        return Finding(package.name, _bad(needed), what + purpose, install)
    version = getattr(module, "__version__", "") or _version(package.name)
    if not fits(version, bounds):
        return Finding(package.name, _bad(needed), f"{version} is installed, {bounds} is needed{purpose}", install)
    return Finding(package.name, "ok", version + purpose)


def requirements() -> dict[str, str]:
    """Return the bounds of every package's version as the installed Tapetum names them: numpy -> ">=1.26"."""
    try:
        lines = metadata.requires("tapetum") or []
    except metadata.PackageNotFoundError:
        return {}
    found = (_REQUIREMENT.match(line) for line in lines)
    return {one["name"]: one["bounds"].strip() for one in found if one}


def fits(version: str, bounds: str) -> bool:
    """Whether `version` lies within `bounds`, as ">=4.11,<6"; what cannot be read does."""
    if not version[:1].isdigit():
        return True
    found = _BOUND.finditer(bounds)
    return all((_numbers(version) >= _numbers(bound["version"])) is (bound["sign"] == ">=") for bound in found)


def pip(*what: str) -> str:
    """Return the command that installs `what` for this Python."""
    return shlex.join([sys.executable, "-m", "pip", "install", *what])


def picamera(machine: Machine, needed: bool) -> Finding:
    """Whether the Pi's own camera can be used: picamera2, from apt, in sight of this environment, sees one."""
    name, state = "picamera2", _bad(needed)
    try:
        found = importlib.import_module(name).Picamera2.global_camera_info()
    except ValueError as error:  # apt's, compiled for numpy 1, beside numpy 2
        mend = pip("numpy<2", "opencv-python-headless<4.12")
        return Finding(name, state, f"does not load: {_short(error)}; numpy is {_version('numpy')}", mend)
    except _BROKEN as error:
        if _is_absent(name, error) and (machine.root / _APT / name).is_dir():
            mend = f"python3 -m venv --system-site-packages {shlex.quote(sys.prefix)}"
            return Finding(name, state, "is installed, and out of this environment's sight", mend)
        what = "is not installed" if _is_absent(name, error) else f"does not load: {_short(error)}"
        return Finding(name, state, what, "sudo apt install --reinstall python3-picamera2")
    if not found:
        return Finding(name, state, "no camera is found on the board's connectors", "rpicam-hello --list-cameras")
    return Finding(name, "ok", f"cameras on the board's connectors: {len(found)}")


def _bad(needed: bool) -> State:
    return "missing" if needed else "warning"


def _is_absent(module: str, error: Exception) -> bool:
    """Whether `error` says that `module` itself is not there, and not something that it needs."""
    return isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a release to compare it by: 1.0 is 1, and of 2.1rc1 only 2.1 counts."""
    release = re.match(r"[\d.]*", version)
    numbers = [int(number) for number in (release[0] if release else "").split(".") if number]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "of an unknown version"


def _short(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
