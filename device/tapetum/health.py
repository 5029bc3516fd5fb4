"""How the device does: gathered from its parts, written to a file, told to the broker."""

import contextlib
import os
import platform
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from tapetum import __version__
from tapetum.alerts.mqtt import BrokerState
from tapetum.camera import CameraState
from tapetum.errors import ConfigError
from tapetum.inference.state import InferenceState
from tapetum.inventory import LONGEST, MOST, Inventory, bounded
from tapetum.record import Standing

_PACKAGES = ("numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime", "paho-mqtt", "msgspec", "av")
_BLIND = {"covered": "there is nothing to be seen", "frozen": "it gives the same picture again and again"}
_LATELY_NS = 3600 * 10**9


@dataclass(frozen=True, slots=True)
class Health:
    """One look at the device. faults: what is not as it should be, in plain words; at_ns: CLOCK_BOOTTIME."""

    pid: int
    at_ns: int
    uptime_s: float
    clock: str
    faults: tuple[str, ...]
    cameras: Mapping[str, CameraState]
    inference: InferenceState
    models: Standing
    broker: BrokerState


def faults(
    cameras: Mapping[str, CameraState], inference: InferenceState, broker: BrokerState, disk: str
) -> tuple[str, ...]:
    """Return what is not as it should be. broker: with what it lost lately; disk: why nothing can be written, or ""."""
    gone = ((name, state) for name, state in cameras.items() if state.condition == "lost")
    found = [f"camera {name} is lost: {state.last_error or 'it gives no picture'}" for name, state in gone]
    blind = ((name, state.condition) for name, state in cameras.items() if state.condition in _BLIND)
    found += [f"camera {name} is {condition}: {_BLIND[condition]}" for name, condition in blind]
    out = [f"{name}: {one.reason}" for name, one in inference.accelerators.items() if one.reason]
    if inference.mode == "motion-only":
        found.append(f"model {inference.model} is given up: {inference.last_error or '; '.join(out)}")
    else:
        found += [f"accelerator {text}" for text in out]
    if broker.last_error:
        found.append(f"broker: {broker.last_error}")
    if broker.lost > broker.expired:
        found.append(f"{broker.lost - broker.expired} alerts were dropped in the last hour: the outbox is full")
    if broker.expired:
        late = "they had waited for longer than outbox.max_age_days"
        found.append(f"{broker.expired} alerts were dropped in the last hour: {late}")
    if disk:
        found.append(f"state_dir takes nothing ({disk}): make room in it; alerts wait in memory until then")
    return tuple(found)


class Lately:
    """What was lost in the last hour: what was lost once, and is no more, is no fault for ever."""

    def __init__(self) -> None:
        self._lost, self._expired = _Rise(), _Rise()

    def of(self, broker: BrokerState, now_ns: int) -> BrokerState:
        """Return `broker` with what was lost, and what expired, lately and not since the start."""
        lost, expired = self._lost.lately(broker.lost, now_ns), self._expired.lately(broker.expired, now_ns)
        return replace(broker, lost=lost, expired=expired)


class _Rise:
    """How much a count rose in the last hour."""

    def __init__(self) -> None:
        self._rises: deque[tuple[int, int]] = deque()  # when, and what the count was before
        self._count = 0

    def lately(self, count: int, now_ns: int) -> int:
        """Return by how much; `count` is what it has come to since the start, and never falls."""
        if count > self._count:
            self._rises.append((now_ns, self._count))
            self._count = count
        while self._rises and now_ns - self._rises[0][0] > _LATELY_NS:
            self._rises.popleft()
        return count - self._rises[0][1] if self._rises else 0


def write(path: Path, health: Health) -> str:
    """Replace the status file at `path`; return why the disk takes no new one, or "": that is no reason to stop."""
    temporary = path.with_suffix(".tmp")
    content = msgspec.json.encode(health)
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
            _overwrite(path, content)
        return error.strerror or str(error)
    return ""


def _overwrite(path: Path, content: bytes) -> None:
    """Write over the file that there is: a full disk lets us keep its blocks. Who reads right then may find a half."""
    with path.open("r+b", buffering=0) as file:
        file.write(content)
        file.truncate()


def read(path: Path) -> dict[str, Any] | None:
    """Return what the status file says, if the daemon that wrote it still runs; else None.

    Raises ConfigError when we may not read it.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        with contextlib.suppress(PermissionError):  # there is such a process, another user's
            os.kill(found["pid"], 0)
    except PermissionError as error:
        raise ConfigError(f"state_dir: {path}: {error.strerror}; ask as root or as the daemon's user") from None
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return None
    return found


def inventory(model: str, cameras: Mapping[str, str], classes: Sequence[str], root: str) -> Inventory:
    """Return what the device consists of: versions, model, cameras and their kinds of source, what it is.

    root: by which the root of trust is known that it was enrolled with.
    """
    return Inventory(
        tapetum=__version__,
        python=platform.python_version(),
        machine=platform.machine(),
        packages=bounded({name: found for name in _PACKAGES if (found := _version(name))}),
        model=model[:LONGEST],
        classes=tuple(one[:LONGEST] for one in classes[:MOST]),
        cameras=bounded(dict(cameras)),
        root=root,
    )


@cache
def _version(package: str) -> str:
    """Return the version of a package, "" where it is not installed: milliseconds, and told at each step of a model."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
